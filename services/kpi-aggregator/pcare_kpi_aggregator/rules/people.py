"""People with a fact of a kind, ever: kept as changes a year, so that a new year opens without looking at anyone."""

from pcare_kpi_aggregator.rules.rule import FactsByKind, Parts, running
from pcare_kpi_aggregator.tally import Tally
from pcare_kpi_aggregator.years import year_of


class PeopleEver:
    """The number of people with such a fact up to the end of the year, in the borough of the latest one."""

    def __init__(self, kpi: str, kind: str) -> None:
        self._kpi = kpi
        self._kind = kind

    @property
    def kinds(self) -> frozenset[str]:
        """The one kind it reads."""
        return frozenset({self._kind})

    def count(self, facts: FactsByKind, tally: Tally) -> None:
        """Add the change of each year in which the person came in or changed borough."""
        latest = {}
        for fact in facts.get(self._kind, ()):
            if fact.time < tally.at:
                latest[year_of(fact.time)] = fact.borough
            else:
                tally.wake(fact.time + 1)
        before: str | None = None
        for year, borough in latest.items():  # the facts came in order of time, and so do the years
            tally.move(self._kpi, before, borough, year)
            before = borough

    def finish(self, parts: Parts, year: int) -> int:
        """Return the changes of this year and of all before it, added up."""
        return running(parts, self._kpi, before=year + 1)
