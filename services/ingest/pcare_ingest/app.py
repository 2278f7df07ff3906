"""Wires the parts of ingest together and runs them until the process is told to stop."""

import asyncio
import gc
import sys
from collections.abc import Sequence
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry, ProcessCollector
from starlette.routing import Route
from starlette.types import ASGIApp

from pcare_common import build_info, logs, metrics, settings
from pcare_common.clock import Clock, SystemClock
from pcare_common.errors import EXIT_CONFIGURATION, EXIT_TRY_AGAIN, OperatorError
from pcare_common.health import Probe, all_of, always_well
from pcare_common.http import HttpServer, service_routes
from pcare_common.http_settings import LOOPBACK
from pcare_common.shutdown import stop_on_signals
from pcare_common.tls import Certificate
from pcare_common.tracing.start import start as start_tracing
from pcare_common.watchdog import Watchdog
from pcare_ingest import documentation, keys, web
from pcare_ingest.admission import Admission
from pcare_ingest.answers import VALID
from pcare_ingest.credentials import Credentials, credentials
from pcare_ingest.endpoint import EventsEndpoint
from pcare_ingest.fhir import mapping as fhir_mapping
from pcare_ingest.fhir.endpoint import FhirEndpoint
from pcare_ingest.fhir.measures import FhirMeasures
from pcare_ingest.gate import Gate
from pcare_ingest.intake import Intake
from pcare_ingest.judging import Judge
from pcare_ingest.kafka_publisher import KafkaPublisher
from pcare_ingest.kafka_session import Target
from pcare_ingest.ledger import Ledger, ledger
from pcare_ingest.measures import CheckMeasures, Measures
from pcare_ingest.postgres_receipts import PostgresReceipts
from pcare_ingest.progress import Progress, Watched
from pcare_ingest.pseudonyms_endpoint import PseudonymsEndpoint
from pcare_ingest.publishing import Publisher
from pcare_ingest.rate_limit import Rate
from pcare_ingest.receipt_endpoint import ReceiptEndpoint
from pcare_ingest.receipt_store import ReceiptStore
from pcare_ingest.settings import IngestSettings
from pcare_ingest.tracing import NOT_FOLLOWED, Following, following_of
from pcare_schemas.deprecations import Deprecations
from pcare_schemas.pseudonym import Keys
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED

FINISH_WITHIN_SECONDS = 4.0
"""How long requests in hand may wait for Kafka once the process is told to stop."""

GRACE_SECONDS = 7.0
"""How long the server then waits for the answers to be written, of the 10 s that an orchestrator grants."""

log = logs.get(__name__)


def assemble(
    configured: IngestSettings,
    *,
    known: Credentials,
    pseudonym_keys: Keys,
    publisher: Publisher,
    audit: Ledger,
    clock: Clock,
    registry: CollectorRegistry,
    progress: Progress,
    receipts: ReceiptStore | None = None,
    announced: Deprecations | None = None,
    live: Probe = always_well,
    following: Following = NOT_FOLLOWED,
) -> tuple[ASGIApp, ASGIApp]:
    """Return the application, and what answers when there are too many connections, given what reaches outside.

    `receipts`: None where it is not known what became of events. `announced`: None for the built-in deprecations.
    `following` sees requests and what is published of them, where tracing is on.
    """
    admission = Admission(
        max_events=configured.ingest_max_events_in_hand, max_bytes=configured.ingest_max_bytes_in_hand
    )
    watched = Watched(following.publisher(publisher), progress, clock)
    measures = Measures(
        registry, lambda: known.rules().register, admission, age=lambda: progress.age(clock.monotonic())
    )
    build_info.show(registry, "pcare-ingest", lambda: known.rules().version)
    gate = Gate(known.callers, measures, clock)
    deprecations = Deprecations.load() if announced is None else announced
    intake = Intake(Judge(known.rules, pseudonym_keys, deprecations), watched, clock)
    within = configured.ingest_read_within_seconds
    events = EventsEndpoint(intake.submit, gate, admission, measures, clock, read_within=within)
    check = EventsEndpoint(
        intake.check, gate, admission, CheckMeasures(registry), clock, words=VALID, read_within=within
    )
    mapping = fhir_mapping.built_in()
    fhir_measures = FhirMeasures(registry, mapping, measures)
    fhir = FhirEndpoint(mapping, intake, gate, admission, fhir_measures, clock=clock, read_within=within)
    numbers = Rate(configured.ingest_pseudonyms_per_second, configured.ingest_pseudonyms_burst)
    given = PseudonymsEndpoint(
        pseudonym_keys, gate, audit, admission, registry, clock=clock, rate=numbers, read_within=within
    )
    others = [
        Route("/pseudonyms", given, methods=["POST"]),
        *fhir.routes(),
        *known.routes,
        *ReceiptEndpoint(receipts, gate, metrics.counter("pcare_ingest_receipts_total", registry)).routes(),
        *service_routes(
            registry, ready=all_of(watched.health, known.health), live=live, token=configured.metrics_token
        ),
        *documentation.routes(deprecations, credentials=known.asked),
    ]
    return following.application(web.application(events, check, others)), events.turn_away


async def serve(configured: IngestSettings) -> int:
    """Run the service until it is told to stop. Returns the exit status."""
    stop = stop_on_signals()
    clock = SystemClock()
    progress = Progress(
        clock.monotonic(),
        not_ready_after=configured.ingest_not_ready_after,
        exit_after=configured.ingest_exit_after,
    )
    watchdog = Watchdog(progress.stuck, loop_seconds=configured.ingest_not_ready_after, clock=clock)
    publisher = KafkaPublisher(
        Target(SUBMITTED, configured.aiokafka_options(), configured.ingest_answer_within_seconds),
        turned=lambda: progress.turned(clock.monotonic()),
    )
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    known = credentials(configured, _rules(configured), clock, registry)
    dsn = None if configured.postgres_dsn is None else configured.postgres_dsn.get_secret_value()
    audit = ledger(dsn, loopback=configured.ingest_host in LOOPBACK)
    receipts = None if dsn is None else PostgresReceipts(dsn)
    tracing = start_tracing(configured, "ingest", registry, clock)
    app, turned_away = assemble(
        configured,
        known=known,
        pseudonym_keys=keys.read(),
        publisher=publisher,
        audit=audit,
        clock=clock,
        registry=registry,
        progress=progress,
        receipts=receipts,
        live=watchdog.live,
        following=following_of(tracing),
    )
    server = HttpServer(
        app,
        host=configured.ingest_host,
        port=configured.ingest_port,
        grace_seconds=GRACE_SECONDS,
        turned_away=turned_away,
        certificate=None if configured.tls is None else Certificate(*configured.tls),
    )
    await server.start()
    watchdog.start()
    log.info(
        "listening",
        host=configured.ingest_host,
        port=configured.ingest_port,
        credentials=configured.ingest_credentials,
        tls=configured.tls is not None,
    )
    _settle_garbage()
    publishing = asyncio.create_task(publisher.run(), name="kafka-publisher")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    working = [publishing]
    if known.reader is not None:
        working.append(asyncio.create_task(known.reader.run(), name="register-reader"))
    await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    status = 0
    for task in working:
        if task.done():
            status = EXIT_TRY_AGAIN
            log.critical(
                "a part ended by itself: the process has to be started again",
                part=task.get_name(),
                error=_name_of(task),
            )
    watchdog.stop()
    await _finish(server, publisher, [*working, stopping])
    await audit.close()
    if receipts is not None:
        await receipts.close()
    if tracing is not None:
        await tracing.stop()
    log.info("stopped", status=status)
    return status


async def _finish(server: HttpServer, publisher: KafkaPublisher, tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Stop accepting, let what is in hand be acknowledged, answer the rest 503, disconnect."""
    log.info("stopping: finishing the requests in hand")
    closing = asyncio.create_task(server.stop(), name="http-stop")
    _, waiting = await asyncio.wait({closing}, timeout=FINISH_WITHIN_SECONDS)
    if waiting:
        publisher.give_up()
    await closing
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await publisher.close()


def _rules(configured: IngestSettings) -> Rules:
    try:
        return Rules.load(configured.provider_register)
    except ValueError as error:
        raise OperatorError(str(error)) from error


def _name_of(task: asyncio.Task[None]) -> str:
    error = None if task.cancelled() else task.exception()
    return type(error).__name__


def _settle_garbage() -> None:
    """Keep the collector from walking, again and again, what was loaded at start and never goes away.

    Its walks over models and code lists show as the slowest answers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def main() -> None:
    """Start the service; ends the process."""
    configured = settings.load(IngestSettings)
    logs.configure("ingest", log_format=configured.log_format, level=configured.log_level)
    try:
        status = uvloop.run(serve(configured))
    except OperatorError as error:
        sys.stderr.write(f"Cannot start: {error}\n")
        status = EXIT_CONFIGURATION
    raise SystemExit(status)
