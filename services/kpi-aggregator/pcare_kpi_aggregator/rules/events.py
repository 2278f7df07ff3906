"""Rules over events, each of which counts by itself: their number, a share of them, a mean over them."""

from collections.abc import Sequence

from pcare_kpi_aggregator.facts import Fact
from pcare_kpi_aggregator.reading import Reading
from pcare_kpi_aggregator.rules.rule import Value, a_count, a_mean, a_share
from pcare_kpi_aggregator.sums import MEMBER, Seen


class OfOneKind:
    """Reads the facts of one kind that pass a filter: those that bear all bits of `mask`."""

    one_by_one = True
    by_likeness = True

    def __init__(self, kpi: str, kind: str, mask: int = 0) -> None:
        self._kpi = kpi
        self._kind = kind
        self._mask = mask

    @property
    def kinds(self) -> frozenset[str]:
        """The one kind."""
        return frozenset({self._kind})

    @property
    def starting(self) -> frozenset[str]:
        """The same."""
        return frozenset({self._kind})

    def _passing(self, reading: Reading) -> Sequence[Fact]:
        facts = reading.facts(self._kind)
        mask = self._mask
        return [fact for fact in facts if fact.marks & mask == mask] if mask else facts


class Events(OfOneKind):
    """The number of events in the year."""

    def count(self, reading: Reading) -> None:
        """Add one for each event, in its month and borough."""
        for fact in self._passing(reading):
            reading.add(self._kpi, fact.borough, fact.month)

    def finish(self, seen: Seen) -> Value:
        """Return the sum."""
        return a_count(seen.in_year(self._kpi))


class ShareOfEvents(OfOneKind):
    """The percentage of the events in the year that also pass another filter: bear the bits of `which`."""

    def __init__(self, kpi: str, kind: str, mask: int, which: int, at_least: int | None) -> None:
        super().__init__(kpi, kind, mask)
        self._which = which
        self._at_least = at_least or 1
        self._of = f"{kpi}{MEMBER}of"
        self._passed = f"{kpi}{MEMBER}which"

    def count(self, reading: Reading) -> None:
        """Add one for each event, and another for each that passes."""
        which = self._which
        for fact in self._passing(reading):
            reading.add(self._of, fact.borough, fact.month)
            if fact.marks & which == which:
                reading.add(self._passed, fact.borough, fact.month)

    def finish(self, seen: Seen) -> Value:
        """Return the one sum as a percentage of the other."""
        passed, of = seen.in_year(self._passed), seen.in_year(self._of)
        return a_share(passed, of, at_least=self._at_least)


class Mean(OfOneKind):
    """The mean over the events in the year of the mean of `fields` numbers, whose sum each fact has at `amount`."""

    def __init__(self, kpi: str, kind: str, mask: int, *, amount: int, fields: int, at_least: int | None) -> None:
        super().__init__(kpi, kind, mask)
        self._amount = amount
        self._fields = fields
        self._at_least = at_least or 1
        self._total = f"{kpi}{MEMBER}total"
        self._events = f"{kpi}{MEMBER}events"

    def count(self, reading: Reading) -> None:
        """Add each event's sum, and one."""
        for fact in self._passing(reading):
            reading.add(self._total, fact.borough, fact.month, fact.amounts[self._amount])
            reading.add(self._events, fact.borough, fact.month)

    def finish(self, seen: Seen) -> Value:
        """Return the total over the numbers that make it up."""
        events = seen.in_year(self._events)
        total = seen.in_year(self._total)
        return a_mean(total, events * self._fields, enough=events >= self._at_least)
