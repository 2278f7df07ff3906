"""The client side of the partials: publishes ours, reads all, and asks where the log ends."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from pcare_common import kafka_login, logs
from pcare_common.backoff import delays
from pcare_common.errors import TransientError
from pcare_kpi_aggregator import errors, partials
from pcare_kpi_aggregator.partials import Partial
from pcare_schemas.topics import KPI_PARTIALS, RECORDED

log = logs.get(__name__)

_POLL_MILLISECONDS = 1_000
_REQUEST_MILLISECONDS = 10_000
_LINGER_MILLISECONDS = 5
_WRITER = "writer"
"""The header that names the process that wrote a partial, by a number made at its start."""


class PartialsTopic:
    """One consumer without a group and one producer, on the running loop. Reads the partials of `catalogue`."""

    def __init__(self, kafka_options: Mapping[str, Any], *, catalogue: str) -> None:
        self._options = dict(kafka_options)
        self._catalogue = catalogue
        self._own = (_WRITER, secrets.token_bytes(16))
        self.records_read = 0
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._log: list[TopicPartition] = []
        self._partials: list[TopicPartition] = []

    async def open(self) -> list[int]:
        """Connect, and return the partitions of the log. Tries again while Kafka is away; cancel it to give up."""
        for seconds in delays():
            try:
                return await self._open()
            except UnknownTopicOrPartitionError:
                log.warning("a topic is missing: run `pcare topics create`", needed=[RECORDED, KPI_PARTIALS])
            except errors.CLIENT_ERRORS as error:
                if not errors.is_transient(error):
                    raise
                log.warning("cannot reach Kafka; trying again", error=repr(error))
            await self.close()
            await asyncio.sleep(seconds)
        raise AssertionError("the delays are endless")

    async def _open(self) -> list[int]:
        self._producer = AIOKafkaProducer(
            **self._options,
            acks="all",
            linger_ms=_LINGER_MILLISECONDS,
            request_timeout_ms=_REQUEST_MILLISECONDS,
        )
        await kafka_login.start(self._producer, self._options)
        numbers = sorted(await self._producer.partitions_for(RECORDED))
        self._log = [TopicPartition(RECORDED, number) for number in numbers]
        self._partials = [TopicPartition(KPI_PARTIALS, n) for n in await self._producer.partitions_for(KPI_PARTIALS)]
        self._consumer = AIOKafkaConsumer(
            **self._options, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await kafka_login.start(self._consumer, self._options)
        self._consumer.assign([*self._partials, *self._log])
        self._consumer.pause(*self._log)  # assigned for its metadata only: where the log ends
        return numbers

    async def ends(self) -> dict[int, int]:
        """Return the log's end offset of each partition. Raises TransientError when Kafka does not answer."""
        return {tp.partition: end for tp, end in (await self._ends(self._log)).items()}

    async def read(self, offer: Callable[[Partial], None], read_from_the_start: Callable[[], None]) -> None:
        """Offer every partial, from the topic's start, for ever; say when those that were there have been offered."""
        consumer = self._opened
        ends = await self._ends(self._partials)
        at_start = True
        for tp in self._partials:
            consumer.seek(tp, 0)
        while True:
            if at_start and all([await consumer.position(tp) >= end for tp, end in ends.items()]):
                at_start = False
                read_from_the_start()
            batches = await consumer.getmany(timeout_ms=_POLL_MILLISECONDS)
            for records in batches.values():
                self.records_read += len(records)
                for record in records:
                    self._offer(record, offer)

    def _offer(self, record: Any, offer: Callable[[Partial], None]) -> None:
        if record.value is None or not partials.is_of(self._catalogue, record.key):
            return
        if self._own in record.headers:
            return  # what this process said is known here, and decoding it would take the time that counting needs
        try:
            partial = partials.decode(record.value)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("a record of the partials topic is none of ours", offset=record.offset, error=repr(error))
            return
        offer(partial)

    async def publish(self, batch: Sequence[Partial]) -> None:
        """Publish partials and wait until they are safe. Raises TransientError when Kafka does not take them."""
        if self._producer is None:
            raise TransientError("the partials topic is not open")
        try:
            async with asyncio.timeout(2 * _REQUEST_MILLISECONDS / 1000):
                sent = [await self._send(self._producer, partial) for partial in batch]
                answers = await asyncio.gather(*sent, return_exceptions=True)
        except errors.CLIENT_ERRORS as error:
            raise errors.transient("cannot publish partials", error) from error
        for answer in answers:
            if isinstance(answer, BaseException):
                raise errors.transient("cannot publish partials", answer) from answer

    async def _send(self, producer: AIOKafkaProducer, partial: Partial) -> asyncio.Future[Any]:
        key, value = partials.key_of(partial.catalogue, partial.partition), partials.encode(partial)
        sent: asyncio.Future[Any] = await producer.send(KPI_PARTIALS, value, key=key, headers=[self._own])
        return sent

    async def close(self) -> None:
        """Let go of both clients. May be called again."""
        consumer, self._consumer = self._consumer, None
        producer, self._producer = self._producer, None
        for client in (consumer, producer):
            if client is not None:
                await client.stop()

    @property
    def _opened(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise TransientError("the partials topic is not open")
        return self._consumer

    async def _ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        try:
            async with asyncio.timeout(_REQUEST_MILLISECONDS / 1000):
                return dict(await self._opened.end_offsets(partitions))
        except errors.CLIENT_ERRORS as error:
            raise errors.transient("cannot ask where the log ends", error) from error
