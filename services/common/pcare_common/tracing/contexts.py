"""Trace contexts that come from outside: read as W3C says, and none of them believed to be harmless."""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pcare_common.tracing.current import Ids
from pcare_common.tracing.headers import TRACEPARENT, TRACESTATE
from pcare_schemas.check_digit import is_valid
from pcare_schemas.identifiers import holds_one

MOST_FOLLOWED = 32
"""The most traces of one batch that get a span of their own, or a link."""

_W3C = TraceContextTextMapPropagator()
_NHS_DIGITS = 10
_OF_PERSONS = ("person:", "nhs-number")


def read(traceparent: str | None, tracestate: str | None = None) -> SpanContext | None:
    """Return the context that these headers state, or None where they state none.

    Whoever sends them chooses the ids, and may write in `tracestate` whatever they like, and all of it would be kept
    by whoever keeps traces. So a context whose ids spell an NHS number is none, and a `tracestate` that names a
    person is dropped.
    """
    if not traceparent or _spells_a_number(traceparent):
        return None
    carrier = {TRACEPARENT: traceparent}
    if tracestate and not _names_a_person(tracestate):
        carrier[TRACESTATE] = tracestate
    found = trace.get_current_span(_W3C.extract(carrier, Context())).get_span_context()
    return found if found.is_valid else None


def under(context: SpanContext | None) -> Context:
    """Return the surroundings in which a span becomes the child of `context`, or a root."""
    surroundings = Context()
    return surroundings if context is None else trace.set_span_in_context(trace.NonRecordingSpan(context), surroundings)


def traceparent(context: SpanContext) -> str:
    """Return a context as the header `traceparent`."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def record_headers(context: SpanContext) -> list[tuple[str, bytes]]:
    """Return a context as headers of a Kafka record."""
    headers = [(TRACEPARENT, traceparent(context).encode("ascii"))]
    if context.trace_state:
        headers.append((TRACESTATE, context.trace_state.to_header().encode("latin-1", "replace")))
    return headers


def ids(context: SpanContext) -> Ids:
    """Return the ids of a context as log lines have them."""
    return Ids(trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id))


def _spells_a_number(traceparent: str) -> bool:
    """Tell whether an id is of decimal digits only, and an NHS number among them: one span id of 4,000 by chance."""
    return any(
        part.isdecimal() and any(is_valid(part[at : at + _NHS_DIGITS]) for at in range(len(part) - _NHS_DIGITS + 1))
        for part in traceparent.split("-")[1:3]
    )


def _names_a_person(text: str) -> bool:
    small = text.lower()
    return any(word in small for word in _OF_PERSONS) or holds_one(text.encode("utf-8", "replace"))
