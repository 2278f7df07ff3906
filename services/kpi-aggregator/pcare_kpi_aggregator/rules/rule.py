"""What every rule does: count one subject, and finish the sums of all subjects into the KPI's value."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pcare_kpi_aggregator.facts import Fact
from pcare_kpi_aggregator.tally import Tally

FactsByKind = Mapping[str, Sequence[Fact]]
"""One subject's facts that were not taken back, by kind, each in the order among facts."""

Parts = Mapping[str, Mapping[int, int]]
"""The sums for one borough, or for NCL: by part, then by financial year."""


class Rule(Protocol):
    """How one KPI is counted."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of event that it reads."""
        ...

    def count(self, facts: FactsByKind, tally: Tally) -> None:
        """Add what one subject contributes at the tally's instant. Only additive parts are ever counted."""
        ...

    def finish(self, parts: Parts, year: int) -> int:
        """Return the KPI's value in `year` from the sums of one borough, or of NCL."""
        ...


def number(parts: Parts, part: str, year: int) -> int:
    """Return one part's sum in one year."""
    return parts.get(part, {}).get(year, 0)


def running(parts: Parts, part: str, before: int) -> int:
    """Return what a part's changes have come to in all the years before the year `before`."""
    return sum(change for year, change in parts.get(part, {}).items() if year < before)
