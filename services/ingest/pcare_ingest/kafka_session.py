"""One connected producer and the queues of the partitions that it writes to.

A session is opened, used, and closed for good. Whatever state a producer can get into (a batch that is retried for
ever, a sequence the broker refuses, a fenced or unauthorised producer id) is left behind by opening the next one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pcare_common import kafka_errors, kafka_login
from pcare_common.errors import OperatorError, TransientError
from pcare_ingest.partition_queue import PartitionQueue
from pcare_ingest.partitioner import partition_of
from pcare_ingest.publishing import Group, Outcome, Outgoing

OPEN_WITHIN_SECONDS = 5.0
TOPIC_WITHIN_SECONDS = 2.0
PROBE_WITHIN_SECONDS = 6.0
ABANDON_WITHIN_SECONDS = 1.0
REQUEST_TIMEOUT_MS = 5_000
RETRY_BACKOFF_MS = 200
BATCH_BYTES = 262_144  # one batch, however it is packed, stays below what a topic for 256 KiB events must take
LINGER_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Target:
    """Where to publish: the topic, the connection options of aiokafka, and how long an answer may take (seconds)."""

    topic: str
    connection: dict[str, Any]
    answer_within: float


class Session:
    """A producer that is connected and knows its topic. Made by `open`; used on the loop's thread alone.

    `failed` is set by the first record that is not acknowledged and holds, in `why`, the words for an operator.
    """

    def __init__(self, producer: Any, partitions: int, target: Target) -> None:
        self._producer = producer
        self._loop = asyncio.get_running_loop()
        self.failed = asyncio.Event()
        self.why = ""
        self.acknowledged_at = self._loop.time()
        self._queues = [
            PartitionQueue(
                producer,
                target.topic,
                partition,
                linger=LINGER_SECONDS,
                answer_within=target.answer_within,
                on_acknowledged=self._acknowledged,
                on_failure=self._fail,
            )
            for partition in range(partitions)
        ]

    @classmethod
    async def open(cls, target: Target) -> "Session":
        """Connect, obtain a producer id and learn how many partitions the topic has.

        Raises TransientError, in words for an operator, for whatever goes wrong on the way: what answers at the
        address may be anything. Takes about OPEN_WITHIN_SECONDS and TOPIC_WITHIN_SECONDS at most.
        """
        producer = AIOKafkaProducer(
            **target.connection,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,  # the queues linger, each for its own partition
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )
        try:
            async with asyncio.timeout(OPEN_WITHIN_SECONDS):
                await kafka_login.start(producer, target.connection)
            partitions = await _partitions(producer, target)
        except BaseException as error:
            await _abandon(producer)
            if isinstance(error, OperatorError):
                raise TransientError(str(error)) from error  # whoever puts it right need not start ingest again
            if isinstance(error, Exception) and not isinstance(error, TransientError):
                servers = ",".join(target.connection["bootstrap_servers"])
                refused = kafka_errors.refusal(error) if isinstance(error, KafkaError) else None
                advice = f". {refused.value}" if refused else ""
                raise TransientError(
                    f"Kafka at {servers} cannot be used ({kafka_errors.in_words(error)}){advice}"
                ) from error
            raise
        return cls(producer, partitions, target)

    def publish(self, records: Sequence[Outgoing]) -> asyncio.Future[list[Outcome]]:
        """See `pcare_ingest.publishing.Publisher.publish`."""
        group = Group(len(records), self._loop)
        queues = self._queues
        count = len(queues)
        for index, record in enumerate(records):
            queues[partition_of(record.key, count)].add(record, group, index)
        return group.future

    async def probe(self) -> None:
        """Ask the brokers for something, and note a failure if none answers."""
        try:
            answered = await asyncio.wait_for(self._producer.client.force_metadata_update(), PROBE_WITHIN_SECONDS)
        except TimeoutError:
            answered = False
        if not answered:
            self._fail(TransientError("no broker answers"))

    async def close(self, *, within: float) -> None:
        """Let what is under way finish for at most `within` seconds, answer the rest as failed, disconnect."""
        sending = self._sending()
        try:
            if sending:
                await asyncio.wait(sending, timeout=within)
        finally:
            self.give_up()
            if self.failed.is_set():
                await _abandon(self._producer)
            else:
                await self._producer.stop()

    def give_up(self) -> None:
        """Answer everything that waits, now. Nothing more is to be had from this session."""
        if self._sending():
            self._fail(TransientError("it was given up"))
        for queue in self._queues:
            queue.give_up()

    def _sending(self) -> "list[asyncio.Task[None]]":
        return [queue.sending for queue in self._queues if queue.sending is not None]

    def _acknowledged(self) -> None:
        self.acknowledged_at = self._loop.time()

    def _fail(self, error: Exception) -> None:
        if not self.failed.is_set():
            self.why = kafka_errors.in_words(error)
            self.failed.set()


async def _abandon(producer: Any) -> None:
    """Disconnect a producer at once, whatever it still holds.

    Its own `stop` waits until everything is delivered, and an idempotent aiokafka producer never gives up delivering:
    with the broker away it would not end. Nobody waits for what it holds any more.
    """
    sender = producer._sender.sender_task  # noqa: SLF001 - there is no public way to stop it without a flush
    for patience in (0.1, ABANDON_WITHIN_SECONDS):  # the first lets a request under way end, the second does not
        if sender is not None and not sender.done():
            sender.cancel()
            await asyncio.wait({sender}, timeout=patience)
    await producer.client.close()
    producer._closed = True  # noqa: SLF001 - what it is, and what keeps it from warning that it was left open


async def _partitions(producer: Any, target: Target) -> int:
    try:
        async with asyncio.timeout(TOPIC_WITHIN_SECONDS):
            return len(await producer.partitions_for(target.topic))
    except TimeoutError as error:
        raise TransientError(
            f"Kafka answers but has no topic {target.topic}: create the topics with `pcare topics create`"
        ) from error
