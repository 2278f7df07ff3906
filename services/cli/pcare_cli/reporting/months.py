"""How every KPI went through its years, month by month: folded from the texts of the record, in one pass.

SQL takes as long for each month's end as for all numbers together. The fold keeps its counts by month, so one pass over
the record gives all of them; the last of each line is held against the numbers that were compared.
"""

from collections.abc import Iterable

import asyncpg

from pcare_kpi_aggregator.finish import Finished
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.partition import PartitionState
from pcare_schemas.kpis.catalogue import Catalogue

AT_ONCE = 5_000
SECONDS = 600.0


def fold_texts(texts: Iterable[bytes], catalogue: Catalogue, at: int) -> Finished:
    """Count what these texts of recorded events come to at the instant `at`. Raises FoldError for one that fails."""
    months = Months(catalogue)
    for text in texts:
        months.add(text)
    return months.finished(at)


class Months:
    """Takes in the record's texts, in any order, each event once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._fold = Fold.of(catalogue)
        self._state = PartitionState(self._fold, self._fold.decoder())
        self._taken = 0

    def add(self, text: bytes) -> None:
        """Take in an event's text. Raises FoldError."""
        self._state.apply(self._taken, text, 0)
        self._taken += 1

    def finished(self, at: int) -> Finished:
        """Return all counts at the instant `at`. Raises FoldError."""
        self._state.settle(at, thorough=True)
        return Finished(self._fold.rules, [self._state.snapshot().counts.lines()], at)


async def read_months(connection: asyncpg.Connection, catalogue: Catalogue, at: int) -> Finished:
    """Count what the database's texts come to at the instant `at`. A merged person's texts name whom they became."""
    months = Months(catalogue)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        query = "SELECT published::text FROM pcare.published"
        async for (text,) in connection.cursor(query, prefetch=AT_ONCE, timeout=SECONDS):
            months.add(text.encode())
    return months.finished(at)
