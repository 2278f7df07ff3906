"""The recorder's loop: read, judge, persist, publish, commit; and when anything is in doubt, begin again.

There is one way back from every doubt: a lost connection, a rebalance, a fenced batch, a publish that failed. Drop
what is in hand, read both cursors, publish again what may be unpublished, seek every partition.
"""

import asyncio
import contextlib

from pcare_common import logs
from pcare_common.backoff import delays
from pcare_common.clock import Clock
from pcare_common.errors import TransientError
from pcare_common.postgres import tls_trouble
from pcare_recorder import beginning, recording
from pcare_recorder.breaker import BreakerOpenedError, Limit
from pcare_recorder.checking import Checker, Read
from pcare_recorder.cursors import Partition
from pcare_recorder.database import Database
from pcare_recorder.errors import ErrorKind, classify, dependency
from pcare_recorder.faults import Faults, Point
from pcare_recorder.held_back import HeldBack
from pcare_recorder.instruments import Instruments
from pcare_recorder.intake import Intake
from pcare_recorder.lag import measure_lag
from pcare_recorder.merge_publishing import MergePublishing
from pcare_recorder.paging import Pager, Stretches
from pcare_recorder.progress import Progress
from pcare_recorder.publisher import Publisher
from pcare_recorder.recording import FencedError, Persisted
from pcare_recorder.rejection_log import log_rejections
from pcare_recorder.tracing import NOT_FOLLOWED, BatchTrace, Following
from pcare_schemas.rules import Rules

IDLE_SECONDS = 0.2
BEAT_SECONDS = 1.0

log = logs.get(__name__)


class Recorder:
    """Records until it is told to stop.

    Three batches at most are in memory: one is read and checked, one is written, one is published. Each waits for
    another machine most of its time, so together they take little longer than the longest of them.
    """

    def __init__(
        self,
        *,
        rules: Rules,
        intake: Intake,
        publisher: Publisher,
        database: Database,
        pager: Pager,
        progress: Progress,
        instruments: Instruments,
        clock: Clock,
        faults: Faults,
        limit: Limit | None = None,
        following: Following = NOT_FOLLOWED,
    ) -> None:
        self._checker = Checker(rules, instruments, following)
        self._intake = intake
        self._publisher = publisher
        self._database = database
        self._pager = pager
        self._progress = progress
        self._instruments = instruments
        self._clock = clock
        self._faults = faults
        self._limit = limit
        self._merges = MergePublishing(database, publisher, clock)
        self._held_back = HeldBack(progress, instruments, clock)
        self._epoch = -1
        self._next_offsets: dict[Partition, int] = {}
        self._published_through: dict[Partition, int] = {}
        self._reading: asyncio.Task[Read | None] | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._measuring: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Record until `stop` is set; then finish the batch in hand.

        Raises OperatorError when it must not go on, and whatever is neither transient nor about one event.
        """
        self._stop = stop
        waits = delays()
        self._measuring = asyncio.create_task(
            measure_lag(
                lambda: self._next_offsets,
                lambda: self._published_through,
                intake=self._intake,
                progress=self._progress,
                instruments=self._instruments,
                clock=self._clock,
            ),
            name="lag",
        )
        try:
            while not stop.is_set():
                try:
                    await self._begin()
                    waits = delays()
                    await self._follow()
                except FencedError:
                    self._instruments.fenced()
                    log.warning("another recorder had moved a cursor: the batch is dropped, the cursors are read again")
                except BreakerOpenedError as opened:
                    self._held_back.open(opened.tripped, self._checker.version)
                except Exception as error:  # noqa: BLE001 - classified, and raised unless it passes by itself
                    await self._back_off(error, next(waits))
        finally:
            self._measuring.cancel()
            await self._drop_what_is_in_hand()

    async def _begin(self) -> None:
        await self._drop_what_is_in_hand()
        self._epoch = self._intake.epoch
        assigned = self._intake.assigned
        self._progress.assigned(assigned, self._clock.monotonic())
        self._progress.beginning(self._clock.monotonic())
        self._next_offsets = {}
        self._pager.begin({})
        await self._faults.reach(Point.BEFORE_START)
        connection = await self._database.connection()
        await self._checker.begin(connection)
        found = await beginning.find(connection, self._intake, assigned or (), go_on=self._go_on)
        published = await beginning.publish_again(
            connection, self._intake, self._publisher, found, faults=self._faults, go_on=self._go_on
        )
        if published:
            self._next_offsets = {partition: begins.next_offset for partition, begins in found.starts.items()}
            self._published_through = dict(self._next_offsets)
            held_back = self._held_back.among(found.starts, self._checker.version)
            self._intake.hold(held_back)
            self._pager.begin({p: offset for p, offset in self._next_offsets.items() if p not in held_back})
            self._instruments.began(found.cursors)
            log.info("recording", partitions=[str(partition) for partition in sorted(found.starts)])
            self._progress.begun(self._clock.monotonic())

    def _go_on(self) -> bool:
        if self._measuring is not None and self._measuring.done():
            self._measuring.result()
        return self._intake.epoch == self._epoch and not self._stop.is_set()

    async def _follow(self) -> None:
        while self._go_on() and not await self._released():
            await self._merges.publish_pending(self._go_on)
            self._reading = self._reading or asyncio.create_task(self._read(), name="read")
            read = await self._reading
            self._reading = None
            if read is not None:
                self._reading = asyncio.create_task(self._read(), name="read")
                persisted = await self._persist(read)
                await self._published()
                self._publishing = asyncio.create_task(self._publish(persisted, read.trace), name="publish")
            elif self._publishing is not None and self._publishing.done():
                await self._published()
        await self._published()

    async def _released(self) -> bool:
        if not self._held_back.ask:
            return False
        connection = await self._database.connection()
        await self._checker.follow(connection)
        return self._held_back.of_other_rules(self._checker.version) or await self._held_back.released(connection)

    async def _read(self) -> Read | None:
        page = await self._pager.next_page(self._wait_for_records)
        return None if page is None else await self._checker.check(page)

    async def _wait_for_records(self, events: int) -> Stretches:
        taking = asyncio.create_task(self._intake.take(wait=IDLE_SECONDS, events=events), name="take")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            while not taking.done() and not stopping.done():
                await asyncio.wait({taking, stopping}, timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                self._progress.assigned(self._intake.assigned, self._clock.monotonic())
            return await taking if taking.done() else {}
        finally:
            stopping.cancel()
            taking.cancel()

    async def _persist(self, read: Read) -> Persisted:
        connection = await self._database.connection()
        read = await self._checker.up_to_date(read, connection)
        with self._instruments.timed("persist"), read.trace.step("persist"):
            persisted = await recording.persist(
                connection,
                read.page,
                read.checked,
                rules_version=read.rules.version,
                faults=self._faults,
                limit=self._limit,
                traceparents=read.trace.traceparents,
            )
            read.trace.judged(persisted.verdicts)
            log_rejections(persisted.verdicts)
        self._progress.moved([span.partition for span in read.page.spans], self._clock.monotonic())
        for span in read.page.spans:
            self._next_offsets[span.partition] = span.next_offset
            self._instruments.moved(span.partition, span.next_offset)
        self._instruments.judged(persisted.verdicts)
        return persisted

    async def _publish(self, persisted: Persisted, trace: BatchTrace) -> None:
        with self._instruments.timed("publish"), trace.step("publish"):
            await self._publisher.publish(persisted.links, persisted.messages)
        with self._instruments.timed("commit"), trace.step("commit"):
            await self._faults.reach(Point.BEFORE_OFFSET_COMMIT)
            await self._intake.commit({span.partition: span.next_offset for span in persisted.page.spans})
            await self._faults.reach(Point.AFTER_OFFSET_COMMIT)
        trace.end()
        self._progress.moved([span.partition for span in persisted.page.spans], self._clock.monotonic())
        self._published_through.update({span.partition: span.next_offset for span in persisted.page.spans})

    async def _published(self) -> None:
        """Wait until the batch before is published and committed; raise what went wrong with it."""
        if self._publishing is not None:
            publishing, self._publishing = self._publishing, None
            await publishing

    async def _drop_what_is_in_hand(self) -> None:
        """Let go of what is read and what is published: the one is read again, the other published again from rows.

        Reading is waited for, not cancelled: see `Intake.take`. It returns soon, or when the group has rebalanced.
        """
        if self._publishing is not None:
            self._publishing.cancel()
        for task in (self._publishing, self._reading):
            if task is not None:
                with contextlib.suppress(Exception, asyncio.CancelledError):
                    await task
        self._reading = self._publishing = None

    async def _back_off(self, error: Exception, seconds: float) -> None:
        self._database.drop()
        if not isinstance(error, TransientError) and classify(error) is not ErrorKind.TRANSIENT:
            raise error
        if self._stop.is_set():
            log.info("asked to stop in the middle of a batch: it is dropped", error=type(error).__name__)
            return
        if self._intake.epoch != self._epoch:
            log.info("the group rebalanced in the middle of a batch: it is dropped", error=type(error).__name__)
            return
        away = dependency(error)
        self._progress.away(away, self._clock.monotonic())
        self._instruments.transient(away)
        log.warning(
            "a dependency does not answer: nothing is lost or rejected, trying again",
            dependency=away.value,
            error=type(error).__name__,
            detail=tls_trouble(error) or str(error),
            seconds=round(seconds, 2),
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
