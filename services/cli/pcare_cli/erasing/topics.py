"""The clients by which somebody erases: they read what is there, publish what takes its place, and delete."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from pcare_common import kafka_login
from pcare_common.tracing.headers import with_traceparent
from pcare_recorder.cursors import Partition
from pcare_recorder.log_reader import LogReader, log_reader
from pcare_recorder.partitioner import partition_of
from pcare_recorder.rows import Message
from pcare_schemas.recorded import CLOUDEVENTS_HEADERS
from pcare_schemas.topics import SUBJECTS

CLIENT = "pcare-erase"


class Topics(NamedTuple):
    """`log` reads what is committed; `everything` also what was aborted, which is kept all the same."""

    log: LogReader
    everything: LogReader
    producer: AIOKafkaProducer
    admin: AIOKafkaAdminClient

    async def bury(self, pseudonyms: Iterable[str]) -> None:
        """Put an empty record in the place of these links, and return when all replicas have it."""
        for name in pseudonyms:
            await self._send(SUBJECTS, name.encode(), None, [])

    async def publish(self, messages: Iterable[Message]) -> None:
        """Put these records in the place of those of their keys, and return when all replicas have them."""
        for message in messages:
            headers = with_traceparent(CLOUDEVENTS_HEADERS, message.traceparent)
            await self._send(message.topic, message.key, message.value, headers)

    async def delete_before(self, begins: Mapping[Partition, int]) -> None:
        """Let these partitions begin at these offsets."""
        if begins:
            wanted = {TopicPartition(*where): RecordsToDelete(begin) for where, begin in begins.items()}
            await self.admin.delete_records(wanted)

    async def _send(self, topic: str, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        # as the recorder chooses it: a record takes the place of none that stands in another partition
        partition = partition_of(key, len(await self.producer.partitions_for(topic)))
        await self.producer.send_and_wait(topic, value, key, partition, headers=headers)


@asynccontextmanager
async def topics(options: Mapping[str, Any], group: str) -> AsyncIterator[Topics]:
    """Connect for the length of the block; `options` are aiokafka's. Raises what aiokafka raises."""
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(log_reader(options, group=group))
        everything = await stack.enter_async_context(log_reader(options, group=group, isolation="read_uncommitted"))
        producer = AIOKafkaProducer(**options, client_id=CLIENT, acks="all", enable_idempotence=False)
        stack.push_async_callback(producer.stop)
        await kafka_login.start(producer, options)
        admin = AIOKafkaAdminClient(**options, client_id=CLIENT)
        stack.push_async_callback(admin.close)
        await admin.start()
        yield Topics(log, everything, producer, admin)
