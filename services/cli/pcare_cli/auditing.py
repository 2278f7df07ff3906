"""Waits until all has settled, then draws up the report: the accounting, and the KPIs of stream, SQL and replay."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from pcare_audit.log_reading import read_log
from pcare_audit.replay import Counts, Replay
from pcare_cli import accounting_readers as readers
from pcare_cli import settling
from pcare_cli.accounting import Accounting, KpiRow, PartitionAccount, Report, compare, lost
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.topics import RECORDED

PATIENCE_SECONDS = 120.0  # without a step forward; with progress, a run may take as long as it takes
POLL_SECONDS = 0.5
ASKED_AGAIN = 10  # times, when a number falls due between two instants


@dataclass(frozen=True, slots=True)
class Comparison:
    """The KPIs counted in three ways at an instant, or why they could not be."""

    instant: dt.datetime | None = None
    rows: tuple[KpiRow, ...] = ()
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counting:
    """SQL and replay, which count for any instant."""

    connection: asyncpg.Connection
    replay: Replay
    catalogue: Catalogue

    async def by_sql(self, instant: dt.datetime) -> Counts:
        """Return what SQL counts from the database for an instant."""
        return await readers.sql_kpis(self.connection, self.catalogue, instant)

    async def by_replay(self, instant: dt.datetime) -> Counts:
        """Return what the replay counts from the log for an instant."""
        return await asyncio.to_thread(self.replay.kpis, self.catalogue, instant)


class NotSettledError(Exception):
    """Records stayed on their way without a step forward. The message says how many and where."""


@dataclass(frozen=True, slots=True)
class Auditor:
    """Where to ask. `options` are kafka-python's connection options, `group` is the recorder's consumer group.

    `log` is the topic that the replay reads.
    """

    options: Mapping[str, Any]
    dsn: str
    aggregator: httpx.AsyncClient
    group: str = settling.RECORDER_GROUP
    log: str = RECORDED

    async def wait_until_settled(self, say: Callable[[str], None]) -> None:
        """Wait until everything submitted is judged, published and counted. Raises NotSettledError."""
        loop = asyncio.get_running_loop()
        best, since = None, loop.time()
        while True:
            left = await self._left()
            if left is not None and left.nothing:
                return
            if left is not None and left != best:
                say(f"On its way: {left}.")
                best, since = left, loop.time()
            if loop.time() - since > PATIENCE_SECONDS:
                raise NotSettledError(f"it did not settle: {left or 'the aggregator does not answer for the whole'}")
            await asyncio.sleep(POLL_SECONDS)

    async def report(self, accepted: Collection[tuple[str, str]], unanswered: int = 0) -> Report:
        """Draw up the report on everything that Kafka and the database hold.

        `accepted` are events, by source and id, that were answered 202.
        """
        connection = await asyncpg.connect(self.dsn)
        try:
            found = await readers.find(connection, accepted)
            partitions = await self._partitions(connection)
            sums = Accounting(partitions, len(set(accepted)), lost(accepted, found), unanswered)
        finally:
            await connection.close()
        kpis = await self.compare_kpis()
        return Report(sums, kpis.rows, kpis.instant.isoformat() if kpis.instant else None, kpis.troubles)

    async def compare_kpis(self) -> Comparison:
        """Compare the KPIs of stream, SQL and replay, at the stream's instant."""
        async with self.counting() as counting:
            for _ in range(ASKED_AGAIN):
                streamed = await readers.streamed_kpis(self.aggregator)
                if streamed is None:
                    return Comparison(troubles=("the aggregator does not know every partition",))
                replay = await counting.by_replay(streamed.instant)
                # Its partitions are at instants of their own: only if no number falls due between is it one instant.
                if replay == await counting.by_replay(streamed.instant_latest):
                    sql = await counting.by_sql(streamed.instant)
                    return Comparison(streamed.instant, compare(streamed.values, sql, replay))
                await asyncio.sleep(POLL_SECONDS)
        return Comparison(troubles=("the KPIs changed each time they were asked for",))

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[Counting]:
        """Read the log as it is now, and be ready to count for any instant, by the aggregator's catalogue."""
        catalogue = await readers.served_catalogue(self.aggregator)
        replay = await asyncio.to_thread(lambda: Replay(read_log(self.options, self.log)))
        connection = await asyncpg.connect(self.dsn)
        try:
            yield Counting(connection, replay, catalogue)
        finally:
            await connection.close()

    async def _left(self) -> settling.Left | None:
        """Return what is on its way; None while the aggregator cannot answer for the whole."""
        kafka = await asyncio.to_thread(settling.look, self.options, self.group)
        connection = await asyncpg.connect(self.dsn)
        try:
            cursors = {(one.topic, one.partition): one for one in await readers.read_cursors(connection)}
            merges = await readers.count_unpublished_merges(connection)
        finally:
            await connection.close()
        try:
            streamed = await readers.streamed_kpis(self.aggregator)
        except httpx.HTTPError:
            return None
        return None if streamed is None else settling.left(kafka, cursors, streamed.applied, merges=merges)

    async def _partitions(self, connection: asyncpg.Connection) -> tuple[PartitionAccount, ...]:
        cursors = await readers.read_cursors(connection)
        return await asyncio.to_thread(readers.count_submitted, self.options, cursors)
