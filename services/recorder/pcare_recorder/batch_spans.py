"""Spans of a batch: one for each trace that its records belong to, and one of the batch with its steps.

A batch holds records of many requests. Each of their traces gets one span, of what was done with its records; the batch
is a trace of its own, linked with them both ways. Where all belong to one trace, the batch is that trace's span. A
batch of which nothing is sampled has none.

A span holds counts, reasons and places on the topics: never an event, its id, its source or whom it is about.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, Tracer

from pcare_common.tracing import contexts, current
from pcare_common.tracing.headers import traceparent_of
from pcare_recorder.recording import Page
from pcare_recorder.tracing import UNTRACED, BatchTrace
from pcare_recorder.verdicts import Checked, Verdicts
from pcare_schemas.envelope import Event
from pcare_schemas.origin import Origin
from pcare_schemas.rejections import Rejection


class Followed(NamedTuple):
    """A trace context that is sampled, and the records that came in it."""

    context: SpanContext
    origins: list[Origin]


class BatchSpans:
    """Follows batches with a tracer: see `pcare_recorder.tracing.Following`."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def now(self) -> int:
        """See the protocol."""
        return time.time_ns()

    def batch(self, page: Page, checked: Sequence[Checked], begun: int) -> BatchTrace:
        """See the protocol."""
        followed = _followed(checked)
        if not followed:
            return UNTRACED
        trace = _BatchTrace(self._tracer, followed, records=len(page.records), begun=begun)
        trace.checked(begun)
        return trace


class _BatchTrace:
    def __init__(self, tracer: Tracer, followed: Sequence[Followed], *, records: int, begun: int) -> None:
        self._tracer = tracer
        self._spans: dict[Span, list[Origin]] = {}
        first, others = followed[: contexts.MOST_FOLLOWED], followed[contexts.MOST_FOLLOWED :]
        alone = len(followed) == 1
        self._batch = tracer.start_span(
            "record a batch",
            contexts.under(first[0].context if alone else None),
            SpanKind.CONSUMER,
            _attributes([origin for one in followed for origin in one.origins]) | {"pcare.records": records},
            links=() if alone else [Link(one.context) for one in first],
            start_time=begun,
        )
        link = Link(self._batch.get_span_context())
        for context, origins in first:
            span = self._batch
            if not alone:
                span = tracer.start_span(
                    "record", contexts.under(context), SpanKind.CONSUMER, _attributes(origins), [link], begun
                )
            self._spans[span] = origins
        self.traceparents = {
            origin: contexts.traceparent(span.get_span_context())
            for span, origins in self._spans.items()
            for origin in origins
        } | {origin: contexts.traceparent(context) for context, origins in others for origin in origins}

    def checked(self, begun: int) -> None:
        """Show the step that is over by the time that a batch is known to be followed."""
        self._start("judge", begun).end()

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        span = self._start(name)
        try:
            with current.working_for(contexts.ids(self._batch.get_span_context())):
                yield
        except BaseException as error:
            failed = Status(StatusCode.ERROR, type(error).__name__)  # its words may quote what an event holds
            span.set_status(failed)
            span.end()
            for one in self._all():
                one.set_status(failed)
            self.end()
            raise
        span.end()

    def judged(self, verdicts: Verdicts) -> None:
        recorded = {new.submitted.origin for new in verdicts.events}
        rejected = {submitted.origin: str(refused.reason) for submitted, refused in verdicts.rejections}
        for span, origins in self._spans.items():
            outcomes = Counter(
                "recorded" if origin in recorded else "rejected" if origin in rejected else "duplicate"
                for origin in origins
            )
            for outcome, count in outcomes.items():
                span.set_attribute(f"pcare.{outcome}", count)
            reasons = sorted({rejected[origin] for origin in origins if origin in rejected})
            if reasons:
                span.set_attribute("pcare.rejected.reasons", reasons)

    def end(self) -> None:
        for span in self._all():
            span.end()

    def _start(self, name: str, begun: int | None = None) -> Span:
        return self._tracer.start_span(name, contexts.under(self._batch.get_span_context()), start_time=begun)

    def _all(self) -> list[Span]:
        return list({**self._spans, self._batch: []})


def _followed(checked: Sequence[Checked]) -> list[Followed]:
    """Return the records that are followed: by the header that they came with, else by what the event itself states."""
    read: dict[str, Followed | None] = {}
    for submitted, found in checked:
        stated = traceparent_of(submitted.record.headers) or _own(found)
        if stated is None:
            continue
        if stated not in read:
            context = contexts.read(stated)
            read[stated] = None if context is None or not context.trace_flags.sampled else Followed(context, [])
        followed = read[stated]
        if followed is not None:
            followed.origins.append(submitted.origin)
    return [followed for followed in read.values() if followed is not None]


def _own(found: Event | Rejection) -> str | None:
    return None if isinstance(found, Rejection) else found.traceparent


def _attributes(origins: Sequence[Origin]) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.batch.message_count": len(origins),
    }
    if len({origin.topic for origin in origins}) == 1:
        attributes["messaging.destination.name"] = origins[0].topic
    if len(origins) == 1:
        attributes["messaging.destination.partition.id"] = str(origins[0].partition)
        attributes["messaging.kafka.offset"] = origins[0].offset
    return attributes
