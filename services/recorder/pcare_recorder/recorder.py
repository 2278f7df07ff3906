"""The recorder's loop: read, judge, persist, publish, commit; and when anything is in doubt, begin again.

There is one way back from every doubt: a lost connection, a rebalance, a fenced batch, a publish that failed. Drop
what is in hand, read both cursors, publish again what may be unpublished, seek every partition.
"""

import asyncio
import contextlib
from collections import Counter

from pcare_common import logs
from pcare_common.backoff import delays
from pcare_common.clock import Clock
from pcare_common.errors import TransientError
from pcare_recorder import beginning, cursors, recording, store
from pcare_recorder.database import Database
from pcare_recorder.errors import Dependency, ErrorKind, classify, dependency
from pcare_recorder.faults import Faults, Point
from pcare_recorder.instruments import Instruments
from pcare_recorder.intake import Intake
from pcare_recorder.paging import Pager, Stretches
from pcare_recorder.progress import Progress
from pcare_recorder.publisher import Publisher
from pcare_recorder.recording import FencedError, Page, Persisted
from pcare_schemas.rules import Rules

IDLE_SECONDS = 0.2
BEAT_SECONDS = 1.0
LAG_SECONDS = 5.0

log = logs.get(__name__)


class Recorder:
    """Records until it is told to stop. Two batches at most are in memory: one is judged while one is published."""

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
    ) -> None:
        self._rules = rules
        self._intake = intake
        self._publisher = publisher
        self._database = database
        self._pager = pager
        self._progress = progress
        self._instruments = instruments
        self._clock = clock
        self._faults = faults
        self._epoch = -1
        self._publishing: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Record until `stop` is set; then finish the batch in hand.

        Raises OperatorError when it must not go on, and whatever is neither transient nor about one event.
        """
        self._stop = stop
        waits = delays()
        measuring = asyncio.create_task(self._measure_lag(), name="lag")
        try:
            while not stop.is_set():
                try:
                    await self._begin()
                    waits = delays()
                    await self._follow()
                except FencedError:
                    self._instruments.fenced()
                    log.warning("another recorder had moved a cursor: the batch is dropped, the cursors are read again")
                except Exception as error:  # noqa: BLE001 - classified, and raised unless it passes by itself
                    await self._back_off(error, next(waits))
        finally:
            measuring.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await measuring
            await self._give_up_publishing()

    async def _begin(self) -> None:
        await self._give_up_publishing()
        self._epoch = self._intake.epoch
        assigned = self._intake.assigned
        self._progress.assigned(assigned, self._clock.monotonic())
        self._pager.begin({})
        await self._faults.reach(Point.BEFORE_START)
        connection = await self._database.connection()
        await store.remember_rules(connection, self._rules)
        found = await beginning.find(connection, self._intake, assigned or ())
        published = await beginning.publish_again(
            connection, self._intake, self._publisher, found, faults=self._faults, go_on=self._go_on
        )
        if published:
            self._pager.begin({partition: begins.next_offset for partition, begins in found.starts.items()})
            self._instruments.began(found.cursors)
            log.info("recording", partitions=[str(partition) for partition in sorted(found.starts)])
        self._progress.back(Dependency.POSTGRESQL)
        self._progress.back(Dependency.KAFKA)

    def _go_on(self) -> bool:
        self._progress.beat(self._clock.monotonic())
        return self._intake.epoch == self._epoch and not self._stop.is_set()

    async def _follow(self) -> None:
        while self._go_on():
            page = await self._pager.next_page(self._wait_for_records)
            if page is not None:
                persisted = await self._persist(page)
                await self._published()
                self._publishing = asyncio.create_task(self._publish(persisted), name="publish")
            elif self._publishing is not None and self._publishing.done():
                await self._published()
        await self._published()

    async def _wait_for_records(self, events: int) -> Stretches:
        taking = asyncio.create_task(self._intake.take(wait=IDLE_SECONDS, events=events), name="take")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            while not taking.done() and not stopping.done():
                await asyncio.wait({taking, stopping}, timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                self._progress.beat(self._clock.monotonic())
                self._progress.assigned(self._intake.assigned, self._clock.monotonic())
            return await taking if taking.done() else {}
        finally:
            stopping.cancel()
            taking.cancel()

    async def _persist(self, page: Page) -> Persisted:
        with self._instruments.timed("judge"):
            checked = recording.check_all(page, self._rules)
        with self._instruments.timed("persist"):
            persisted = await recording.persist(
                await self._database.connection(),
                page,
                checked,
                rules_version=self._rules.version,
                faults=self._faults,
            )
        self._pager.persisted(page)
        self._progress.moved([span.partition for span in page.spans], self._clock.monotonic())
        for span in page.spans:
            self._instruments.moved(span.partition, span.next_offset)
        self._instruments.judged(persisted.verdicts)
        _log_rejections(persisted)
        return persisted

    async def _publish(self, persisted: Persisted) -> None:
        with self._instruments.timed("publish"):
            await self._publisher.publish(persisted.links, persisted.messages)
        with self._instruments.timed("commit"):
            await self._faults.reach(Point.BEFORE_OFFSET_COMMIT)
            await self._intake.commit({span.partition: span.next_offset for span in persisted.page.spans})
            await self._faults.reach(Point.AFTER_OFFSET_COMMIT)

    async def _published(self) -> None:
        """Wait until the batch before is published and committed; raise what went wrong with it."""
        if self._publishing is not None:
            publishing, self._publishing = self._publishing, None
            await publishing

    async def _give_up_publishing(self) -> None:
        """Let go of a batch that is being published: it is in the database, and published again from there."""
        if self._publishing is not None:
            self._publishing.cancel()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await self._publishing
            self._publishing = None

    async def _back_off(self, error: Exception, seconds: float) -> None:
        self._database.drop()
        if not isinstance(error, TransientError) and classify(error) is not ErrorKind.TRANSIENT:
            raise error
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
            detail=str(error),
            seconds=round(seconds, 2),
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
        self._progress.beat(self._clock.monotonic())

    async def _measure_lag(self) -> None:
        """Compare the cursors with the ends of the partitions, asked for apart from reading: reading may be stuck."""
        while True:
            carried = dict(self._pager.carried)
            try:
                held = await self._intake.held(list(carried)) if carried else {}
                lags = cursors.lag(carried, {partition: found.end for partition, found in held.items()})
                self._progress.lag(lags, self._clock.monotonic())
                self._instruments.behind(lags)
                if carried:
                    self._progress.back(Dependency.KAFKA)
            except Exception as error:
                if classify(error) is not ErrorKind.TRANSIENT:
                    raise
                self._progress.away(Dependency.KAFKA, self._clock.monotonic())
            await asyncio.sleep(LAG_SECONDS)


def _log_rejections(persisted: Persisted) -> None:
    rejections = persisted.verdicts.rejections
    if rejections:
        log.warning(
            "events rejected",
            reasons=dict(Counter(str(rejection.reason) for _, rejection in rejections)),
            first=[
                {"origin": str(submitted.origin), "reason": str(rejection.reason), "id": rejection.id}
                for submitted, rejection in rejections[:5]
            ],
        )
