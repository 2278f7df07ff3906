"""Spans on their way to a collector: never in anybody's way, never more than a bound, and counted if they are lost."""

import asyncio
import os
import socket
import threading
from collections.abc import Sequence

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, Tracer, TraceState
from opentelemetry.util.types import Attributes
from prometheus_client import CollectorRegistry

from pcare_common import logs, metrics
from pcare_common.clock import Clock
from pcare_common.tracing.contexts import MOST_FOLLOWED
from pcare_common.tracing.settings import TracingSettings, pairs

EXPORT_SECONDS = 5.0
SEND_EVERY_MILLISECONDS = 1_000
SPANS_A_REQUEST = 512
FLUSH_SECONDS = 0.5
"""How long the end of a process waits for its last spans, of the ten seconds that it has."""

SAY_AGAIN_SECONDS = 60.0

log = logs.get(__name__)


class Tracing:
    """One process's tracer, and what carries its spans away. Made by `pcare_common.tracing.start`."""

    def __init__(self, config: TracingSettings, service: str, registry: CollectorRegistry, clock: Clock) -> None:
        counting = CountingExporter(_exporter(config), registry, clock)
        self._bounded = BoundedProcessor(counting, config.tracing_queue_spans)
        # Links and attributes are bounded where they are made; these bounds are for what is forgotten there.
        limits = SpanLimits(max_links=MOST_FOLLOWED, max_span_attributes=32, max_events=0, max_attribute_length=200)
        resource = {"service.name": service, "service.namespace": "pcare", "service.instance.id": _instance()}
        self._provider = TracerProvider(
            sampler=ParentBased(SampledWithLinks(TraceIdRatioBased(config.tracing_ratio))),
            resource=Resource.create(resource),
            shutdown_on_exit=False,  # it would wait for the collector, half a minute
            span_limits=limits,
        )
        self._provider.add_span_processor(self._bounded)
        self.tracer: Tracer = self._provider.get_tracer("pcare")

    async def stop(self) -> None:
        """Send what is left, and wait for it no longer than `FLUSH_SECONDS`. Nothing is traced from here on."""
        loop, flushed = asyncio.get_running_loop(), asyncio.Event()

        def flush() -> None:
            self._provider.shutdown()
            try:
                loop.call_soon_threadsafe(flushed.set)
            except RuntimeError:
                log.debug("the loop has closed before the last spans were sent")  # nobody waits for it any more

        threading.Thread(target=flush, name="flush-spans", daemon=True).start()
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await flushed.wait()
        except TimeoutError:
            log.info("the last spans were not sent in time: leaving without them")


class SampledWithLinks(Sampler):
    """Decides for a span without a parent: as `otherwise` does, but always for one that links to what is traced."""

    def __init__(self, otherwise: Sampler) -> None:
        self._otherwise = otherwise

    def should_sample(  # noqa: PLR0917 - as the SDK has it
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,  # noqa: ARG002 - as the SDK has it
    ) -> SamplingResult:
        """Return the decision."""
        decide = ALWAYS_ON if any(link.context.trace_flags.sampled for link in links or ()) else self._otherwise
        return decide.should_sample(parent_context, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        """Return its name."""
        return f"SampledWithLinks({self._otherwise.get_description()})"


class CountingExporter(SpanExporter):
    """Hands spans on and counts what became of them. Runs in the thread of the batch processor."""

    def __init__(self, exporter: SpanExporter, registry: CollectorRegistry, clock: Clock) -> None:
        self._exporter = exporter
        self._clock = clock
        self._said_at = float("-inf")
        spans = metrics.counter("pcare_tracing_spans_total", registry)
        self._exported, self._failed, self._dropped = map(spans.labels, ("exported", "failed", "dropped"))
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; those of a failed request are lost."""
        self.taken += len(spans)
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._exported.inc(len(spans))
        else:
            self._failed.inc(len(spans))
            self._say()
        return result

    def dropped(self) -> None:
        """Count a span for which there was no room."""
        self._dropped.inc()

    def shutdown(self) -> None:
        """Give up what is under way."""
        self._exporter.shutdown()

    def _say(self) -> None:
        now = self._clock.monotonic()
        if now - self._said_at >= SAY_AGAIN_SECONDS:
            self._said_at = now
            log.warning(
                "the collector takes no spans: they are lost, and nothing else is. Look at PCARE_TRACING_ENDPOINT and "
                "at the collector; pcare_tracing_spans_total counts them"
            )


class BoundedProcessor(SpanProcessor):
    """The SDK's batch processor behind a bound of our own, so that what is dropped is known to the span.

    The SDK's own bound is the same and is never reached; it tells nobody how often it was.
    """

    def __init__(self, exporter: CountingExporter, most: int) -> None:
        self._exporter = exporter
        self._most = most
        self._given = 0
        self._batches = BatchSpanProcessor(
            exporter,
            max_queue_size=most,
            schedule_delay_millis=SEND_EVERY_MILLISECONDS,
            max_export_batch_size=min(SPANS_A_REQUEST, most),
        )

    @property
    def waiting(self) -> int:
        """How many spans are held."""
        return self._given - self._exporter.taken

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span that has ended, if there is room. Called on the loop's thread alone."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self.waiting >= self._most:
            self._exporter.dropped()
            return
        self._given += 1
        self._batches.on_end(span)

    def shutdown(self) -> None:
        """Send what is held."""
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is held now."""
        return self._batches.force_flush(timeout_millis)


def _exporter(config: TracingSettings) -> OTLPSpanExporter:
    headers = "" if config.tracing_headers is None else config.tracing_headers.get_secret_value()
    session = requests.Session()
    if config.tracing_cafile is not None:
        session.verify = config.tracing_cafile
    return OTLPSpanExporter(
        endpoint=config.traces_address,
        headers=dict(pairs(headers)) or None,
        timeout=EXPORT_SECONDS,
        compression=Compression.Gzip,
        session=session,
    )


def _instance() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"
