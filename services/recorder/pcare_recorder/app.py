"""Wires the parts of the recorder and runs them. `python -m pcare_recorder` starts here."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from functools import partial

import uvloop
from prometheus_client import CollectorRegistry, ProcessCollector
from starlette.applications import Starlette

from pcare_common import logs, settings
from pcare_common.clock import Clock, SystemClock
from pcare_common.errors import EXIT_CONFIGURATION, EXIT_TRY_AGAIN, OperatorError
from pcare_common.http import server_of, service_routes
from pcare_common.shutdown import stop_on_signals
from pcare_common.tracing.start import start as start_tracing
from pcare_common.watchdog import Watchdog
from pcare_recorder import migrate
from pcare_recorder.breaker import Limit
from pcare_recorder.database import Database
from pcare_recorder.errors import Dependency, for_operator
from pcare_recorder.faults import Faults, NoFaults
from pcare_recorder.instruments import Instruments
from pcare_recorder.intake import Intake
from pcare_recorder.paging import Pager
from pcare_recorder.progress import Progress
from pcare_recorder.publisher import Publisher
from pcare_recorder.recorder import Recorder
from pcare_recorder.settings import RecorderSettings
from pcare_recorder.startup import StoppedError, reach
from pcare_recorder.tracing import following_of
from pcare_schemas.rules import Rules

# Of the ten seconds that a service has to end in: for the batch in hand, and for leaving the group.
FINISH_SECONDS = 4.0
LEAVE_SECONDS = 3.0
PUBLISHER_SECONDS = 0.5
DROP_SECONDS = 0.5

log = logs.get(__name__)


async def serve(config: RecorderSettings, stop: asyncio.Event, *, clock: Clock, faults: Faults) -> None:
    """Run the recorder until `stop` is set.

    Raises OperatorError when a person has to act, and any other exception for a mistake of ours.
    """
    rules = _rules(config)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    progress = Progress(clock.monotonic(), config.recorder_not_ready_after, config.recorder_exit_after)
    instruments = Instruments(registry, rules, clock, age=lambda: progress.age(clock.monotonic()))
    answers = partial(reach, progress=progress, clock=clock, stop=stop)
    tracing = start_tracing(config, "recorder", registry, clock)
    async with contextlib.AsyncExitStack() as closing:
        closing.enter_context(contextlib.suppress(StoppedError))
        if tracing is not None:
            closing.push_async_callback(tracing.stop)
        await closing.enter_async_context(_probes(config, registry, progress, clock))
        database = Database(config.postgres_dsn.get_secret_value())
        closing.push_async_callback(database.close)
        await answers(Dependency.POSTGRESQL, partial(_check_schema, database))
        publisher = await answers(Dependency.KAFKA, partial(_publisher, config, faults))
        closing.push_async_callback(_leave, publisher, PUBLISHER_SECONDS)
        intake = await answers(Dependency.KAFKA, partial(_intake, config))
        closing.push_async_callback(_leave, intake, LEAVE_SECONDS)
        recorder = Recorder(
            rules=rules,
            intake=intake,
            publisher=publisher,
            database=database,
            pager=Pager(intake, batch_events=config.recorder_batch_events, batch_bytes=config.recorder_batch_bytes),
            progress=progress,
            instruments=instruments,
            clock=clock,
            faults=faults,
            limit=Limit.of(config.recorder_breaker_window, config.recorder_breaker_share),
            following=following_of(tracing),
        )
        await _finish(asyncio.create_task(recorder.run(stop), name="recorder"), stop)


async def _finish(running: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Wait for the recorder's end; once it was asked to stop, not longer than its share of the grace."""
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({running}, timeout=FINISH_SECONDS)
    stopping.cancel()
    if running.done():
        await running
        return
    log.warning("the batch in hand did not end in time: it is dropped, and will be judged again")
    running.cancel()
    await asyncio.wait({running}, timeout=DROP_SECONDS)


@contextlib.asynccontextmanager
async def _probes(
    config: RecorderSettings, registry: CollectorRegistry, progress: Progress, clock: Clock
) -> AsyncIterator[None]:
    """Answer over HTTP, and watch for a loop that is stuck."""
    watchdog = Watchdog(progress.stuck, loop_seconds=config.recorder_not_ready_after, clock=clock)
    routes = service_routes(
        registry, ready=lambda: progress.ready(clock.monotonic()), live=watchdog.live, token=config.metrics_token
    )
    server = server_of(config, Starlette(routes=routes))
    await server.start()
    watchdog.start()
    try:
        yield
    finally:
        watchdog.stop()
        await server.stop()


async def _check_schema(database: Database) -> None:
    await migrate.check(await database.connection())


async def _publisher(config: RecorderSettings, faults: Faults) -> Publisher:
    publisher = Publisher(config.aiokafka_options(), faults)
    try:
        await publisher.start()
    except BaseException:
        await _leave(publisher, PUBLISHER_SECONDS)
        raise
    return publisher


async def _intake(config: RecorderSettings) -> Intake:
    intake = Intake(
        config.aiokafka_options(), group=config.recorder_group, session_seconds=config.recorder_session_seconds
    )
    try:
        await intake.start()
    except BaseException:
        await _leave(intake, LEAVE_SECONDS)
        raise
    return intake


async def _leave(client: Publisher | Intake, seconds: float) -> None:
    """Close a client of Kafka, but do not wait for a broker that is gone.

    In a task of its own: where the broker is gone, aiokafka lets its own inner cancellations out.
    """
    closing = asyncio.create_task(client.stop(), name="close")
    await asyncio.wait({closing}, timeout=seconds)
    if not closing.done() or closing.cancelled() or closing.exception() is not None:
        closing.cancel()
        log.warning("a client of Kafka did not close in order", client=type(client).__name__)


def _rules(config: RecorderSettings) -> Rules:
    try:
        return Rules.load(config.provider_register)
    except ValueError as error:
        raise OperatorError(f"The rules cannot be read: {error}") from error


async def _run(config: RecorderSettings) -> None:
    await serve(config, stop_on_signals(), clock=SystemClock(), faults=NoFaults())


def main() -> None:
    """Run the service. Ends with 0 when asked to stop, 78 when a person has to act, 75 when it should start again."""
    config = settings.load(RecorderSettings)
    logs.configure("recorder", log_format=config.log_format, level=config.log_level)
    # What is loaded stays; events come and go in their thousands, and a look at all of them costs more than it frees.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        uvloop.run(_run(config))
    except Exception as error:  # the last stop of every error: it is told, and the exit status says what to do
        told = for_operator(error)
        if told is not None:
            log.critical("the recorder stops: somebody has to act", what=str(told))
            raise SystemExit(EXIT_CONFIGURATION) from error
        log.critical("the recorder stops on an error nobody foresaw", exc_info=error)
        raise SystemExit(EXIT_TRY_AGAIN) from error
