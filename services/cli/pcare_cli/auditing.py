"""Waits until all has settled, then draws up the report: the accounting, and the KPIs of stream, SQL and replay."""

import asyncio
import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from pcare_audit.log_reading import read_log
from pcare_audit.replay import Replay
from pcare_cli import accounting_readers as readers
from pcare_cli import settling
from pcare_cli.accounting import Accounting, KpiRow, PartitionAccount, Report, compare, lost
from pcare_schemas.topics import RECORDED

PATIENCE_SECONDS = 120.0  # without a step forward; with progress, a run may take as long as it takes
POLL_SECONDS = 0.5
INTERIM = {
    "sp_referrals",
    "sp_people",
    "sdm_conversations",
    "sdm_situations",
    "pam_people",
    "pcsp_active",
    "phb_people",
}
ASKED_AGAIN = 10  # times, when a number falls due between two instants


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
            instant, rows, troubles = await self._kpis(connection)
        finally:
            await connection.close()
        return Report(sums, rows, instant.isoformat() if instant else None, troubles)

    async def _left(self) -> settling.Left | None:
        """Return what is on its way; None while the aggregator cannot answer for the whole."""
        kafka = await asyncio.to_thread(settling.look, self.options, self.group)
        connection = await asyncpg.connect(self.dsn)
        try:
            cursors = {(one.topic, one.partition): one for one in await readers.read_cursors(connection)}
        finally:
            await connection.close()
        try:
            streamed = await readers.streamed_kpis(self.aggregator)
        except httpx.HTTPError:
            return None
        return None if streamed is None else settling.left(kafka, cursors, streamed.applied)

    async def _partitions(self, connection: asyncpg.Connection) -> tuple[PartitionAccount, ...]:
        cursors = await readers.read_cursors(connection)
        return await asyncio.to_thread(readers.count_submitted, self.options, cursors)

    async def _kpis(
        self, connection: asyncpg.Connection
    ) -> tuple[dt.datetime | None, tuple[KpiRow, ...], tuple[str, ...]]:
        """Compare at an instant at which the aggregator's partitions agree; ask again while they do not."""
        catalogue = await readers.served_catalogue(self.aggregator)
        replay = await asyncio.to_thread(lambda: Replay(read_log(self.options, self.log)))
        for _ in range(ASKED_AGAIN):
            streamed = await readers.streamed_kpis(self.aggregator)
            if streamed is None:
                return None, (), ("the aggregator does not know every partition",)
            instants = (streamed.instant, streamed.instant_latest)
            sql, sql_later = [await readers.sql_kpis(connection, catalogue, at) for at in instants]
            replayed, replayed_later = [await asyncio.to_thread(replay.kpis, catalogue, at) for at in instants]
            if sql == sql_later and replayed == replayed_later:
                rows = compare(streamed.values, sql, replayed)
                if not any(row.kpi == "upc_people" for row in rows if row.stream.numerator):  # INTERIM
                    rows = tuple(row for row in rows if row.kpi in INTERIM and row.borough != "NCL only")
                return streamed.instant, rows, ()
            await asyncio.sleep(POLL_SECONDS)
        return None, (), ("the KPIs changed each time they were asked for",)
