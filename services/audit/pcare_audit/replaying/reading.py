"""Reads stretches of topics, and leaves no trace there: no consumer group, no committed offset."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import ConsumerRecord

from pcare_audit.replaying.frame import Span, Where
from pcare_common import kafka_login

AT_ONCE = 5_000
FETCH_BYTES = 4 * 1024 * 1024
POLL_MILLISECONDS = 1_000
MOST_WAIT_MILLISECONDS = 20  # a fetch that waits at the end of one partition keeps the next one waiting
SILENT_POLLS = 30  # so many polls in a row without a step forward: the rest is not coming


class UnreadableError(Exception):
    """A stretch could not be read to its end. The message says how far it came."""


class TopicReader:
    """Reads partitions one after the other. Records of transactions that were taken back are passed over."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def read(self, where: Where, span: Span) -> AsyncIterator[list[ConsumerRecord]]:
        """Give the records of a stretch in their order, a bounded number at a time.

        Raises UnreadableError when the records do not come.
        """
        if span.first >= span.end:
            return
        partition = TopicPartition(*where)
        self._consumer.assign([partition])
        self._consumer.seek(partition, span.first)
        position, silent = span.first, 0
        while position < span.end:
            found = await self._consumer.getmany(timeout_ms=POLL_MILLISECONDS, max_records=AT_ONCE)
            records = found.get(partition, [])
            if records and records[-1].offset >= span.end:
                records = [record for record in records if record.offset < span.end]
            if records:
                yield records
            reached = await self._consumer.position(partition)
            silent = 0 if reached > position else silent + 1
            position = reached
            if silent >= SILENT_POLLS:
                raise UnreadableError(f"{where}: offsets {position} to {span.end} did not come")

    async def one(self, where: Where, offset: int) -> ConsumerRecord | None:
        """Return a single record, or None where there is none at this offset."""
        async for records in self.read(where, Span(offset, offset + 1)):
            return records[0]
        return None

    async def spans(self, partitions: Collection[Where]) -> dict[Where, Span]:
        """Return what Kafka holds of partitions now."""
        names = [TopicPartition(*where) for where in partitions]
        first = await self._consumer.beginning_offsets(names)
        ends = await self._consumer.end_offsets(names)
        return {
            where: Span(first[name], max(first[name], ends[name]))
            for where, name in zip(partitions, names, strict=True)
        }

    async def offsets_at(self, milliseconds: Mapping[Where, int]) -> dict[Where, int | None]:
        """Return the first offset of each partition that the broker wrote at a time or later; None where none is."""
        if not milliseconds:
            return {}
        found = await self._consumer.offsets_for_times({TopicPartition(*one): at for one, at in milliseconds.items()})
        return {Where(name.topic, name.partition): None if at is None else at.offset for name, at in found.items()}


@contextlib.asynccontextmanager
async def topic_reader(options: Mapping[str, Any]) -> AsyncIterator[TopicReader]:
    """Connect to Kafka. `options` are aiokafka's connection options."""
    consumer = AIOKafkaConsumer(
        **options,
        client_id="pcare-audit-replay",
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="none",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_bytes=FETCH_BYTES,
        fetch_max_wait_ms=MOST_WAIT_MILLISECONDS,
    )
    await kafka_login.start(consumer, options)
    try:
        yield TopicReader(consumer)
    finally:
        with contextlib.suppress(asyncio.CancelledError):  # aiokafka lets its own task's out when it is stopped early
            await consumer.stop()


class Topics:
    """Which topics there are."""

    def __init__(self, admin: AIOKafkaAdminClient) -> None:
        self._admin = admin

    async def partitions(self, topics: Collection[str]) -> list[Where]:
        """Return the partitions of those of these topics that there are."""
        there = sorted(set(topics) & await self.names())
        described = await self._admin.describe_topics(there) if there else []
        return sorted(Where(one["topic"], part["partition"]) for one in described for part in one["partitions"])

    async def names(self) -> set[str]:
        """Return the names of all topics."""
        return set(await self._admin.list_topics())

    async def committed(self, group: str) -> dict[Where, int]:
        """Return the offsets that a consumer group has committed."""
        found = await self._admin.list_consumer_group_offsets(group)
        return {Where(name.topic, name.partition): at.offset for name, at in found.items() if at.offset >= 0}


@contextlib.asynccontextmanager
async def topics_of(options: Mapping[str, Any]) -> AsyncIterator[Topics]:
    """Connect to Kafka, to ask about it. `options` are aiokafka's connection options."""
    admin = AIOKafkaAdminClient(**options, client_id="pcare-audit-replay")
    await kafka_login.start(admin, options)
    try:
        yield Topics(admin)
    finally:
        await admin.close()
