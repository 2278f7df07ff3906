"""Reading topics from one offset to another, outside the consumer group: for the rebuild, and to erase a person."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import ConsumerRecord

from pcare_common import kafka_login
from pcare_recorder.cursors import Held, Partition

COMMITTED: Final = "read_committed"
RECORDS_AT_A_TIME = 5_000
COORDINATOR_CHECKS = 60
CHECK_SECONDS = 1.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FROM_THE_FIRST: Final[Mapping[Partition, int]] = {}
_MEMBERS = 5  # the place of the members in a group's description, in every version of Kafka's answer


@asynccontextmanager
async def log_reader(
    connection: Mapping[str, Any], *, group: str, isolation: Literal["read_committed", "read_uncommitted"] = COMMITTED
) -> AsyncIterator["LogReader"]:
    """Connect for the length of the block. The group is only asked about, never joined.

    With another isolation it also reads what was aborted, and what is not committed yet.
    """
    consumer = AIOKafkaConsumer(
        **connection,
        client_id="pcare-rebuild",
        group_id=group,
        enable_auto_commit=False,
        isolation_level=isolation,
        auto_offset_reset="earliest",
    )
    admin = AIOKafkaAdminClient(**connection, client_id="pcare-rebuild")
    try:
        await kafka_login.start(consumer, connection)
        await admin.start()
        yield LogReader(consumer, admin, group)
    finally:
        await consumer.stop()
        await admin.close()


class LogReader:
    """Reads whole topics, and what the group has committed. Methods raise what aiokafka raises."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, group: str) -> None:
        self._consumer = consumer
        self._admin = admin
        self._group = group

    async def member_count(self) -> int:
        """Return how many recorders are in the group."""
        for check in range(COORDINATOR_CHECKS):
            try:
                descriptions = await self._admin.describe_consumer_groups([self._group])
                break
            except GroupCoordinatorNotAvailableError:  # a new cluster makes room for groups when first asked for one
                if check == COORDINATOR_CHECKS - 1:
                    raise
                await asyncio.sleep(CHECK_SECONDS)
        return sum(len(group[_MEMBERS]) for answer in descriptions for group in answer.groups)

    async def partitions(self) -> list[Partition]:
        """Return the partitions of all topics there are."""
        return sorted(
            Partition(topic["topic"], partition["partition"])
            for topic in await self._admin.describe_topics()
            for partition in topic["partitions"]
        )

    async def committed(self, partitions: Collection[Partition]) -> dict[Partition, int | None]:
        """Return what the group has committed of each partition, or None."""
        return {partition: await self._consumer.committed(TopicPartition(*partition)) for partition in partitions}

    async def held(self, partitions: Collection[Partition]) -> dict[Partition, Held]:
        """Return what Kafka holds of each partition."""
        asked = [TopicPartition(*partition) for partition in partitions]
        first = await self._consumer.beginning_offsets(asked)
        end = await self._consumer.end_offsets(asked)
        return {partition: Held(first[tp], end[tp]) for partition, tp in zip(partitions, asked, strict=True)}

    async def holding(self, instants: Mapping[Partition, datetime]) -> list[Partition]:
        """Return those of the partitions that hold a record of the very instant given, by the broker's clock."""
        asked = {TopicPartition(*partition): _milliseconds(instant) for partition, instant in instants.items()}
        found = await self._consumer.offsets_for_times(asked) if asked else {}
        return [
            Partition(*partition)
            for partition, first in found.items()
            if first is not None and first.timestamp == asked[partition]
        ]

    async def read(self, topic: str) -> AsyncIterator[list[ConsumerRecord]]:
        """Yield all records that a topic holds now, in the order of each partition."""
        partitions = [partition for partition in await self.partitions() if partition.topic == topic]
        held = await self.held(partitions)
        async for records in self.read_until({partition: held[partition].end for partition in partitions}):
            yield records

    async def read_until(
        self, ends: Mapping[Partition, int], starts: Mapping[Partition, int] = _FROM_THE_FIRST
    ) -> AsyncIterator[list[ConsumerRecord]]:
        """Yield the records of these partitions from the first that is held, or from `starts`, to these ends.

        Exclusive of the ends. No start may be before the first that is held.
        """
        left: dict[Any, int] = {TopicPartition(*partition): end for partition, end in ends.items()}
        if not left:
            return
        self._consumer.assign(list(left))
        await self._consumer.seek_to_beginning()
        for partition in left:
            if (start := starts.get(Partition(*partition))) is not None:
                self._consumer.seek(partition, start)
        while left:
            for partition, end in list(left.items()):
                if await self._consumer.position(partition) >= end:
                    self._consumer.pause(partition)
                    del left[partition]
            if left:
                found = await self._consumer.getmany(*left, timeout_ms=200, max_records=RECORDS_AT_A_TIME)
                yield [
                    record
                    for partition, records in found.items()
                    for record in records
                    if record.offset < left[partition]
                ]


def _milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)
