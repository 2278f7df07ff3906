"""Rules that count subjects: each once, in the borough of its latest fact."""

from collections.abc import Iterable

from pcare_kpi_aggregator.facts import Fact
from pcare_kpi_aggregator.reading import Reading
from pcare_kpi_aggregator.rules.events import Events, OfOneKind
from pcare_kpi_aggregator.rules.rule import Value, a_count, a_share
from pcare_kpi_aggregator.sums import MEMBER, Seen
from pcare_kpi_aggregator.years import MONTHS


def follow_through_year(reading: Reading, part: str, facts: Iterable[Fact]) -> None:
    """Count a subject once in each year with a fact: from its first month on, always in the latest fact's borough."""
    before: str | None = None
    current = None
    for fact in facts:
        year = fact.month // MONTHS
        if year != current:
            current = year
            reading.add(part, fact.borough, fact.month)
        elif fact.borough != before:
            reading.move(part, before, fact.borough, fact.month)
        before = fact.borough


class PeopleEver(Events):
    """The number of subjects with such a fact up to the end of the year, in the borough of the latest one.

    Kept as changes a month, so that a new year opens without looking at anyone.
    """

    one_by_one = False

    def count(self, reading: Reading) -> None:
        """Add the change of each month in which the subject came in or changed borough."""
        before: str | None = None
        for fact in self._passing(reading):
            if fact.borough != before:
                reading.move(self._kpi, before, fact.borough, fact.month)
                before = fact.borough

    def finish(self, seen: Seen) -> Value:
        """Return what all changes so far have come to."""
        return a_count(seen.ever(self._kpi))


class PeopleReached:
    """The number of subjects with a fact of any of several kinds in the year, in the borough of the latest one."""

    one_by_one = False
    by_likeness = True

    def __init__(self, kpi: str, kinds: Iterable[str]) -> None:
        self._kpi = kpi
        self._kinds = frozenset(kinds)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds, any of which will do."""
        return self._kinds

    @property
    def starting(self) -> frozenset[str]:
        """The same."""
        return self._kinds

    def count(self, reading: Reading) -> None:
        """Follow the subject's borough from month to month of each year with a fact."""
        facts: list[Fact] = []
        for kind in reading.by_kind:
            if kind in self._kinds:
                facts += reading.facts(kind)
        if len({fact.borough for fact in facts}) > 1:
            facts.sort()
            follow_through_year(reading, self._kpi, facts)
            return
        current = None
        for month in sorted({fact.month for fact in facts}):
            if month // MONTHS != current:
                current = month // MONTHS
                reading.add(self._kpi, facts[0].borough, month)

    def finish(self, seen: Seen) -> Value:
        """Return the sum: a subject counts in one borough."""
        return a_count(seen.in_year(self._kpi))


class ShareOfLatest(OfOneKind):
    """How much of a list each subject's latest fact of the year names, as a percentage of all there is to name."""

    one_by_one = False

    def __init__(self, kpi: str, kind: str, amount: int, out_of: int) -> None:
        super().__init__(kpi, kind)
        self._amount = amount
        self._out_of = out_of
        self._named = f"{kpi}{MEMBER}named"
        self._all = f"{kpi}{MEMBER}all"

    def count(self, reading: Reading) -> None:
        """Add what each fact names, and take back what the one before it in its year did."""
        before: Fact | None = None
        for fact in reading.facts(self._kind):
            if before is not None and before.month // MONTHS == fact.month // MONTHS:
                self._add(reading, before, fact.month, -1)
            self._add(reading, fact, fact.month, 1)
            before = fact

    def finish(self, seen: Seen) -> Value:
        """Return the one sum as a percentage of the other."""
        return a_share(seen.in_year(self._named), seen.in_year(self._all))

    def _add(self, reading: Reading, fact: Fact, month: int, sign: int) -> None:
        reading.add(self._named, fact.borough, month, sign * fact.amounts[self._amount])
        reading.add(self._all, fact.borough, month, sign * self._out_of)
