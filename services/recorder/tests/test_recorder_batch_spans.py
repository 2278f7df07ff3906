"""Batches that are followed: a span for each trace in them, one of the batch, and what goes on to the row."""

import dataclasses
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from recorder_events import RULES, event, submitted

from pcare_common.tracing import contexts, current
from pcare_recorder.batch_spans import BatchSpans
from pcare_recorder.cursors import Partition
from pcare_recorder.recording import Page
from pcare_recorder.store import Span
from pcare_recorder.tracing import UNTRACED
from pcare_recorder.verdicts import Checked, Recorded, judge
from pcare_schemas.check import check
from pcare_schemas.origin import Origin
from pcare_schemas.topics import SUBMITTED
from trace_contexts import stated


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def following(exported: InMemorySpanExporter) -> BatchSpans:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exported))
    return BatchSpans(provider.get_tracer("a-test"))


def batch(*records: tuple[dict[str, Any] | bytes, str | None]) -> tuple[Page, list[Checked]]:
    """Return a batch of events that came with these headers."""
    found = []
    for offset, (value, header) in enumerate(records):
        plain = submitted(value, offset)
        headers = [("content-type", b"x")] + ([] if header is None else [("traceparent", header.encode())])
        found.append(plain._replace(record=dataclasses.replace(plain.record, headers=headers)))
    page = Page((Span(Partition(SUBMITTED, 0), 0, len(found)),), tuple(found))
    return page, [(one, check(one.record, RULES)) for one in found]


def named(exported: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exported.get_finished_spans() if span.name == name]


def parent(span: ReadableSpan) -> str | None:
    return None if span.parent is None else contexts.traceparent(span.parent)


def own(span: ReadableSpan) -> str:
    assert span.context is not None
    return contexts.traceparent(span.context)


def at(offset: int) -> Origin:
    return Origin(SUBMITTED, 0, offset)


def test_a_batch_of_which_nothing_is_sampled_has_no_span(following: BatchSpans, exported: InMemorySpanExporter) -> None:
    page, checked = batch((event(), None), (event(), stated("00")), (event(), "nonsense"), (b"broken", None))
    assert following.batch(page, checked, following.now()) is UNTRACED
    assert exported.get_finished_spans() == ()


def test_a_batch_of_one_trace_is_a_span_of_it(following: BatchSpans, exported: InMemorySpanExporter) -> None:
    theirs, first = stated(), event()
    page, checked = batch((first, theirs), (first, theirs), (b"broken", theirs), (event(), None))
    trace = following.batch(page, checked, following.now())
    with trace.step("persist"):
        assert current.ids() is not None
        trace.judged(judge(checked, Recorded(), lambda: f"person:{uuid4()}"))
    assert current.ids() is None
    trace.end()
    (span,) = named(exported, "record a batch")
    assert parent(span) == theirs
    assert span.attributes is not None
    assert span.attributes == {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": SUBMITTED,
        "messaging.batch.message_count": 3,
        "pcare.records": 4,
        "pcare.recorded": 1,
        "pcare.duplicate": 1,
        "pcare.rejected": 1,
        "pcare.rejected.reasons": ("not_json",),
    }
    assert {parent(step) for step in (*named(exported, "judge"), *named(exported, "persist"))} == {own(span)}
    assert trace.traceparents == {at(0): own(span), at(1): own(span), at(2): own(span)}


def test_a_batch_of_many_traces_has_a_span_in_so_many_and_links_them(
    following: BatchSpans, exported: InMemorySpanExporter
) -> None:
    theirs = [stated() for _ in range(contexts.MOST_FOLLOWED + 8)]
    page, checked = batch(*((event(), one) for one in theirs))
    trace = following.batch(page, checked, following.now())
    trace.end()
    (whole,) = named(exported, "record a batch")
    assert whole.parent is None
    assert [contexts.traceparent(link.context) for link in whole.links] == theirs[: contexts.MOST_FOLLOWED]
    spans = named(exported, "record")
    assert [parent(span) for span in spans] == theirs[: contexts.MOST_FOLLOWED]
    assert {contexts.traceparent(link.context) for span in spans for link in span.links} == {own(whole)}
    assert [span.attributes["messaging.kafka.offset"] for span in spans if span.attributes] == list(
        range(contexts.MOST_FOLLOWED)
    )
    # those beyond the bound are followed all the same: they go on as they came
    assert list(trace.traceparents.values()) == [*map(own, spans), *theirs[contexts.MOST_FOLLOWED :]]


def test_without_a_header_what_the_event_states_is_followed(
    following: BatchSpans, exported: InMemorySpanExporter
) -> None:
    theirs = stated()
    page, checked = batch((event() | {"traceparent": theirs}, None), (event() | {"traceparent": theirs}, stated("00")))
    trace = following.batch(page, checked, following.now())
    assert set(trace.traceparents) == {at(0)}, "who decided not to sample is heard"
    trace.end()
    (span,) = named(exported, "record a batch")
    assert parent(span) == theirs


def test_a_step_that_fails_ends_all_spans_and_quotes_nothing(
    following: BatchSpans, exported: InMemorySpanExporter
) -> None:
    page, checked = batch((event(), stated()), (event(), stated()))
    trace = following.batch(page, checked, following.now())
    with pytest.raises(ValueError, match="what an event holds"), trace.step("persist"):
        raise ValueError("what an event holds")
    failed = [span for span in exported.get_finished_spans() if not span.status.is_ok and span.status.description]
    assert sorted(span.name for span in failed) == ["persist", "record", "record", "record a batch"]
    assert {span.status.description for span in failed} == {"ValueError"}
    assert not any(span.events for span in failed)
