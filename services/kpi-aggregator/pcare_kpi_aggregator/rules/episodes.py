"""Rules over episodes: distinct references, each dated, placed and classified by its earliest fact."""

from collections.abc import Mapping, Sequence

from pcare_kpi_aggregator.facts import Fact
from pcare_kpi_aggregator.reading import Reading
from pcare_kpi_aggregator.rules.events import Events, ShareOfEvents
from pcare_kpi_aggregator.rules.people import follow_through_year
from pcare_kpi_aggregator.rules.rule import Value, a_count
from pcare_kpi_aggregator.sums import MEMBER, Seen


class _OfEpisodes:
    """Reads the episodes of one kind whose earliest fact passes the filter."""

    one_by_one = False
    _kind: str
    _mask: int

    def _passing(self, reading: Reading) -> Sequence[Fact]:
        episodes = reading.episodes(self._kind)
        mask = self._mask
        return [fact for fact in episodes if fact.marks & mask == mask] if mask else episodes


class Episodes(_OfEpisodes, Events):
    """The number of episodes that began in the year."""


class ShareOfEpisodes(_OfEpisodes, ShareOfEvents):
    """The percentage of the episodes that began in the year that also pass another filter."""


class PeopleInYear(_OfEpisodes, Events):
    """The number of people with an episode that began in the year, in the borough of the latest one."""

    def count(self, reading: Reading) -> None:
        """Follow the person's borough from month to month of each year with an episode."""
        follow_through_year(reading, self._kpi, self._passing(reading))


class Reached(_OfEpisodes, Events):
    """How many members of a code list have at least `threshold` episodes in the year.

    Not additive: three episodes in one borough and three in another reach a threshold of five for NCL and for
    neither borough. So each member's episodes are the parts, and only the finish compares. `member_of` says to which
    member a code belongs, where that is not the code itself; a code that it leaves out counts for none.
    """

    def __init__(
        self, kpi: str, kind: str, mask: int, threshold: int, member_of: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(kpi, kind, mask)
        self._threshold = threshold
        self._member_of = member_of

    def count(self, reading: Reading) -> None:
        """Add one for each episode, to its member of the code list."""
        for fact in self._passing(reading):
            member = fact.code if self._member_of is None else self._member_of.get(fact.code)
            if member is not None:
                reading.add(self._kpi + MEMBER + member, fact.borough, fact.month)

    def finish(self, seen: Seen) -> Value:
        """Return the number of members that reach the threshold."""
        counts = (seen.in_year(part) for part in seen.sums.members(self._kpi))
        return a_count(sum(count >= self._threshold for count in counts))
