"""Wires the parts of a worker together, runs them, and stops them in order."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Coroutine, Hashable, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from starlette.applications import Starlette

from pcare_common import build_info, logs
from pcare_common.bearer import guarded
from pcare_common.clock import Clock
from pcare_common.errors import EXIT_CONFIGURATION, OperatorError, TransientError
from pcare_common.http import HttpServer, server_of, service_routes
from pcare_common.leave import Leave
from pcare_kpi_aggregator import errors, runtime
from pcare_kpi_aggregator.answers import KpiAnswers
from pcare_kpi_aggregator.board.progress import reading
from pcare_kpi_aggregator.board.routes import Board
from pcare_kpi_aggregator.board.view import Views
from pcare_kpi_aggregator.crash_ledger import CrashLedger
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.health import WorkerHealth
from pcare_kpi_aggregator.kpi_metrics import KpiCollector
from pcare_kpi_aggregator.leaving import within
from pcare_kpi_aggregator.log_reader import LogReader, Outcome, Stretch
from pcare_kpi_aggregator.owned import Phase
from pcare_kpi_aggregator.ownership import Ownership
from pcare_kpi_aggregator.partials_topic import PartialsTopic
from pcare_kpi_aggregator.partition import FoldError, PartitionState
from pcare_kpi_aggregator.settings import AggregatorSettings
from pcare_kpi_aggregator.standings import Standings
from pcare_kpi_aggregator.tracing import NOT_FOLLOWED, Following
from pcare_kpi_aggregator.watchdog import LoopWatchdog, ProgressWatchdog
from pcare_kpi_aggregator.whole import CLOCK_BEARABLE, Whole
from pcare_kpi_aggregator.worker import KpiWorker
from pcare_kpi_aggregator.years import SECOND, instant_of
from pcare_schemas.kpis import catalogue, targets
from pcare_schemas.kpis.data_file import DataFileError
from pcare_schemas.topics import RECORDED

log = logs.get(__name__)

TICK_SECONDS = 0.1
WATCH_SECONDS = 1.0
FAUST_STOP_SECONDS = 5.0
CLIENT_STOP_SECONDS = 2.0
NOT_READY_PART = 1 / 3  # of the time without progress that ends the process
AWAY_TOO_LONG = 15  # times that: by then the trouble may be our clients', which a new process makes anew
MEGABYTE = 1024 * 1024


class Service:
    """One kpi-aggregator process. Raises OperatorError where a file or a port is not right."""

    def __init__(
        self,
        settings: AggregatorSettings,
        *,
        clock: Clock,
        leave: Leave,
        registry: CollectorRegistry | None = None,
        following: Following = NOT_FOLLOWED,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._leave = leave
        self._kafka = settings.aiokafka_options()
        try:
            self._catalogue = catalogue.load(settings.kpi_catalogue)
            self._targets = targets.load(settings.kpi_targets, self._catalogue.ids)
        except DataFileError as error:
            raise OperatorError(str(error)) from error
        self._fold = Fold.of(self._catalogue)
        self._decoder = self._fold.decoder()
        self._ledger = CrashLedger(settings.kpi_state_dir, clock)
        self._loop_limit = settings.kpi_session_seconds / 2
        self._loop_watchdog = LoopWatchdog(limit_seconds=self._loop_limit, clock=clock, leave=leave)
        self._progress = ProgressWatchdog(settings.kpi_stall_seconds, clock, leave)
        self._topic = PartialsTopic(self._kafka, catalogue=self._catalogue.version)
        self._whole = Whole(self._fold, self._catalogue.version, clock)
        self._ownership = Ownership(
            new_state=lambda: PartitionState(self._fold, self._decoder),
            new_reader=self._new_reader,
            now=self._now,
            on_fold_error=self._on_fold_error,
            on_unforeseen=self._on_unforeseen,
            held_bound=settings.kpi_held_megabytes * MEGABYTE,
        )
        self._worker = KpiWorker(
            self._ownership,
            self._whole,
            name=_name(),
            catalogue=self._catalogue.version,
            clock=clock,
            following=following,
        )
        self._http = self._http_server(registry or CollectorRegistry(), exemplars=following is not NOT_FOLLOWED)
        self._app: runtime.LogApp | None = None
        self._latest = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Whatever else ends the work ends the process."""
        await self._http.start()
        self._loop_watchdog.start()
        self._spawn(self._tick(), "tick")
        self._spawn(self._work(), "work")
        await stop.wait()

    async def stop(self) -> None:
        """Leave the group and let go of everything. Each step has a bound, for Faust's has none."""
        self._loop_watchdog.stop()
        self._ownership.cancel()
        for task in self._tasks:
            task.remove_done_callback(self._task_ended)
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._app is not None:
            await within(FAUST_STOP_SECONDS, self._app.stop(), "Faust")
        await within(CLIENT_STOP_SECONDS, self._topic.close(), "the partials topic")
        await within(CLIENT_STOP_SECONDS, self._http.stop(), "the HTTP server")

    # --- the tasks --------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Join the group once Kafka answers, then see to the whole."""
        self._whole.partitions = await self._topic.open()
        self._app = runtime.build(
            self._settings,
            self._worker,
            self._leave,
            group=self._settings.kpi_group,
            session_seconds=self._settings.kpi_session_seconds,
            data=self._settings.kpi_state_dir / "faust",
        )
        self._spawn(self._read_partials(), "read-partials")
        self._spawn(self._publish(), "publish-partials")
        self._spawn(self._watch(), "watch")
        await self._app.start()
        log.info("started", catalogue=self._catalogue.version, partitions=len(self._whole.partitions))

    async def _tick(self) -> None:
        while True:
            self._loop_watchdog.beat()
            self._refuse_to_go_back()
            self._worker.tick()
            if self._app is not None and self._app.crashed:
                self._leave("Faust has stopped", error=repr(self._app.crash_reason))
            await asyncio.sleep(TICK_SECONDS)

    def _refuse_to_go_back(self) -> None:
        now = self._now()
        if now < self._latest - CLOCK_BEARABLE:
            # Counts are never taken back to an earlier instant; those of a wrong future have to be made anew.
            self._leave("the clock went back", seconds=round((self._latest - now) / SECOND, 1))
        self._latest = max(now, self._latest)

    async def _publish(self) -> None:
        while True:
            batch = self._worker.to_publish()
            if batch and await self._bearing_outages(self._topic.publish(batch)):
                self._worker.published(batch)
            await asyncio.sleep(TICK_SECONDS)

    async def _read_partials(self) -> None:
        while True:
            await self._bearing_outages(self._topic.read(self._whole.offer, self._read_from_the_start))
            await asyncio.sleep(WATCH_SECONDS)

    async def _watch(self) -> None:
        """Compare what is counted with what there is to count."""
        while True:
            if not await self._bearing_outages(self._look()):
                self._progress.blind()
            if self._whole.ends_age > AWAY_TOO_LONG * self._settings.kpi_stall_seconds:
                self._leave("Kafka has not answered for so long that it may be this process that cannot find it")
            await asyncio.sleep(WATCH_SECONDS)

    async def _look(self) -> None:
        offers = self._whole.offers
        applied = {number: state.applied_through for number, state in self._ownership.ready()}
        ends = await self._topic.ends()
        self._whole.log_ends(ends, asked_after=offers)
        for number, applied_through in applied.items():
            if ends[number] <= applied_through:
                self._leave("the log is shorter than what was counted: was the topic made anew?", partition=number)
        self._progress.look(self._busy(ends))

    def _busy(self, ends: Mapping[int, int]) -> dict[str, Hashable]:
        """Return what has something to do, each with a value that its work changes."""
        ownership = self._ownership
        ready = dict(ownership.ready())
        busy: dict[str, Hashable] = {}
        for number, owned in ownership.owned.items():
            if number in ready:
                if ready[number].applied_through + 1 < ends[number]:
                    busy[f"partition {number}"] = ready[number].applied_through
            elif owned.phase is not Phase.BLOCKED and ends[number] > 0:
                busy[f"partition {number}"] = (ownership.progress, len(ready))  # read and evaluated with the others
        if not ownership.owned and self._nobody_counts(any_of_them=not ownership.joined):
            busy["the group, which gave no partitions, and nobody counts any"] = ownership.joined
        if ready:
            busy["the reader of the partials, which must at least hear our own"] = self._topic.records_read
        return busy

    def _nobody_counts(self, *, any_of_them: bool) -> bool:
        """Say whether no partition is counted; `any_of_them`: whether one is not, which may be meant for us."""
        instants = [partial.snapshot.at for partial in self._whole.best.values()]
        if any_of_them:
            at, patience = min(instants, default=0), self._settings.kpi_stall_seconds * NOT_READY_PART
        else:
            at, patience = max(instants, default=0), self._settings.kpi_stall_seconds
        return self._now() - at > patience * SECOND

    @staticmethod
    async def _bearing_outages(work: Awaitable[None]) -> bool:
        """Do some work with Kafka; return whether it was done."""
        try:
            await work
        except (TransientError, *errors.CLIENT_ERRORS) as error:
            if not errors.is_transient(error):
                raise
            log.warning("Kafka does not answer; trying again", error=str(error))
            return False
        return True

    # --- what goes wrong --------------------------------------------------------------------------------------

    def _on_fold_error(self, partition: int, error: FoldError) -> None:
        cause = errors.describe(error.__cause__ or error)
        if self._ledger.may_exit(RECORDED, partition, error.offset):
            self._leave("the fold failed on a record of the log", partition=partition, offset=error.offset, cause=cause)
        log.error(
            "the fold still fails on a record after restarts: its partition is not counted. Correct the program",
            partition=partition,
            offset=error.offset,
            cause=cause,
        )

    def _on_unforeseen(self, error: BaseException) -> None:
        told = errors.for_operator(error)
        if told is not None:
            self._leave("somebody has to act", status=EXIT_CONFIGURATION, what=str(told))
        self._leave("a fault in the program", cause=errors.describe(error))

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_unforeseen(error)

    # --- the parts --------------------------------------------------------------------------------------------

    def _read_from_the_start(self) -> None:
        self._whole.read_from_the_start = True

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._task_ended)
        self._tasks.append(task)

    def _now(self) -> int:
        return instant_of(self._clock.now())

    def _new_reader(self, stretches: Mapping[int, Stretch], outcome: Outcome) -> LogReader:
        return LogReader(RECORDED, stretches, kafka_options=self._kafka, now=self._now, outcome=outcome)

    def _http_server(self, registry: CollectorRegistry, *, exemplars: bool) -> HttpServer:
        health = WorkerHealth(
            self._worker,
            self._loop_watchdog,
            self._progress,
            loop_limit_seconds=self._loop_limit,
            progress_seconds=self._settings.kpi_stall_seconds * NOT_READY_PART,
        )
        standings = Standings(self._catalogue, self._targets)
        build_info.show(registry, "pcare-kpi-aggregator")
        registry.register(
            KpiCollector(self._worker, self._catalogue, standings, now=self._now, progress_age=health.age)
        )
        ProcessCollector(registry=registry)
        answers = KpiAnswers(self._whole, self._catalogue, standings, self._now)
        board = Board(
            self._whole,
            Views(self._catalogue, self._targets, standings),
            reading=lambda: reading(self._ownership),
            ready=health.ready,
            clock=self._clock,
        )
        given = self._settings
        service = service_routes(
            registry, ready=health.ready, live=health.live, token=given.metrics_token, exemplars=exemplars
        )
        shown = guarded([*answers.routes(), *board.routes()], given.kpi_token, "PCARE_KPI_TOKEN")
        return server_of(given, Starlette(routes=[*service, *shown]))


def _name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"
