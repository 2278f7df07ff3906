"""What workers tell each other: each partition's counts, on a compacted topic that every worker reads whole.

Why this needs no fencing token and no generation: a partition's counts are a pure function of (the log up to an
offset, an instant). Two workers that state the same pair state the same counts, whoever owns the partition by now; a
worker that wakes after a long stop can only repeat an older truth. So of two records the one further on in the log,
then the one of the later instant, is taken, and who wrote it does not matter.

Three things could break that, and are guarded against: another catalogue (its records are not ours to read: the
version is in the key and the value), a topic that was made anew (`log_started` tells the new log from the old, and
the later one wins), and offsets beyond the log's end (see `whole`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from pcare_kpi_aggregator.counts import Line, Lines, Told
from pcare_kpi_aggregator.partition import Snapshot
from pcare_kpi_aggregator.years import instant_of, iso

FORMAT = 3


@dataclass(frozen=True, slots=True)
class Partial:
    """One partition's counts as one worker states them. `owner` names the worker, for people."""

    catalogue: str
    partition: int
    owner: str
    snapshot: Snapshot

    @property
    def rank(self) -> tuple[int, int, int]:
        """Of two partials of one partition and catalogue, the one with the greater rank is to be taken."""
        snapshot = self.snapshot
        return (-1 if snapshot.log_started is None else snapshot.log_started, snapshot.applied_through, snapshot.at)


def key_of(catalogue: str, partition: int) -> bytes:
    """Return the key under which compaction keeps the latest partial of a partition."""
    return _prefix(catalogue) + str(partition).encode()


def is_of(catalogue: str, key: bytes | None) -> bool:
    """Say whether a record's key is that of a partial of a catalogue, whichever partition's."""
    return key is not None and key.startswith(_prefix(catalogue))


def _prefix(catalogue: str) -> bytes:
    return f"{FORMAT}/{catalogue}/".encode()


def encode(partial: Partial) -> bytes:
    """Return the value of a partial's record."""
    snapshot = partial.snapshot
    counts: dict[str, dict[str, Line]] = {}
    for (part, borough), line in snapshot.counts.lines().items():
        counts.setdefault(part, {})[borough] = line
    return orjson.dumps(
        {
            "format": FORMAT,
            "catalogue": partial.catalogue,
            "partition": partial.partition,
            "owner": partial.owner,
            "log_started": snapshot.log_started,
            "log_written": snapshot.log_written,
            "applied_through": snapshot.applied_through,
            "at": iso(snapshot.at),
            "counts": counts,
        }
    )


def decode(value: bytes) -> Partial:
    """Return the partial that a record holds. Raises ValueError, KeyError or TypeError for anything else."""
    document: dict[str, Any] = orjson.loads(value)
    if document["format"] != FORMAT:
        raise ValueError(f"partials of format {document['format']!r} are not known here")
    counts: Lines = {
        (part, borough): _line(line)
        for part, boroughs in document["counts"].items()
        for borough, line in boroughs.items()
    }
    snapshot = Snapshot(
        log_started=document["log_started"],
        applied_through=int(document["applied_through"]),
        at=instant_of(datetime.fromisoformat(document["at"])),
        counts=Told(counts),
        log_written=document["log_written"],
    )
    return Partial(document["catalogue"], int(document["partition"]), document["owner"], snapshot)


def _line(line: Any) -> Line:
    if not isinstance(line, list) or not line or set(map(type, line)) != {int}:
        raise ValueError("no counts by month")
    return tuple(line)
