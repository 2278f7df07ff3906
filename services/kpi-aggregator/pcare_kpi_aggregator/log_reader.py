"""Reads stretches of the log in bulk, in a thread with a loop of its own: a rebuild, or the tail that was missed.

The thread alone touches the states that it was given, until it says that one is done or that it has ended. It reads
without a consumer group, so nothing that happens to the group disturbs it.
"""

import asyncio
import gc
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from pcare_common import kafka_login, logs
from pcare_common.backoff import delays
from pcare_kpi_aggregator import errors
from pcare_kpi_aggregator.partition import FoldError, PartitionState

log = logs.get(__name__)

_POLL_MILLISECONDS = 200
_MOST_RECORDS = 5_000  # between two looks at whether the work is still wanted
_PARTITION_FETCH_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stretch:
    """Read into `state` what the log holds from behind `state.applied_through` up to, not including, `end`."""

    state: PartitionState
    end: int


class Outcome(Protocol):
    """Whom the reader tells. Called on the loop that started it, in the order of events."""

    def stretch_done(self, reader: "LogReader", partition: int) -> None:
        """Take note that the state of `partition` holds the log up to the stretch's end, and is settled."""
        ...

    def stretch_failed(self, reader: "LogReader", partition: int, error: FoldError) -> None:
        """Take note that the fold failed on a record of `partition`; the other partitions go on."""
        ...

    def reader_ended(self, reader: "LogReader", error: BaseException | None) -> None:
        """Take back all states: the thread is done, cancelled, or stopped by `error`, which nobody foresaw."""
        ...


class LogReader:
    """One bulk read of several partitions. Made and told on a running loop; reads in a thread."""

    def __init__(
        self,
        topic: str,
        stretches: Mapping[int, Stretch],
        *,
        kafka_options: Mapping[str, Any],
        now: Callable[[], int],
        outcome: Outcome,
    ) -> None:
        self._topic = topic
        self._stretches = dict(stretches)
        self._kafka_options = dict(kafka_options)
        self._now = now
        self._outcome = outcome
        self._loop = asyncio.get_running_loop()
        self._cancelled = threading.Event()
        self._waiting = set(stretches)
        self.ended = asyncio.Event()
        self.records = 0  # counted by the thread, read by the watchdog: an integer that only grows

    def start(self) -> None:
        """Begin to read. Nothing keeps the process alive for it."""
        threading.Thread(target=self._run, name="log-reader", daemon=True).start()

    def cancel(self) -> None:
        """Ask the thread to end soon; what it has read so far stays in the states."""
        self._cancelled.set()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            asyncio.run(self._read_until_done())
            gc.freeze()  # facts live as long as their partition: the collector need not walk them again and again
        except BaseException as unforeseen:  # noqa: BLE001 - handed to the loop, which stops the process with it
            error = unforeseen
        self._tell(self._finish, error)

    def _finish(self, error: BaseException | None) -> None:
        self.ended.set()
        self._outcome.reader_ended(self, error)

    def _tell(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            log.info("the loop has closed before a reader ended")  # the process is leaving: nobody waits for it

    async def _read_until_done(self) -> None:
        for seconds in delays():
            try:
                await self._read()
                return
            except errors.CLIENT_ERRORS as error:
                if not errors.is_transient(error):
                    raise
                log.warning("cannot read the log; trying again", error=repr(error), partitions=sorted(self._waiting))
            if self._cancelled.wait(seconds):  # noqa: ASYNC110, RUF100 - this thread's loop has nothing else to do
                return

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._kafka_options,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_PARTITION_FETCH_BYTES,
        )
        try:
            await kafka_login.start(consumer, self._kafka_options)
            partitions = {TopicPartition(self._topic, number): number for number in self._waiting}
            consumer.assign(list(partitions))
            for tp, number in partitions.items():
                consumer.seek(tp, self._stretches[number].state.applied_through + 1)
            while self._waiting and not self._cancelled.is_set():
                batches = await consumer.getmany(timeout_ms=_POLL_MILLISECONDS, max_records=_MOST_RECORDS)
                for tp, records in batches.items():
                    self._apply(tp.partition, records)
                await self._conclude(consumer)
        finally:
            with suppress(asyncio.CancelledError):  # aiokafka lets its own task's out when it is stopped very early
                await consumer.stop()

    def _apply(self, partition: int, records: list[Any]) -> None:
        stretch = self._stretches[partition]
        if partition not in self._waiting:
            return
        apply, end = stretch.state.apply, stretch.end
        try:
            for record in records:
                if record.offset >= end:
                    break
                apply(record.offset, record.value, record.timestamp)
        except FoldError as error:
            self._waiting.discard(partition)
            self._tell(self._outcome.stretch_failed, self, partition, error)
        self.records += len(records)

    async def _conclude(self, consumer: AIOKafkaConsumer) -> None:
        for partition in sorted(self._waiting):
            stretch = self._stretches[partition]
            tp = TopicPartition(self._topic, partition)
            if stretch.state.applied_through + 1 < stretch.end and await consumer.position(tp) < stretch.end:
                continue
            consumer.pause(tp)
            stretch.state.skip_to(stretch.end)  # the last offsets may hold no records: markers, or deleted ones
            self._waiting.discard(partition)
            try:
                stretch.state.settle(self._now(), thorough=True)
            except FoldError as error:
                self._tell(self._outcome.stretch_failed, self, partition, error)
            else:
                self._tell(self._outcome.stretch_done, self, partition)
            if self._cancelled.is_set():
                return
