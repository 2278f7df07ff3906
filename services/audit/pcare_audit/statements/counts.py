"""What became of the events that arrived in a time, counted. Pure.

A number that nobody can know any more is None, and so is each sum that it would be part of: never a made-up zero.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Counts:
    """Each event that arrived has exactly one of the four outcomes; `repaired` are some of the rejected.

    `duplicates` are repeats of what was recorded before; `waiting` is what the recorder has not judged yet.
    """

    recorded: int = 0
    rejected: int = 0
    repaired: int = 0
    duplicates: int | None = 0
    waiting: int | None = 0

    @property
    def accepted(self) -> int | None:
        """How many events arrived: answered with 202 by ingest, or acknowledged by Kafka."""
        if self.duplicates is None or self.waiting is None:
            return None
        return self.recorded + self.rejected + self.duplicates + self.waiting

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.recorded + other.recorded,
            self.rejected + other.rejected,
            self.repaired + other.repaired,
            _sum(self.duplicates, other.duplicates),
            _sum(self.waiting, other.waiting),
        )

    def document(self) -> dict[str, int | None]:
        """Return them as JSON values."""
        return {
            "accepted": self.accepted,
            "recorded": self.recorded,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "repaired": self.repaired,
            "waiting": self.waiting,
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what `document` made. Raises KeyError and TypeError for anything else."""
        return cls(
            whole(document["recorded"]),
            whole(document["rejected"]),
            whole(document["repaired"]),
            perhaps(document["duplicates"]),
            perhaps(document["waiting"]),
        )


def total(counts: Iterable[Counts]) -> Counts:
    """Return the sum."""
    summed = Counts()
    for one in counts:
        summed += one
    return summed


def whole(value: object) -> int:
    """Return a number of events. Raises TypeError for what is none."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is no number of events")
    return value


def perhaps(value: object) -> int | None:
    """Return a number of events, or None. Raises TypeError for what is neither."""
    return None if value is None else whole(value)


def in_words(number: int | None) -> str:
    """Return a number as people read it."""
    return NOT_KNOWN if number is None else f"{number:,}"


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
