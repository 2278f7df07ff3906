"""Recorder: rows a second from topic to committed rows and published events, against COPY of the same rows alone."""

import asyncio
import io
import time

import asyncpg
from kafka import KafkaConsumer, TopicPartition

from pcare_recorder.rows import INTERVENTION_COLUMNS, PUBLISHED_COLUMNS
from pcare_schemas.topics import RECORDED, SUBMITTED
from results import Figure
from stand import Stand, in_a_process_of_its_own

EVENTS = 60_000
POLL_SECONDS = 0.02
TABLES = {"interventions": INTERVENTION_COLUMNS, "published": PUBLISHED_COLUMNS}


async def measure(stand: Stand, run: int) -> list[Figure]:
    """Measure once: fill the topic, then start a recorder and watch rows and published events arrive."""
    connection = await asyncpg.connect(stand.dsn)
    try:
        before = await _rows(connection), await asyncio.to_thread(_published, stand)
        in_a_process_of_its_own("filling.py", SUBMITTED, stand.bootstrap_servers, str(EVENTS), str(2_000 + run))
        with stand.spawned("recorder"):
            first, since = await _first_progress(connection, before[0])
            while await _rows(connection) < before[0] + EVENTS:
                await asyncio.sleep(POLL_SECONDS)
            while await asyncio.to_thread(_published, stand) < before[1] + EVENTS:
                await asyncio.sleep(POLL_SECONDS)
            took = time.perf_counter() - since
        rate = (before[0] + EVENTS - first) / took
        ceiling = await _copy_alone(connection)
    finally:
        await connection.close()
    return [
        Figure("recorder", "ceiling: COPY of the same rows alone", "rows/s", ceiling),
        Figure("recorder", "topic to rows, published", "rows/s", rate, ceiling),
    ]


async def _first_progress(connection: asyncpg.Connection, before: int) -> tuple[int, float]:
    """Wait for the first batch, so that the start of the process is not measured."""
    while (rows := await _rows(connection)) == before:
        await asyncio.sleep(POLL_SECONDS)
    return rows, time.perf_counter()


async def _rows(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT coalesce(sum(recorded), 0) FROM pcare.cursors"))


def _published(stand: Stand) -> int:
    consumer = KafkaConsumer(bootstrap_servers=stand.bootstrap_servers)
    try:
        return sum(consumer.end_offsets([TopicPartition(RECORDED, number) for number in range(12)]).values())
    finally:
        consumer.close()


async def _copy_alone(connection: asyncpg.Connection) -> float:
    """COPY the recorder's own rows, in binary, into empty tables of the same shape and indexes."""
    seconds = 0.0
    for table, columns in TABLES.items():
        rows = io.BytesIO()
        query = (
            f"SELECT {', '.join(columns)} FROM pcare.{table} "  # noqa: S608 - names are of the recorder
            f"ORDER BY origin_topic, origin_partition, origin_offset LIMIT {EVENTS}"
        )
        await connection.copy_from_query(query, output=rows, format="binary")
        rows.seek(0)
        await connection.execute(f"CREATE TABLE pcare.ceiling (LIKE pcare.{table} INCLUDING ALL)")
        try:
            begun = time.perf_counter()
            done = await connection.copy_to_table(
                "ceiling", schema_name="pcare", source=rows, columns=columns, format="binary"
            )
            seconds += time.perf_counter() - begun
        finally:
            await connection.execute("DROP TABLE pcare.ceiling")
    return int(done.split()[-1]) / seconds
