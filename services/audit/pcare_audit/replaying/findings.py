"""What the parts of a replay found, gathered: differences up to a bound, and how many there were. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pcare_audit.replaying.result import LISTED, Check, Difference, Kind, Stretch
from pcare_schemas.origin import Origin

CHECKS = {
    "submitted": "Each submitted record is recorded, a duplicate or rejected, as the rules of its verdict say.",
    "log": "Each event of the log has its row, and the row holds what the event says, to the byte and the column.",
    "rows": "Each row stands in the log.",
    "repeats": "What the log holds more than once is the same each time.",
    "rejections": "Each rejection is the same in the table and on the topic.",
    "counts": "What each partition's cursor counts is what is there.",
    "links": "Each pseudonym leads to one subject: in the table, on the topic, and by its events.",
    "kpis": "Each KPI is the same by replay, by SQL and in the running aggregator.",
}
"""The comparisons, in words."""


class Doubt(NamedTuple):
    """A difference that still has to be looked at to be named: whose it is, and in the log where."""

    kind: Kind
    origin: Origin
    place: Origin | None = None
    words: str | None = None
    field: str | None = None


@dataclass(slots=True)
class Findings:
    """What was compared and found. Parts of a replay each have their own; `join` puts them together."""

    compared: Counter[str] = field(default_factory=Counter)
    differing: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    doubts: list[tuple[str, Doubt]] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)

    def differ(self, check: str, difference: Difference) -> None:
        """Take note of a difference."""
        self.differing[check] += 1
        if len(self.differences) < LISTED:
            self.differences.append(difference)

    def doubt(self, check: str, doubt: Doubt) -> None:
        """Take note of a difference that is to be named later."""
        self.differing[check] += 1
        if len(self.doubts) < LISTED:
            self.doubts.append((check, doubt))

    def join(self, other: "Findings") -> None:
        """Add what another part found."""
        for mine, theirs in (
            (self.compared, other.compared),
            (self.differing, other.differing),
            (self.counts, other.counts),
            (self.versions, other.versions),
            (self.troubles, other.troubles),
            (self.left_out, other.left_out),
        ):
            mine.update(theirs)
        self.differences += other.differences[: LISTED - len(self.differences)]
        self.doubts += other.doubts[: LISTED - len(self.doubts)]
        self.stretches += other.stretches

    def checks(self) -> list[Check]:
        """Return each comparison with its numbers; one that was not made is not there."""
        made = set(self.compared) | set(self.differing)
        return [
            Check(name, words, self.compared[name], self.differing[name])
            for name, words in CHECKS.items()
            if name in made
        ]

    @property
    def total(self) -> int:
        """How many differences there are, listed or not."""
        return self.differing.total()


def numbered(said: Counter[str]) -> list[str]:
    """Return remarks in words, each with how often it was made."""
    return [f"{number:,} {words}" for words, number in sorted(said.items())]


def first(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return stretches in the order of their places."""
    return sorted(stretches, key=lambda one: (one.topic, one.partition, one.from_offset))
