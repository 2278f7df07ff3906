"""Remembers at which record of the log the process had to exit, so that it does not do so for ever.

A small file on the local disk: it must outlive the process, and must not need Kafka, which may be the trouble. If it
is lost, the process exits three more times before it lets the partition be. Workers may share it.
"""

import fcntl
import json
from datetime import timedelta
from pathlib import Path

from pcare_common.clock import Clock

EXITS_BEARABLE = 3
REMEMBERED = timedelta(days=1)
_MOST_LINES = 200

Entry = dict[str, str | int]


class CrashLedger:
    """The exits of the last day, by partition and offset. `directory` is made where it is missing."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "exits.jsonl"
        self._clock = clock

    def may_exit(self, topic: str, partition: int, offset: int) -> bool:
        """Return whether the process should exit because of this record, and remember that it does.

        False from the fourth time within a day on: starting again has not helped, so a person has to look.
        """
        now = self._clock.now()
        oldest = (now - REMEMBERED).isoformat()
        place: Entry = {"topic": topic, "partition": partition, "offset": offset}
        with self._path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            exits = [entry for line in file if (entry := _read(line)) and str(entry["at"]) >= oldest][-_MOST_LINES:]
            if sum({**place, "at": entry["at"]} == entry for entry in exits) >= EXITS_BEARABLE:
                return False
            exits.append({**place, "at": now.isoformat()})
            file.seek(0)
            file.truncate()
            file.writelines(json.dumps(entry) + "\n" for entry in exits)
        return True


def _read(line: str) -> Entry | None:
    """Return an entry, or None for a line that a kill cut short."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("at"), str) else None
