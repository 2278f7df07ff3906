"""Spans of a request that brings events: one of the server, and one of what it publishes, however many events that is.

A span holds counts, a route and a place on the topic: never an event, its id, its source or whom it is about.
"""

import asyncio
import re
from collections.abc import Sequence
from contextvars import ContextVar
from http import HTTPStatus

from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, Tracer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pcare_common.health import Health
from pcare_common.tracing import contexts, current
from pcare_common.tracing.headers import TRACEPARENT, TRACESTATE
from pcare_ingest.publishing import Failure, Outcome, Outgoing, Publisher, Stored
from pcare_schemas.topics import SUBMITTED

_WAYS_IN = frozenset({"/events", "/events/check", "/fhir"})
_FHIR = "/fhir/"

_OWN_NAME = b'"traceparent"'
_OWN_TRACE = re.compile(rb'"traceparent"\s*:\s*"([0-9a-f-]{55})"')
"""The attribute of the event. No field of any payload has that name, so whatever reads like it is the attribute."""


class RequestSpans:
    """Follows requests with a tracer: see `pcare_ingest.tracing.Following`."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._request: ContextVar[_Request | None] = ContextVar("request", default=None)

    def application(self, app: ASGIApp) -> ASGIApp:
        """Return what starts and ends the spans of each request."""

        async def followed(scope: Scope, receive: Receive, send: Send) -> None:
            route = _route(scope)
            if route is None:
                await app(scope, receive, send)
                return
            request = _Request(self._tracer, scope, route)

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    request.status = message["status"]
                await send(message)

            token = self._request.set(request)
            try:
                with current.working_for(contexts.ids(request.span.get_span_context())):
                    await app(scope, receive, sending)
            finally:
                self._request.reset(token)
                request.end()

        return followed

    def publisher(self, publisher: Publisher) -> Publisher:
        """Return what gives each record its trace context."""
        return _Publisher(publisher, self._request)


class _Publisher:
    def __init__(self, publisher: Publisher, request: ContextVar["_Request | None"]) -> None:
        self._publisher = publisher
        self._request = request

    def publish(self, records: Sequence[Outgoing]) -> asyncio.Future[list[Outcome]]:
        request = self._request.get()
        if request is None or not records:
            return self._publisher.publish(records)
        published = self._publisher.publish(request.publishing(records))
        if published.done():
            request.published(published)
        else:
            published.add_done_callback(request.published)
        return published

    def health(self) -> Health:
        return self._publisher.health()


class _Request:
    """One request. `status` is that of its answer, None where nobody waited for one."""

    def __init__(self, tracer: Tracer, scope: Scope, route: str) -> None:
        self._tracer = tracer
        self._remote = _stated(scope)
        self.status: int | None = None
        self.span = tracer.start_span(
            f"POST {route}",
            contexts.under(self._remote),
            SpanKind.SERVER,
            {"http.request.method": "POST", "http.route": route, "url.scheme": scope.get("scheme", "http")},
        )
        self._producing: Span | None = None
        self._headers: list[tuple[str, bytes]] = []
        self._linked: set[int] = set()
        self._events = self._acknowledged = 0

    def publishing(self, records: Sequence[Outgoing]) -> list[Outgoing]:
        """Return records with their trace contexts.

        An event's is that of the request, if its sender sent one with it; else the one that the event states; else
        that of our own spans. A context that an event states is linked to in any case.
        """
        if self._producing is None:
            self._producing = self._start_producing()
            self._headers = contexts.record_headers(self._producing.get_span_context())
        self._events += len(records)
        return [Outgoing(record.key, record.value, self._headers_of(record, self._producing)) for record in records]

    def _start_producing(self) -> Span:
        if not self.span.is_recording():
            return self.span  # it is sampled by nobody: its context is all that goes on
        return self._tracer.start_span(
            f"send {SUBMITTED}",
            contexts.under(self.span.get_span_context()),
            SpanKind.PRODUCER,
            {
                "messaging.system": "kafka",
                "messaging.operation.type": "send",
                "messaging.destination.name": SUBMITTED,
            },
        )

    def _headers_of(self, record: Outgoing, producing: Span) -> list[tuple[str, bytes]]:
        own = _own(record.value)
        if own is None:
            return self._headers
        self._link(own, producing)
        return self._headers if self._remote is not None else contexts.record_headers(own)

    def _link(self, own: SpanContext, producing: Span) -> None:
        known = own.trace_id in self._linked or own.trace_id == producing.get_span_context().trace_id
        if not known and len(self._linked) < contexts.MOST_FOLLOWED:
            self._linked.add(own.trace_id)
            producing.add_link(own)

    def published(self, published: asyncio.Future[list[Outcome]]) -> None:
        """Take note of what became of some of the records."""
        producing = self._producing
        if producing is None or published.cancelled():
            return
        outcomes = published.result()
        self._acknowledged += sum(isinstance(one, Stored) for one in outcomes)
        failure = next((one for one in outcomes if isinstance(one, Failure)), None)
        if failure is not None:
            producing.set_status(Status(StatusCode.ERROR, failure.value))
        if len(outcomes) == 1 and isinstance(outcomes[0], Stored) and outcomes[0].offset is not None:
            producing.set_attribute("messaging.destination.partition.id", str(outcomes[0].partition))
            producing.set_attribute("messaging.kafka.offset", outcomes[0].offset)

    def end(self) -> None:
        """End the spans: the request is answered, or nobody waits for the answer any more."""
        if self._producing is not None:
            self._producing.set_attribute("messaging.batch.message_count", self._events)
            self._producing.set_attribute("pcare.acknowledged", self._acknowledged)
            self._producing.end()
        if self.status is not None:
            self.span.set_attribute("http.response.status_code", self.status)
        if self.status is None or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.span.set_status(Status(StatusCode.ERROR))
        self.span.end()


def _route(scope: Scope) -> str | None:
    """Return the address of a way in for events, or None: what else has an address has ids and tokens in it."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    path: str = scope["path"]
    return path if path in _WAYS_IN else "/fhir/{resource}" if path.startswith(_FHIR) else None


def _own(event: bytes) -> SpanContext | None:
    """Return the context that an event states as its attribute."""
    if _OWN_NAME not in event:  # far cheaper than the expression, and most state none
        return None
    found = _OWN_TRACE.search(event)
    return None if found is None else contexts.read(found[1].decode("ascii"))


def _stated(scope: Scope) -> SpanContext | None:
    """Return the context that a request states. A header that stands twice states none."""
    found: dict[str, list[str]] = {TRACEPARENT: [], TRACESTATE: []}
    for name, value in scope["headers"]:
        if name in (b"traceparent", b"tracestate"):
            found[name.decode("ascii")].append(value.decode("latin-1"))
    if len(found[TRACEPARENT]) != 1:
        return None
    return contexts.read(found[TRACEPARENT][0], ",".join(found[TRACESTATE]) or None)
