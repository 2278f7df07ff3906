"""Asks PostgreSQL and Kafka for what `seal_rules` judges. It joins no group, and reads the end of one topic."""

from collections.abc import Mapping
from typing import Any

import asyncpg
from kafka import KafkaConsumer, TopicPartition

from pcare_audit import checkpoint, signed_note
from pcare_cli.doctor.doors import ANSWER_SECONDS, MILLISECONDS, in_thread
from pcare_cli.doctor.seal_facts import Sealed, Sealing
from pcare_schemas.sealed import read_checkpoint
from pcare_schemas.topics import CHECKPOINTS

LAST = 10
"""So many offsets before the end are read: the last record is among them, whatever markers stand behind it."""

_NEWEST = """
SELECT size, made_at, note, published_at IS NULL AS unpublished FROM pcare.checkpoints ORDER BY 1 DESC, 2 DESC LIMIT 1
"""
_HELD = "SELECT EXISTS (SELECT FROM pcare.checkpoints WHERE size = $1 AND note = $2)"
_WAITS = """
SELECT min((first.published->>'recordedat')::timestamptz)
FROM pcare.cursors AS c
LEFT JOIN unnest($1::text[], $2::integer[], $3::bigint[]) AS sealed (topic, partition, below)
    ON (sealed.topic, sealed.partition) = (c.topic, c.partition)
CROSS JOIN LATERAL (
    SELECT p.published FROM pcare.published AS p
    WHERE p.origin_topic = c.topic AND p.origin_partition = c.partition AND p.origin_offset >= coalesce(sealed.below, 0)
    ORDER BY p.origin_offset LIMIT 1
) AS first
"""


async def sealing(connection: asyncpg.Connection, options: Mapping[str, Any]) -> Sealing:
    """Return what is sealed. Raises what asyncpg raises, and KafkaError.

    The topic is read after the table: what was published meanwhile is newer than what the table had, and is held.
    """
    table, unpublished = await newest_in_table(connection)
    topic = await in_thread(lambda: newest_on_topic(options))
    return Sealing(
        now=await connection.fetchval("SELECT clock_timestamp()"),
        table=table,
        topic=topic,
        unpublished=unpublished,
        held=topic is not None and await connection.fetchval(_HELD, topic.size, topic.note),
        waits_since=await connection.fetchval(_WAITS, *_covered(table)),
    )


async def newest_in_table(connection: asyncpg.Connection) -> tuple[Sealed | None, bool]:
    """Return the last checkpoint that the table has, and whether it is still to be published."""
    row = await connection.fetchrow(_NEWEST)
    return (None, False) if row is None else (Sealed(row["size"], row["made_at"], row["note"]), row["unpublished"])


def newest_on_topic(options: Mapping[str, Any]) -> Sealed | None:
    """Return the last checkpoint that Kafka has. Blocks; raises KafkaError."""
    consumer = KafkaConsumer(
        client_id="pcare-doctor",
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        bootstrap_timeout_ms=int(ANSWER_SECONDS * MILLISECONDS),
        **options,
    )
    try:
        return _last(consumer, TopicPartition(CHECKPOINTS, 0))
    finally:
        consumer.close(autocommit=False)


def _last(consumer: KafkaConsumer, partition: Any) -> Sealed | None:
    consumer.assign([partition])
    (begin,) = consumer.beginning_offsets([partition]).values()
    (end,) = consumer.end_offsets([partition]).values()
    consumer.seek(partition, max(begin, end - LAST))
    found = None
    while consumer.position(partition) < end:
        for record in consumer.poll(timeout_ms=500).get(partition, ()):
            read = read_checkpoint(record.value)
            found = Sealed(read.data.size, read.time, read.data.note)
    return found


def _covered(table: Sealed | None) -> tuple[list[str], list[int], list[int]]:
    """Return topics, partitions and offsets below which all is sealed; nothing where no checkpoint can be read."""
    if table is None:
        return [], [], []
    try:
        covers = checkpoint.parse(signed_note.split(table.note)[0]).covers
    except (checkpoint.CheckpointError, signed_note.NoteError):  # the rules say that it is none
        return [], [], []
    places = [(*checkpoint.place(name), offset) for name, offset in covers.items()]
    return [one[0] for one in places], [one[1] for one in places], [one[2] for one in places]
