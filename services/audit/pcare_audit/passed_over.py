"""Events of kinds that nobody asked for, remembered by no more than it takes to know what takes them back. Pure.

A retraction names an event and not its kind. So it is one of another kind where its event was passed over; where its
event was never heard of, nobody can say of which kind it is, and it stays.
"""

from array import array
from collections.abc import Sequence

from pcare_schemas.envelope import type_of
from pcare_schemas.log import LogLine
from pcare_schemas.retraction import EventRetracted

_RETRACTION = type_of(EventRetracted.KIND)


class PassedOver:
    """The events that were passed over in one portion of the log: eight bytes each."""

    def __init__(self) -> None:
        self._names = array("q")

    def add(self, line: LogLine) -> None:
        """Take note of an event that was passed over."""
        self._names.append(hash((line.source, line.id)))

    def without_their_retractions(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """Return the lines of the portion but those that take back what was passed over, and nothing else."""
        named = {hash(name) for line in lines if (name := _takes_back(line)) is not None}
        others = named.intersection(self._names)
        if others:
            others -= {hash((line.source, line.id)) for line in lines}
        return [line for line in lines if (name := _takes_back(line)) is None or hash(name) not in others]


def _takes_back(line: LogLine) -> tuple[str, str] | None:
    if line.type != _RETRACTION:
        return None
    what = line.data.get("retracts")
    return (line.source, what) if isinstance(what, str) else None  # a line that is forged breaks who counts it
