"""Requests that are followed: one span of the server and one of what is published, and a context for each record."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from ingest_support import NHS_NUMBER, Service, until
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from pcare_common.tracing import contexts
from pcare_ingest.publishing import Failure
from pcare_ingest.request_spans import RequestSpans
from pcare_schemas.topics import SUBMITTED
from trace_contexts import stated

MakeService = Callable[..., Service]
SEND = f"send {SUBMITTED}"


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def service(make_service: MakeService, exported: InMemorySpanExporter) -> Service:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exported))
    return make_service(following=RequestSpans(provider.get_tracer("a-test")))


def by_name(exported: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exported.get_finished_spans()}


def contexts_of(service: Service) -> list[str]:
    return [dict(record.trace)["traceparent"].decode() for record in service.publisher.records]


def written(span: ReadableSpan) -> str:
    assert span.context is not None
    return contexts.traceparent(span.context)


async def test_a_request_is_a_span_and_what_it_sends_another(
    service: Service, exported: InMemorySpanExporter, event: dict[str, Any]
) -> None:
    theirs = stated()
    answer = await service.send({**event, "traceparent": theirs}, traceparent=theirs, tracestate="vendor=a")
    assert answer.status_code == 202
    spans = by_name(exported)
    server, sending = spans["POST /events"], spans[SEND]
    assert server.parent is not None
    assert contexts.traceparent(server.parent) == theirs
    assert sending.parent == server.context
    assert (server.kind, sending.kind) == (SpanKind.SERVER, SpanKind.PRODUCER)
    assert contexts_of(service) == [written(sending)]
    assert dict(service.publisher.records[0].trace)["tracestate"] == b"vendor=a"
    assert server.attributes == {
        "http.request.method": "POST",
        "http.route": "/events",
        "url.scheme": "http",
        "http.response.status_code": 202,
    }
    assert not sending.links, "it is the same trace"


async def test_it_changes_no_byte_of_an_event_and_no_verdict(
    make_service: MakeService, service: Service, event: dict[str, Any]
) -> None:
    unfollowed = make_service()
    wrong = {**event, "id": "other", "time": "yesterday"}
    own = {**event, "id": "own", "traceparent": stated()}
    answers = [await one.send_batch([event, own, wrong], traceparent=stated()) for one in (service, unfollowed)]
    assert answers[0].json() == answers[1].json()
    assert [(one.key, one.value) for one in service.publisher.records] == [
        (one.key, one.value) for one in unfollowed.publisher.records
    ]
    assert {one.trace for one in unfollowed.publisher.records} == {()}


async def test_an_event_goes_on_in_the_trace_of_its_request_and_without_one_in_its_own(
    service: Service, exported: InMemorySpanExporter, event: dict[str, Any]
) -> None:
    owns = [stated() for _ in range(100)]
    batch = [{**event, "id": f"event-{number}", "traceparent": own} for number, own in enumerate(owns)]
    await service.send_batch(batch, traceparent=stated())
    sending = by_name(exported)[SEND]
    assert set(contexts_of(service)) == {written(sending)}, "one span for a batch"
    assert [contexts.traceparent(link.context) for link in sending.links] == owns[: contexts.MOST_FOLLOWED]
    assert sending.attributes is not None
    assert sending.attributes["messaging.batch.message_count"] == 100
    assert sending.attributes["pcare.acknowledged"] == 100

    service.publisher.records.clear()
    exported.clear()
    plain = {name: value for name, value in event.items() if name != "traceparent"}
    await service.send_batch([*batch[:2], plain])
    assert contexts_of(service) == [*owns[:2], written(by_name(exported)[SEND])]


async def test_contexts_that_are_none_or_name_a_person_begin_a_new_trace(
    service: Service, exported: InMemorySpanExporter, event: dict[str, Any]
) -> None:
    spelled = f"00-{'9434765919'.zfill(32)}-00f067aa0ba902b7-01"
    for theirs in ("nonsense", spelled):
        exported.clear()
        await service.send(event, traceparent=theirs)
        assert by_name(exported)["POST /events"].parent is None
    exported.clear()
    request = service.client.build_request(
        "POST",
        "/events",
        content=json.dumps(event).encode(),
        headers=[
            ("content-type", "application/cloudevents+json"),
            ("traceparent", stated()),
            ("traceparent", stated()),
        ],
    )
    await service.client.send(request)
    assert by_name(exported)["POST /events"].parent is None, "two are none"


async def test_what_kafka_does_not_acknowledge_shows_as_a_failure(
    service: Service, exported: InMemorySpanExporter, event: dict[str, Any]
) -> None:
    service.publisher.outcome = Failure.UNKNOWN
    assert (await service.send(event)).status_code == 503
    spans = by_name(exported)
    assert not spans[SEND].status.is_ok
    assert spans[SEND].status.description == "unknown"
    assert not spans["POST /events"].status.is_ok


async def test_a_request_that_its_sender_gave_up_ends_its_spans(
    service: Service, exported: InMemorySpanExporter, event: dict[str, Any]
) -> None:
    service.publisher.hold = True
    sending = asyncio.create_task(service.send(event))
    await until(lambda: service.publisher.waiting)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    service.publisher.waiting.clear()
    assert set(by_name(exported)) == {"POST /events", SEND}


async def test_only_the_ways_in_for_events_are_followed_and_no_address_is_kept(
    service: Service, exported: InMemorySpanExporter, event: dict[str, Any]
) -> None:
    await service.send(event, to="/events/check")
    await service.send({"resourceType": "Patient"}, "application/fhir+json", to="/fhir/secret")
    await service.client.get("/health/ready")
    await service.client.get("/events/secret/secret")
    await service.send({"numbers": [NHS_NUMBER]}, "application/json", to="/pseudonyms")
    assert set(by_name(exported)) == {"POST /events/check", "POST /fhir/{resource}"}
    assert "secret" not in "".join(span.to_json() for span in exported.get_finished_spans())
