"""Publishing: what is in the database goes to the topics, links first, and is acknowledged by every replica.

Publishing again is harmless (`recorded` may hold repeats), so the producer is not idempotent: a wedged idempotent
producer stays wedged until it is made anew, and buys nothing here.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownTopicOrPartitionError

from pcare_common import kafka_login
from pcare_common.errors import OperatorError
from pcare_common.tracing.headers import with_traceparent
from pcare_recorder.faults import Faults, Point
from pcare_recorder.partitioner import partition_of
from pcare_recorder.rows import Message
from pcare_schemas.recorded import CLOUDEVENTS_HEADERS
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS, SUBMITTED

TOPICS = (SUBJECTS, RECORDED, REJECTED)
BATCH_BYTES = 512 * 1024  # below the 1 MiB that the topics take; a batch is one partition's share of a page
REQUEST_SECONDS = 20


class Publisher:
    """A producer with acks from all in-sync replicas. Not more is in flight than what one `publish` was given."""

    def __init__(self, connection: Mapping[str, Any], faults: Faults) -> None:
        self._connection = connection
        self._producer = AIOKafkaProducer(
            **connection,
            client_id="pcare-recorder",
            acks="all",
            enable_idempotence=False,
            max_batch_size=BATCH_BYTES,
            linger_ms=0,
            request_timeout_ms=REQUEST_SECONDS * 1000,
        )
        self._faults = faults
        self._partitions: dict[str, int] = {}

    async def start(self) -> None:
        """Connect, and learn how many partitions the topics have.

        Raises OperatorError when a topic is missing, the submitted one too, or the brokers do not let us in; and what
        aiokafka raises when none of them answers.
        """
        await kafka_login.start(self._producer, self._connection)
        # The submitted topic is asked for here: who reads a pattern of topics is not told of those that are hidden.
        for topic in (*TOPICS, SUBMITTED):
            found = await self._partition_count(topic)
            if not found:
                raise OperatorError(f"The topic {topic} is missing. Run `pcare topics create`, then start again.")
            self._partitions[topic] = found

    async def stop(self) -> None:
        """Close the connections. Nothing is in hand unless a `publish` was given up."""
        await self._producer.stop()

    async def publish(self, links: Iterable[Message], messages: Iterable[Message]) -> None:
        """Publish links, then messages, and return when all are acknowledged.

        Raises what aiokafka raises; then any part of it may be published, and all of it should be again.
        """
        await self._faults.reach(Point.BEFORE_PUBLISH)
        await self._send(links)  # nobody meets a subject in the log before its link
        await self._faults.reach(Point.MIDDLE_OF_PUBLISH)
        await self._send(messages)
        await self._faults.reach(Point.AFTER_PUBLISH)

    async def _send(self, messages: Iterable[Message]) -> None:
        """Send by hand-made batches: a future for each batch, not for each record, is several times as cheap."""
        shares: dict[tuple[str, int], list[Message]] = defaultdict(list)
        for message in messages:
            shares[message.topic, partition_of(message.key, self._partitions[message.topic])].append(message)
        sends = [self._send_share(topic, partition, share) for (topic, partition), share in shares.items()]
        _raise_first(await asyncio.gather(*sends, return_exceptions=True))

    async def _send_share(self, topic: str, partition: int, share: list[Message]) -> None:
        acknowledged: list[asyncio.Future[Any]] = []
        try:
            for batch in self._batches(share):
                # one by one: when a later one cannot be sent, the earlier ones are still waited for
                acknowledged.append(await self._producer.send_batch(batch, topic, partition=partition))  # noqa: PERF401
            if topic == REJECTED:
                await self._faults.reach(Point.WHILE_PUBLISHING_REJECTIONS)
        finally:
            answers = await asyncio.gather(*acknowledged, return_exceptions=True)
        _raise_first(answers)

    def _batches(self, share: list[Message]) -> Iterator[Any]:
        batch = self._producer.create_batch()
        for message in share:
            if not _append(batch, message):
                batch.close()
                yield batch
                batch = self._producer.create_batch()
                _append(batch, message)
        batch.close()  # a batch that is closed does not linger
        yield batch

    async def _partition_count(self, topic: str) -> int:
        try:
            return len(await self._producer.partitions_for(topic))
        except UnknownTopicOrPartitionError:
            return 0


def _append(batch: Any, message: Message) -> bool:
    headers = with_traceparent(CLOUDEVENTS_HEADERS, message.traceparent)
    return batch.append(key=message.key, value=message.value, timestamp=None, headers=headers) is not None


def _raise_first(answers: Sequence[Any]) -> None:
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
