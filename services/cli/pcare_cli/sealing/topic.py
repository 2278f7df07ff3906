"""The topic of checkpoints, and what the recorders have committed: the sealer's connections to Kafka."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from pcare_common import kafka_login
from pcare_common.errors import OperatorError
from pcare_schemas.recorded import CLOUDEVENTS_HEADERS
from pcare_schemas.topics import CHECKPOINTS

PARTITION = TopicPartition(CHECKPOINTS, 0)
RECORDS_AT_A_TIME = 500
REQUEST_SECONDS = 20
CLIENT = "pcare-seal"


class Found(NamedTuple):
    """A record of the topic. `at` is the broker's time."""

    offset: int
    value: bytes | None
    at: dt.datetime


class Held(NamedTuple):
    """What Kafka holds of the topic: from the first offset to before the end."""

    first: int
    end: int


@asynccontextmanager
async def checkpoints_topic(connection: Mapping[str, Any], group: str) -> AsyncIterator["CheckpointsTopic"]:
    """Connect for the length of the block. The recorders' group is only asked about, never joined.

    Raises OperatorError when the topic is missing or the brokers do not let us in; else what aiokafka raises.
    """
    consumer = AIOKafkaConsumer(
        **connection,
        client_id=CLIENT,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(
        **connection, client_id=CLIENT, acks="all", linger_ms=0, request_timeout_ms=REQUEST_SECONDS * 1000
    )
    admin = AIOKafkaAdminClient(**connection, client_id=CLIENT)
    try:
        await kafka_login.start(consumer, connection)
        if not await _is_there(consumer):
            raise OperatorError(f"The topic {CHECKPOINTS} is missing. Run `pcare topics create`, then start again.")
        consumer.assign([PARTITION])
        await producer.start()
        await admin.start()
        yield CheckpointsTopic(consumer, producer, admin, group)
    finally:
        await consumer.stop()
        await producer.stop()
        await admin.close()


async def _is_there(consumer: AIOKafkaConsumer) -> bool:
    return CHECKPOINTS in await consumer.topics()


class CheckpointsTopic:
    """Reads and writes the topic. Methods raise what aiokafka raises."""

    def __init__(
        self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, admin: AIOKafkaAdminClient, group: str
    ) -> None:
        self._consumer = consumer
        self._producer = producer
        self._admin = admin
        self._group = group

    async def held(self) -> Held:
        """Return what Kafka holds of it now."""
        first = await self._consumer.beginning_offsets([PARTITION])
        end = await self._consumer.end_offsets([PARTITION])
        return Held(first[PARTITION], end[PARTITION])

    async def read(self, first: int, end: int) -> AsyncIterator[list[Found]]:
        """Yield the records of these offsets, in order, a bounded number at a time."""
        self._consumer.seek(PARTITION, first)
        while await self._consumer.position(PARTITION) < end:
            found = await self._consumer.getmany(PARTITION, timeout_ms=500, max_records=RECORDS_AT_A_TIME)
            records = [record for record in found.get(PARTITION, ()) if record.offset < end]
            if records:
                yield [Found(record.offset, record.value, _instant(record.timestamp)) for record in records]

    async def publish(self, key: bytes, value: bytes) -> Found:
        """Write a record, and return where it is when every replica has it."""
        sent = await self._producer.send_and_wait(
            CHECKPOINTS, value, key, partition=PARTITION.partition, headers=CLOUDEVENTS_HEADERS
        )
        return Found(sent.offset, value, _instant(sent.timestamp))

    async def committed(self) -> dict[str, int]:
        """Return to where the recorders have published, of each partition of which Kafka remembers it."""
        found = await self._admin.list_consumer_group_offsets(self._group)
        return {
            f"{partition.topic}/{partition.partition}": at.offset for partition, at in found.items() if at.offset >= 0
        }


def _instant(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
