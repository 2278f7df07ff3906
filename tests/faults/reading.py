"""Reads everything that the topics and the database hold, from outside: no service is asked, nothing is committed."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from re import fullmatch
from typing import Any

import asyncpg
from kafka import KafkaConsumer, TopicPartition

from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS, SUBMITTED_PATTERN

Key = tuple[str, str]
"""An event's source and id."""

Where = tuple[str, int, int]
"""Topic, partition, offset: an origin."""

POLL_MILLISECONDS = 500
SILENT_POLLS = 60  # so many polls in a row without a step forward: the rest is not coming


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a topic."""

    where: Where
    key: bytes
    value: bytes


@dataclass(slots=True)
class Tables:
    """What the database holds."""

    events: dict[Key, Where] = field(default_factory=dict)
    texts: dict[Where, str] = field(default_factory=dict)
    rejections: dict[Where, str] = field(default_factory=dict)
    rejected: set[Key] = field(default_factory=set)
    subjects: dict[str, str] = field(default_factory=dict)
    cursors: dict[tuple[str, int], tuple[int, int, int, int, int]] = field(default_factory=dict)


def read_topics(options: Mapping[str, Any]) -> dict[str, list[Record]]:
    """Return every record that can be read of each topic. `options` are kafka-python's. Blocks."""
    consumer = KafkaConsumer(
        client_id="pcare-witness",
        group_id=None,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        **options,
    )
    with closing(consumer):
        names = [
            name
            for name in consumer.topics()
            if name in {RECORDED, REJECTED, SUBJECTS} or fullmatch(SUBMITTED_PATTERN, name)
        ]
        partitions = [
            TopicPartition(name, number) for name in names for number in consumer.partitions_for_topic(name) or ()
        ]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        topics: dict[str, list[Record]] = {name: [] for name in names}
        for record in _to_the_ends(consumer, consumer.end_offsets(partitions)):
            where = (record.topic, record.partition, record.offset)
            topics[record.topic].append(Record(where, record.key or b"", record.value or b""))
    return topics


def _to_the_ends(consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> Iterator[Any]:
    silent, before = 0, -1
    while waiting := [one for one, end in ends.items() if consumer.position(one) < end]:
        reached = sum(consumer.position(one) for one in ends)
        silent, before = (silent + 1 if reached == before else 0), reached
        if silent > SILENT_POLLS:
            raise AssertionError(f"the topics could not be read to their ends: {waiting[:3]}")
        for records in consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=5_000).values():
            yield from records


async def read_tables(dsn: str) -> Tables:
    """Return what the database holds, as of one instant."""
    tables = Tables()
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for source, name, *where in await connection.fetch(
                "SELECT source, id, origin_topic, origin_partition, origin_offset FROM pcare.interventions"
            ):
                tables.events[source, name] = (where[0], where[1], where[2])
            for *where, text in await connection.fetch(
                "SELECT origin_topic, origin_partition, origin_offset, published::text FROM pcare.published"
            ):
                tables.texts[where[0], where[1], where[2]] = text
            for *where, text, source, name in await connection.fetch(
                "SELECT origin_topic, origin_partition, origin_offset, published::text, source, id "
                "FROM pcare.rejections"
            ):
                tables.rejections[where[0], where[1], where[2]] = text
                tables.rejected.add((source, name))
            links = await connection.fetch("SELECT pseudonym, 'person:' || subject_id FROM pcare.subjects")
            tables.subjects = {link[0]: link[1] for link in links}
            for topic, partition, *numbers in await connection.fetch(
                "SELECT topic, partition, base_offset, next_offset, recorded, duplicates, rejected FROM pcare.cursors"
            ):
                tables.cursors[topic, partition] = tuple(numbers)
    finally:
        await connection.close()
    return tables
