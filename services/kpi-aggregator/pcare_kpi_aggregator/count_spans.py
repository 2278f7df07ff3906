"""Spans of the count: one for each trace of which events were counted together, the last of that trace.

A span holds counts and places on the log: never an event, its id, its source or whom it is about.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from opentelemetry.trace import SpanContext, SpanKind, Tracer, format_trace_id

from pcare_common.tracing import contexts
from pcare_common.tracing.headers import traceparent_of
from pcare_kpi_aggregator.owned import LogRecord
from pcare_schemas.topics import RECORDED


class CountSpans:
    """Follows events with a tracer: see `pcare_kpi_aggregator.tracing.Following`."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def now(self) -> int:
        """See the protocol."""
        return time.time_ns()

    def counted(self, chunks: Sequence[tuple[int, Sequence[LogRecord]]], begun: int) -> Sequence[str | None]:
        """See the protocol."""
        read: dict[str, _Followed | None] = {}
        traces: list[str | None] = []
        for partition, record in ((partition, record) for partition, records in chunks for record in records):
            followed = _followed(record, read)
            traces.append(None if followed is None else followed.trace_id)
            if followed is not None:
                followed.records.append((partition, record))
        found = [followed for followed in read.values() if followed is not None]
        for followed in found[: contexts.MOST_FOLLOWED]:
            self._span(followed.context, followed.records, begun)
        return traces if found else ()

    def _span(self, context: SpanContext, own: Sequence[tuple[int, LogRecord]], begun: int) -> None:
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": RECORDED,
            "messaging.batch.message_count": len(own),
        }
        if len(own) == 1:
            partition, record = own[0]
            attributes["messaging.destination.partition.id"] = str(partition)
            attributes["messaging.kafka.offset"] = record.offset
        self._tracer.start_span("count", contexts.under(context), SpanKind.CONSUMER, attributes, start_time=begun).end()


class _Followed(NamedTuple):
    context: SpanContext
    trace_id: str
    records: list[tuple[int, LogRecord]]


def _followed(record: LogRecord, read: dict[str, _Followed | None]) -> _Followed | None:
    """Return what a record belongs to if that is sampled. `read` are those that were read already."""
    stated = traceparent_of(record.headers)
    if stated is None:
        return None
    if stated not in read:
        context = contexts.read(stated)
        sampled = context is not None and context.trace_flags.sampled
        read[stated] = _Followed(context, format_trace_id(context.trace_id), []) if context and sampled else None
    return read[stated]
