"""What costs: every record and row counted, and every KPI counted by SQL once more. `differences` is pure."""

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import httpx

from pcare_audit.replay import Counted, Counts
from pcare_cli import accounting_readers as readers
from pcare_cli.accounting import in_words
from pcare_cli.doctor import table_rules
from pcare_cli.doctor.doors import UnseenError, in_thread
from pcare_cli.doctor.findings import Check, Finding, Level

SECONDS = 900.0
TRIES = 5
PAUSE_SECONDS = 2.0

EQUAL = Check("record", "streamed KPIs = SQL")

DIFFER = EQUAL.kind(
    "kpi-differs",
    Level.WRONG,
    means="The kpi-aggregator and SQL count a KPI differently although nothing is on its way. One of the two is wrong, "
    "or an event is in one and not in the other.",
    do="Have the log itself counted, which says who is right (docs/audit.md); start the kpi-aggregator again, which "
    "reads the log anew. After a change of the catalogue or the targets: let SQL follow. Publish nothing meanwhile.",
    command="pcare migrate\npcare doctor --thorough",
)


async def accounts(connection: asyncpg.Connection, options: Mapping[str, Any]) -> list[Finding]:
    """Count the records that Kafka holds of each cursor's range, and the rows."""
    cursors = await readers.read_cursors(connection)
    counted = await in_thread(lambda: readers.count_submitted(options, cursors)) if cursors else ()
    rows = await connection.fetch(
        """
        SELECT c.topic, c.partition,
            (SELECT count(*) FROM pcare.interventions AS i WHERE i.origin_topic = c.topic
              AND i.origin_partition = c.partition AND i.origin_offset >= c.base_offset
              AND i.origin_offset < cut.next_offset) AS recorded,
            (SELECT count(*) FROM pcare.rejections AS r WHERE r.origin_topic = c.topic
              AND r.origin_partition = c.partition AND r.origin_offset >= c.base_offset
              AND r.origin_offset < cut.next_offset) AS rejected
        FROM pcare.cursors AS c
        JOIN unnest($1::text[], $2::integer[], $3::bigint[]) AS cut (topic, partition, next_offset)
          ON cut.topic = c.topic AND cut.partition = c.partition
        """,
        [one.topic for one in cursors],
        [one.partition for one in cursors],
        [one.next_offset for one in cursors],
    )
    return table_rules.of_accounts(
        counted, {(one["topic"], one["partition"]): (one["recorded"], one["rejected"]) for one in rows}
    )


async def kpis(connection: asyncpg.Connection, aggregator: httpx.AsyncClient) -> list[Finding]:
    """Compare every KPI of the stream with SQL at the stream's own instant, when nothing is on its way."""
    catalogue = await readers.served_catalogue(aggregator)
    for _ in range(TRIES):
        before = await _judged(connection)
        streamed = await readers.streamed_kpis(aggregator)
        if streamed is not None:
            sql = await readers.sql_kpis(connection, catalogue, streamed.instant)
            due = streamed.instant_latest != streamed.instant and sql != await readers.sql_kpis(
                connection, catalogue, streamed.instant_latest
            )
            unlike = differences(streamed.values, sql)
            if not unlike and not due:
                return [EQUAL.well(f"{len(streamed.values):,} numbers, at {streamed.instant:%d %B %Y %H:%M:%S} UTC")]
            again = await readers.streamed_kpis(aggregator)
            still = again is not None and again.applied == streamed.applied and await _judged(connection) == before
            if still and not due:
                return [DIFFER.found(f"{len(unlike)} numbers, such as {unlike[0]}")]
        await asyncio.sleep(PAUSE_SECONDS)
    raise UnseenError(
        "events were on their way each time", "Try again at a quieter hour, or watch pcare_watch_* in Prometheus."
    )


async def _judged(connection: asyncpg.Connection) -> int:
    judged: int = await connection.fetchval("SELECT coalesce(sum(next_offset), 0)::bigint FROM pcare.cursors")
    return judged


def differences(stream: Counts, sql: Counts) -> list[str]:
    """Return in words each number that the two have differently; what one lacks is nothing there."""
    unlike = []
    for key in sorted({*stream, *sql}, key=lambda key: (key[0], key[2], key[1])):
        one, other = stream.get(key), sql.get(key)
        if one != other and not (_is_nothing(one) and _is_nothing(other)):
            kpi, borough, year = key
            unlike.append(f"{kpi} {borough} {year}: {_words(one)} streamed, {_words(other)} by SQL")
    return unlike


def _is_nothing(counted: Counted | None) -> bool:
    return counted is None or (not counted.value and not counted.numerator and not counted.denominator)


def _words(counted: Counted | None) -> str:
    return "none" if counted is None else in_words(counted)
