"""Every KPI, counted from the log alone. Naive on purpose: each rule is read off the page and applied to all facts.

It shares no line with the aggregator's fold and none with the SQL, so that an error in one of the three shows.
"""

import datetime as dt
from collections.abc import Iterable

from pcare_audit.facts import facts_of
from pcare_audit.sums import RULES, Counted, Counts, Sums
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.log import LogLine

__all__ = ["RULES", "Counted", "Counts", "Replay", "replay_kpis"]


def replay_kpis(lines: Iterable[LogLine], catalogue: Catalogue, at: dt.datetime) -> Counts:
    """Count every KPI of the catalogue for an instant, from the lines of the whole log in any order."""
    return Replay(lines).kpis(catalogue, at)


class Replay:
    """The facts of a log, to be counted at several instants."""

    def __init__(self, lines: Iterable[LogLine]) -> None:
        self._facts = facts_of(lines)

    def kpis(self, catalogue: Catalogue, at: dt.datetime) -> Counts:
        """Count every KPI of the catalogue for an instant."""
        sums = Sums(catalogue)
        sums.add(self._facts, at)
        return sums.counts()
