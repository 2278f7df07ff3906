"""Reading the submitted topics: a member of the consumer group that reads nothing before it is told from where.

The rebalance listener only sets a number: it runs inside the client, where waiting would cost the membership. The
recorder sees that the number changed, drops what it has in hand and begins again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from aiokafka.errors import KafkaTimeoutError
from aiokafka.structs import ConsumerRecord

from pcare_common import kafka_login
from pcare_common.errors import OperatorError
from pcare_recorder.cursors import Held, Partition
from pcare_recorder.verdicts import Submitted
from pcare_schemas.check import Record
from pcare_schemas.origin import Origin
from pcare_schemas.topics import SUBMITTED_PATTERN

MAX_POLL_SECONDS = 90
FETCH_BYTES = 16 * 1024 * 1024
REQUEST_SECONDS = 20
ANSWER_SECONDS = 30.0  # the client repeats some requests for as long as it takes; we do not wait so long
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOG_APPEND_TIME = 1


class Intake(ConsumerRebalanceListener):  # type: ignore[misc]
    """The recorder's consumer. `epoch` changes with every assignment, also of the same partitions.

    Everything that was assigned stays paused until `begin_at`. Methods raise what aiokafka raises, KafkaTimeoutError
    when Kafka does not answer, and TransientError never.
    """

    def __init__(self, connection: Mapping[str, Any], *, group: str, session_seconds: int) -> None:
        self._connection = connection
        self._consumer = AIOKafkaConsumer(
            **connection,
            client_id="pcare-recorder",
            group_id=group,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            metadata_max_age_ms=30_000,
            max_poll_interval_ms=MAX_POLL_SECONDS * 1000,
            rebalance_timeout_ms=MAX_POLL_SECONDS * 1000,
            session_timeout_ms=session_seconds * 1000,
            heartbeat_interval_ms=min(3_000, session_seconds * 1000 // 3),
            request_timeout_ms=REQUEST_SECONDS * 1000,
            fetch_max_bytes=FETCH_BYTES,
            fetch_max_wait_ms=100,
        )
        self.epoch = 0
        self._assigned: frozenset[Partition] | None = None

    async def start(self) -> None:
        """Connect and join the group; return before partitions are assigned."""
        self._consumer.subscribe(pattern=SUBMITTED_PATTERN, listener=self)
        await kafka_login.start(self._consumer, self._connection)

    async def stop(self) -> None:
        """Leave the group."""
        await self._consumer.stop()

    @property
    def assigned(self) -> frozenset[Partition] | None:
        """The partitions of this copy: none where there are more copies than partitions; None during a rebalance."""
        return self._assigned

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002
        """Take note that nothing is ours until the next assignment."""
        self._assigned = None
        self.epoch += 1

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Take note of what is ours. Paused: the position that the client would read from is not to be trusted."""
        self._consumer.pause(*assigned)
        self._assigned = frozenset(Partition(*partition) for partition in assigned)
        self.epoch += 1

    async def committed(self, partitions: Collection[Partition]) -> dict[Partition, int | None]:
        """Return C of each partition: the group's committed offset, or None where there is none."""
        async with _answered(ANSWER_SECONDS):
            return {partition: await self._consumer.committed(TopicPartition(*partition)) for partition in partitions}

    async def held(self, partitions: Collection[Partition], *, within: float = ANSWER_SECONDS) -> dict[Partition, Held]:
        """Return what Kafka holds of each partition. The end is that of committed transactions."""
        asked = [TopicPartition(*partition) for partition in partitions]
        async with _answered(within):
            first = await self._consumer.beginning_offsets(asked)
            end = await self._consumer.end_offsets(asked)
        return {partition: Held(first[tp], end[tp]) for partition, tp in zip(partitions, asked, strict=True)}

    async def first_since(self, instants: Mapping[Partition, datetime]) -> dict[Partition, datetime | None]:
        """Return the broker's time of the first record that is not older than an instant; None where there is none."""
        asked = {TopicPartition(*partition): _milliseconds(instant) for partition, instant in instants.items()}
        async with _answered(ANSWER_SECONDS):
            found = await self._consumer.offsets_for_times(asked)
        return {
            Partition(*partition): None if first is None else _EPOCH + timedelta(milliseconds=first.timestamp)
            for partition, first in found.items()
        }

    def begin_at(self, offsets: Mapping[Partition, int]) -> None:
        """Read these partitions from these offsets on, whatever the client believed."""
        for partition, offset in offsets.items():
            self._consumer.seek(TopicPartition(*partition), offset)
            self._consumer.resume(TopicPartition(*partition))

    def hold(self, partitions: Collection[Partition]) -> None:
        """Read no more of these partitions until `begin_at`."""
        self._consumer.pause(*(TopicPartition(*partition) for partition in partitions))

    async def take(self, *, wait: float, events: int) -> dict[Partition, list[Submitted]]:
        """Return the next records, at most `events`, of the partitions that were begun; wait if there are none.

        Each list is one read without interruption. During a rebalance this takes longer than `wait`, and must not be
        cancelled except to stop: the client would then no longer notice that it polls too seldom.
        """
        found = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=events)
        return {Partition(*partition): _submitted(records) for partition, records in found.items() if records}

    async def positions(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return up to where each partition was read, past control records too."""
        return {partition: await self._consumer.position(TopicPartition(*partition)) for partition in partitions}

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit C: everything below these offsets is published."""
        mine = {TopicPartition(*partition): OffsetAndMetadata(offset, "") for partition, offset in offsets.items()}
        async with _answered(ANSWER_SECONDS):
            await self._consumer.commit(mine)


@contextlib.asynccontextmanager
async def _answered(within: float) -> AsyncIterator[None]:
    """Wait so long and no longer. Kafka's own error says who did not answer; TimeoutError could be anybody's."""
    try:
        async with asyncio.timeout(within):
            yield
    except TimeoutError as error:
        raise KafkaTimeoutError(f"no answer within {within:.0f} s") from error


def _milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def _submitted(records: Sequence[ConsumerRecord]) -> list[Submitted]:
    for record in records:
        if record.timestamp_type != _LOG_APPEND_TIME:
            raise OperatorError(
                f"The topic {record.topic} keeps the sender's time of a record, but events are judged by the broker's. "
                "Run `pcare topics create --repair` to change that, then start again."
            )
    return [
        Submitted(
            Origin(record.topic, record.partition, record.offset),
            Record(
                value=record.value,
                key=record.key,
                topic=record.topic,
                timestamp=_EPOCH + timedelta(milliseconds=record.timestamp),
                headers=record.headers,
            ),
        )
        for record in records
    ]
