"""Fetches the numbers that `accounting` compares: from Kafka, from PostgreSQL, from the aggregator."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
from kafka import KafkaConsumer, TopicPartition

from pcare_audit.replay import Counted, Counts
from pcare_cli.accounting import Cursor, PartitionAccount
from pcare_schemas.kpis.catalogue import Catalogue, Kpi

Key = tuple[str, str, str]

POLL_MILLISECONDS = 1000
SILENT_POLLS = 30  # so many polls in a row without a step forward: the rest is not coming
IDS_AT_ONCE = 10_000


async def read_cursors(connection: asyncpg.Connection) -> list[Cursor]:
    """Return the cursors of all partitions of the submitted topics."""
    rows = await connection.fetch(
        "SELECT topic, partition, base_offset, next_offset, recorded, duplicates, rejected, "
        "coalesce((SELECT sum(g.last_offset - g.first_offset + 1)::bigint FROM pcare.gaps AS g "
        "WHERE g.topic = c.topic AND g.partition = c.partition), 0) "
        "FROM pcare.cursors AS c ORDER BY topic, partition"
    )
    return [Cursor(*row) for row in rows]


async def count_unpublished_merges(connection: asyncpg.Connection) -> int:
    """Return how many merges of two subjects no recorder has published yet."""
    number: int = await connection.fetchval("SELECT count(*) FROM pcare.merges WHERE published_at IS NULL")
    return number


def count_submitted(options: Mapping[str, Any], cursors: Sequence[Cursor]) -> tuple[PartitionAccount, ...]:
    """Count in Kafka the records of each cursor's range, control records and aborted ones left out.

    `options` are kafka-python's connection options. Blocks. A partition is in trouble when Kafka no longer holds its
    first records, when it goes on after the cursor, or when the records do not come.
    """
    with closing(_consumer(options)) as consumer:
        partitions = {TopicPartition(one.topic, one.partition): one for one in cursors}
        consumer.assign(list(partitions))
        starts, ends = consumer.beginning_offsets(list(partitions)), consumer.end_offsets(list(partitions))
        for partition, cursor in partitions.items():
            consumer.seek(partition, max(cursor.base_offset, starts[partition]))
        counts = _count(consumer, partitions)
        return tuple(
            PartitionAccount(cursor, counts[partition].number, _trouble(cursor, starts, ends, counts, partition))
            for partition, cursor in partitions.items()
        )


def count_stretch(options: Mapping[str, Any], topic: str, partition: int, first: int, end: int) -> int | None:
    """Count in Kafka the records of some offsets, likewise; None when they do not come. Blocks."""
    with closing(_consumer(options)) as consumer:
        where = TopicPartition(topic, partition)
        consumer.assign([where])
        consumer.seek(where, first)
        count = _count(consumer, {where: Cursor(topic, partition, first, end, 0, 0, 0)})[where]
        return count.number if count.position >= end else None


def _consumer(options: Mapping[str, Any]) -> KafkaConsumer:
    return KafkaConsumer(
        client_id="pcare-accounting",
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        **options,
    )


@dataclass(slots=True)
class _Count:
    number: int = 0
    position: int = 0


def _count(consumer: KafkaConsumer, partitions: Mapping[TopicPartition, Cursor]) -> dict[TopicPartition, _Count]:
    counts = {partition: _Count(position=consumer.position(partition)) for partition in partitions}
    silent = 0
    while silent < SILENT_POLLS:
        reached = [one for one, cursor in partitions.items() if counts[one].position >= cursor.next_offset]
        consumer.pause(*reached)
        if len(reached) == len(partitions):
            break
        batches = consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=5000)
        for partition, records in batches.items():
            counts[partition].number += sum(record.offset < partitions[partition].next_offset for record in records)
        before = sum(count.position for count in counts.values())
        for partition, count in counts.items():
            count.position = consumer.position(partition)
        silent = 0 if sum(count.position for count in counts.values()) > before else silent + 1
    return counts


def _trouble(
    cursor: Cursor,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    counts: Mapping[TopicPartition, _Count],
    partition: TopicPartition,
) -> str | None:
    if cursor.lost:
        return f"{cursor.lost} offsets at most were deleted by retention before they were recorded (pcare.gaps)"
    if starts[partition] > cursor.base_offset:
        return f"Kafka no longer holds the records {cursor.base_offset} to {starts[partition] - 1}"
    if ends[partition] > cursor.next_offset:
        return f"the recorder has come to {cursor.next_offset}, the topic goes on to {ends[partition]}"
    if counts[partition].position < cursor.next_offset:
        return f"the records from {counts[partition].position} on did not come"
    return None


async def find(connection: asyncpg.Connection, wanted: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of the events wanted, by source and id, that are recorded or rejected."""
    found: set[tuple[str, str]] = set()
    everything = sorted(wanted)
    for start in range(0, len(everything), IDS_AT_ONCE):
        some = everything[start : start + IDS_AT_ONCE]
        sources, names = [source for source, _ in some], [name for _, name in some]
        for table in ("pcare.interventions", "pcare.rejections"):
            rows = await connection.fetch(
                f"SELECT t.source, t.id FROM {table} AS t "  # noqa: S608 - the two names above
                "JOIN unnest($1::text[], $2::text[]) AS wanted (source, id) USING (source, id)",
                sources,
                names,
            )
            found.update((row["source"], row["id"]) for row in rows)
    return found


async def sql_kpis(
    connection: asyncpg.Connection, catalogue: Catalogue, at: dt.datetime, known_at: dt.datetime | None = None
) -> dict[Key, Counted]:
    """Return the KPIs as SQL counts them from the recorded rows, at an instant.

    `known_at` leaves out what was recorded then or later; persons are told apart as they are now all the same.
    """
    rows = await connection.fetch(
        "SELECT kpi, borough, year, value, numerator, denominator FROM pcare.kpi_values($1, $2::jsonb, $3)",
        at,
        json.dumps(catalogue.document()),
        known_at,
    )
    return {
        (row["kpi"], row["borough"], row["year"]): Counted(row["value"], row["numerator"], row["denominator"])
        for row in rows
    }


async def served_catalogue(client: httpx.AsyncClient) -> Catalogue:
    """Return the catalogue that the aggregator counts by. Raises httpx.HTTPError when it does not answer with 200."""
    response = await client.get("/kpis/catalogue")
    response.raise_for_status()
    kpis = [{name: kpi[name] for name in Kpi.model_fields} for kpi in response.json()["kpis"]]
    return Catalogue.model_validate({"kpis": kpis})


@dataclass(frozen=True, slots=True)
class Streamed:
    """What the aggregator answers to GET /kpis once it knows every partition.

    The instants are the oldest and the latest of its partitions. `applied` is the last offset counted of each
    partition of `recorded`, -1 for none.
    """

    instant: dt.datetime
    instant_latest: dt.datetime
    applied: Mapping[int, int]
    values: Counts


async def streamed_kpis(client: httpx.AsyncClient) -> Streamed | None:
    """Ask the aggregator; None while it does not know every partition.

    Raises httpx.HTTPError when it does not answer with 200.
    """
    response = await client.get("/kpis")
    response.raise_for_status()
    document = json.loads(response.content, parse_float=Decimal)
    if not document["complete"]:
        return None
    return Streamed(
        instant=dt.datetime.fromisoformat(document["instant"]),
        instant_latest=dt.datetime.fromisoformat(document["instant_latest"]),
        applied={one["partition"]: one["applied_through"] for one in document["partitions"]},
        values={(row["kpi"], row["borough"], row["year"]): _streamed(row) for row in document["kpis"]},
    )


def _streamed(row: Mapping[str, Any]) -> Counted:
    value = row["value"]
    return Counted(None if value is None else Decimal(value), row["numerator"], row["denominator"])
