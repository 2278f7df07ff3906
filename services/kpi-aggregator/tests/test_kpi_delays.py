"""What is told of events that were counted live: how long they took, and which traces they end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from kpi_records import Record, pam, record
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pcare_common.clock import FixedClock
from pcare_common.tracing import contexts
from pcare_kpi_aggregator.count_spans import CountSpans
from pcare_kpi_aggregator.delays import BOUNDS_SECONDS, Delays, between
from pcare_kpi_aggregator.years import instant_of
from pcare_schemas.topics import RECORDED
from trace_contexts import stated

SUBMITTED = datetime(2025, 11, 1, 10, tzinfo=UTC)  # as kpi_records has it
WHEN = instant_of(SUBMITTED - timedelta(days=1))


def live(offset: int, *, headers: tuple[tuple[str, bytes], ...] = (), late: timedelta = timedelta()) -> Record:
    milliseconds = int((SUBMITTED + late).timestamp() * 1000)
    return Record(offset, record("person:1", pam(WHEN, str(offset))), milliseconds, headers)


def counts(delays: Delays) -> dict[str, float]:
    return {bucket[0]: bucket[1] for bucket in delays.buckets()}


def test_seconds_run_from_the_brokers_time_of_the_submitted_event() -> None:
    delays = Delays(FixedClock(SUBMITTED + timedelta(seconds=2)))
    delays.observe([(0, [live(0)]), (1, [live(1)])])
    assert delays.sum == 4.0
    assert counts(delays) == {
        **{str(bound): 0.0 for bound in BOUNDS_SECONDS if bound < 2},
        **{str(bound): 2.0 for bound in BOUNDS_SECONDS if bound > 2},
        "+Inf": 2.0,
    }
    assert delays.last is None


def test_of_a_flood_some_are_looked_at_and_all_that_may_be_followed() -> None:
    flood = [live(offset) for offset in range(1_000)]
    delays = Delays(FixedClock(SUBMITTED))
    delays.observe([(0, flood), (1, flood[:99])])
    assert counts(delays)["+Inf"] == 50 + 99
    delays.observe([(0, flood[:500]), (1, flood)], [None] * 1_499 + ["last"])
    assert counts(delays)["+Inf"] == 50 + 99 + 1_500
    assert delays.last is not None
    assert delays.last.labels == {"trace_id": "last"}


def test_a_clock_that_is_behind_the_brokers_takes_no_time_away() -> None:
    delays = Delays(FixedClock(SUBMITTED - timedelta(seconds=2)))
    delays.observe([(0, [live(0)])])
    assert (delays.sum, counts(delays)["0.1"]) == (0.0, 1.0)


@pytest.mark.parametrize(
    "not_an_arrival",
    [
        live(0, late=timedelta(days=2)),
        Record(0, None),
        Record(0, b"{}"),
        Record(0, b'{"recordedat":"yesterday, at about noon or"}'),
    ],
    ids=["said anew by a merge", "nothing", "no instant", "no such instant"],
)
def test_what_is_no_arrival_takes_no_time(not_an_arrival: Record) -> None:
    delays = Delays(FixedClock(SUBMITTED + timedelta(days=3)))
    delays.observe([(0, [not_an_arrival])])
    assert delays.submitted_at(not_an_arrival) is None
    assert counts(delays)["+Inf"] == 0


def test_a_bucket_names_the_last_trace_in_it() -> None:
    clock = FixedClock(SUBMITTED + timedelta(seconds=2))
    delays = Delays(clock)
    delays.observe([(0, [live(0)]), (1, [live(1), live(2)])], ["a", "b", None])
    delays.observe([(0, [live(3)])])
    named = {bucket[0]: bucket[2].labels for bucket in delays.buckets() if len(bucket) == 3}
    assert named == {"2.5": {"trace_id": "b"}}
    assert delays.last is not None
    assert delays.last.labels == {"trace_id": "b"}


def test_the_count_is_the_last_span_of_each_trace() -> None:
    exported = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exported))
    following = CountSpans(provider.get_tracer("a-test"))
    theirs = [stated() for _ in range(contexts.MOST_FOLLOWED + 8)]
    followed = [live(offset, headers=(("traceparent", one.encode()),)) for offset, one in enumerate(theirs)]
    not_sampled = live(98, headers=(("traceparent", stated("00").encode()),))
    again = replace(followed[0], offset=99)
    traces = following.counted([(3, [*followed, not_sampled, live(97), again])], following.now())
    assert traces == [*(one.split("-")[1] for one in theirs), None, None, theirs[0].split("-")[1]]
    spans = exported.get_finished_spans()
    assert [contexts.traceparent(span.parent) for span in spans if span.parent] == theirs[: contexts.MOST_FOLLOWED]
    assert [span.attributes["messaging.batch.message_count"] for span in spans[:2] if span.attributes] == [2, 1]
    assert spans[1].attributes == {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": RECORDED,
        "messaging.batch.message_count": 1,
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 1,
    }
    exported.clear()
    assert following.counted([(3, [live(0)]), (3, [not_sampled])], following.now()) == ()
    assert exported.get_finished_spans() == ()


def test_what_is_counted_of_a_chunk_stands_between_two_offsets() -> None:
    chunk = [live(offset) for offset in range(5, 10)]
    assert between(chunk, 4, 9) is chunk
    assert [record.offset for record in between(chunk, 6, 8)] == [7, 8]
    assert between([], 4, 9) == []
