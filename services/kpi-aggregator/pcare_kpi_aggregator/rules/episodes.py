"""Rules over episodes: distinct references, each dated, placed and classified by its earliest fact.

Take back that earliest fact, and the episode moves to the next one: perhaps to another year and borough.
"""

from collections.abc import Iterable

from pcare_kpi_aggregator.facts import Fact
from pcare_kpi_aggregator.rules.rule import FactsByKind, Parts, number
from pcare_kpi_aggregator.tally import Tally
from pcare_kpi_aggregator.years import year_of


def first_facts(facts: Iterable[Fact]) -> Iterable[Fact]:
    """Return the earliest fact of each reference. `facts` must be in the order among facts, and so is the answer."""
    first: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        first.setdefault((fact.ref_source, fact.ref), fact)
    return first.values()


class _OfEpisodes:
    """Reads the episodes of one kind of event that have begun by the instant counted at."""

    def __init__(self, kpi: str, kind: str) -> None:
        self._kpi = kpi
        self._kind = kind

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset({self._kind})

    def _episodes(self, facts: FactsByKind, tally: Tally) -> Iterable[Fact]:
        for fact in first_facts(facts.get(self._kind, ())):
            if fact.time < tally.at:
                yield fact
            else:
                tally.wake(fact.time + 1)


class Episodes(_OfEpisodes):
    """The number of episodes that began in the year."""

    def count(self, facts: FactsByKind, tally: Tally) -> None:
        """Add one for each episode, in its year and borough."""
        for fact in self._episodes(facts, tally):
            tally.add(self._kpi, fact.borough, year_of(fact.time))

    def finish(self, parts: Parts, year: int) -> int:
        """Return the sum."""
        return number(parts, self._kpi, year)


class PeopleInYear(_OfEpisodes):
    """The number of people with an episode that began in the year, in the borough of the latest one."""

    def count(self, facts: FactsByKind, tally: Tally) -> None:
        """Add one for each year with an episode."""
        latest = {year_of(fact.time): fact for fact in self._episodes(facts, tally)}
        for year, fact in latest.items():
            tally.add(self._kpi, fact.borough, year)

    def finish(self, parts: Parts, year: int) -> int:
        """Return the sum: a person counts in one borough."""
        return number(parts, self._kpi, year)


class Reached(_OfEpisodes):
    """How many members of a code list have at least `threshold` episodes in the year.

    Not additive: three episodes in one borough and three in another reach a threshold of five for NCL and for
    neither borough. So each member's episodes are the parts, and only the finish compares.
    """

    def __init__(self, kpi: str, kind: str, threshold: int) -> None:
        super().__init__(kpi, kind)
        self._prefix = f"{kpi}/"
        self._threshold = threshold

    def count(self, facts: FactsByKind, tally: Tally) -> None:
        """Add one for each episode, to its member of the code list."""
        for fact in self._episodes(facts, tally):
            tally.add(self._prefix + fact.code, fact.borough, year_of(fact.time))

    def finish(self, parts: Parts, year: int) -> int:
        """Return the number of members that reach the threshold."""
        return sum(
            part.startswith(self._prefix) and years.get(year, 0) >= self._threshold for part, years in parts.items()
        )
