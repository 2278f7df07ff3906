"""Tracing end to end: a request with a known trace, through three services, to the row and to the gauge."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from kafka import KafkaConsumer, TopicPartition

from otlp_collector import Collector, running_collector
from pcare_cli.simulation.organisations import TRUST
from pcare_local.ports import LOOPBACK, free_ports
from pcare_schemas.examples import VALID
from pcare_schemas.recorded import CLOUDEVENTS_HEADERS
from pcare_schemas.topics import RECORDED, REJECTED, SUBMITTED
from prometheus_server import running_prometheus
from sealed import until_recorded
from system import Process, System
from tools import REQUIRE
from trace_contexts import stated

pytestmark = pytest.mark.integration

SINGLE = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
OPEN_METRICS = {"accept": "application/openmetrics-text; version=1.0.0"}
NHS_NUMBER = "9434765919"
STEPS = ("judge", "persist", "publish", "commit")


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


def traced(system: System, address: str, **more: str) -> None:
    """Let the processes of a system trace what their callers trace, and nothing of their own accord."""
    system.environment |= {"PCARE_TRACING_ENDPOINT": address, "PCARE_TRACING_RATIO": "0", **more}


def context(flags: str = "01") -> tuple[str, str, str]:
    """Return a traceparent, its trace and its parent span."""
    traceparent = stated(flags)
    _version, trace, span, _flags = traceparent.split("-")
    return traceparent, trace, span


def event(**changes: Any) -> dict[str, Any]:
    made = json.loads(json.dumps(VALID["pam-scored"]))
    made |= {"id": str(uuid4()), "source": TRUST.source, "subject": f"nhs-number:{NHS_NUMBER}"}
    for name, value in changes.items():
        (made if name in made or name == "traceparent" else made["data"])[name] = value
    return made


async def post(client: httpx.AsyncClient, document: object, traceparent: str | None, **more: str) -> httpx.Response:
    headers = (BATCH if isinstance(document, list) else SINGLE) | more
    if traceparent is not None:
        headers |= {"traceparent": traceparent}
    return await client.post("/events", content=json.dumps(document).encode(), headers=headers)


def records(system: System, topic: str) -> list[Any]:
    """Return all records of a topic, in the order of their time."""
    consumer = KafkaConsumer(group_id=None, enable_auto_commit=False, auto_offset_reset="earliest", **system.options)
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        left = sum(consumer.end_offsets(partitions).values()) - sum(consumer.beginning_offsets(partitions).values())
        found: list[Any] = []
        while len(found) < left:
            found += [record for batch in consumer.poll(timeout_ms=500).values() for record in batch]
        return sorted(found, key=lambda record: (record.timestamp, record.offset))
    finally:
        consumer.close()


async def judged(system: System, outcome: str, count: int) -> None:
    """Wait until the recorder has counted so many."""
    deadline = time.monotonic() + 30
    while True:
        rows = await system.fetch(f"SELECT coalesce(sum({outcome}), 0) FROM pcare.cursors")  # noqa: S608
        if rows[0][0] >= count:
            return
        assert time.monotonic() < deadline, f"{rows[0][0]} {outcome}"
        await asyncio.sleep(0.05)


async def metrics(process: Process) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"{process.address}/metrics", headers=OPEN_METRICS)).text


async def test_a_trace_leads_from_the_request_to_the_row_and_to_the_gauge(system: System, collector: Collector) -> None:
    traced(system, collector.address, PCARE_TRACING_HEADERS="authorization=Bearer of the collector")
    await system.start("ingest", "recorder", "kpi-aggregator")
    sent = event()
    stated, trace, sender = context()
    async with system.client("ingest") as client:
        answer = await post(client, sent, stated, tracestate="vendor=opaque")
        assert answer.status_code == 202, answer.text
        names = {"POST /events", f"send {SUBMITTED}", "record a batch", *STEPS, "count"}
        await asyncio.to_thread(collector.wait_for, lambda: names <= collector.of(trace).keys())
        spans = collector.of(trace)

        assert set(spans) == names
        assert spans["POST /events"].parent == sender
        assert spans[f"send {SUBMITTED}"].parent == spans["POST /events"].span_id
        assert spans["record a batch"].parent == spans[f"send {SUBMITTED}"].span_id
        assert {spans[name].parent for name in STEPS} == {spans["record a batch"].span_id}
        assert spans["count"].parent == spans["record a batch"].span_id
        assert [spans[name].kind for name in ("POST /events", f"send {SUBMITTED}", "record a batch", "count")] == [
            "SERVER",
            "PRODUCER",
            "CONSUMER",
            "CONSUMER",
        ]
        assert {span.service for span in spans.values()} == {"ingest", "recorder", "kpi-aggregator"}
        assert not any(span.failed for span in spans.values())
        assert spans["POST /events"].attributes["http.response.status_code"] == 202
        assert spans["record a batch"].attributes["pcare.recorded"] == 1
        assert collector.headers["authorization"] == "Bearer of the collector"

        # the place on the topic leads from the span to the receipt, the row's header from the row to the trace
        place = answer.headers["location"].partition("?at=")[2]
        produced = spans[f"send {SUBMITTED}"].attributes
        at = (SUBMITTED, produced["messaging.destination.partition.id"], str(produced["messaging.kafka.offset"]))
        assert place == "/".join(at)
        passed_on = f"00-{trace}-{spans['record a batch'].span_id}-01"
        rows = await system.fetch(
            "SELECT traceparent FROM pcare.published JOIN pcare.interventions "
            "USING (origin_topic, origin_partition, origin_offset) WHERE id = $1",
            sent["id"],
        )
        assert [row[0] for row in rows] == [passed_on]
        (first,) = await asyncio.to_thread(records, system, SUBMITTED)
        assert dict(first.headers) == {
            **dict(CLOUDEVENTS_HEADERS),
            "traceparent": f"00-{trace}-{spans[f'send {SUBMITTED}'].span_id}-01".encode(),
            "tracestate": b"vendor=opaque",
        }
        (first,) = await asyncio.to_thread(records, system, RECORDED)
        assert dict(first.headers) == {**dict(CLOUDEVENTS_HEADERS), "traceparent": passed_on.encode()}

        shown = (await metrics(system.one("kpi-aggregator"))).splitlines()
        applied = next(line for line in shown if line.startswith("pcare_kpi_applied_events_total"))
        buckets = [line for line in shown if line.startswith("pcare_kpi_counted_seconds_bucket") and "# {" in line]
        assert f'# {{trace_id="{trace}"}}' in applied
        assert [f'# {{trace_id="{trace}"}}' in line for line in buckets] == [True]
        assert shown[-1] == "# EOF"

        await _prometheus_keeps_it(system, trace)
        await _a_repeat_in_another_trace_is_a_repeat(system, collector, client, sent, passed_on)
        await _a_rejection_is_followed_too(system, collector, client, sent)
        await _a_batch_is_one_span_and_links(system, collector, client)
    await _nothing_in_it_tells_of_a_person(system, collector, sent)


async def _prometheus_keeps_it(system: System, trace: str) -> None:
    if shutil.which("prometheus") is None and os.environ.get(REQUIRE) != "1":
        return  # the exposition was read above; where Prometheus is there, it reads it too
    async with running_prometheus(system.directory / "prometheus") as prometheus:
        prometheus.scrape({"kpi-aggregator": [system.one("kpi-aggregator").address.removeprefix("http://")]})
        for series in ("pcare_kpi_applied_events_total", "pcare_kpi_counted_seconds_bucket"):
            await prometheus.until(series)
            assert {"trace_id": trace} in await prometheus.exemplars(series)
        # in this form, too, the rules find what they are made of
        await prometheus.until('pcare_kpi_value{borough="NCL"}')


async def _a_repeat_in_another_trace_is_a_repeat(
    system: System, collector: Collector, client: httpx.AsyncClient, sent: dict[str, Any], passed_on: str
) -> None:
    stated, trace, _ = context()
    own, _, _ = context()
    assert (await post(client, {**sent, "traceparent": own}, stated)).status_code == 202
    await judged(system, "duplicates", 1)
    await asyncio.to_thread(collector.wait_for, lambda: "record a batch" in collector.of(trace))
    assert collector.of(trace)["record a batch"].attributes["pcare.duplicate"] == 1
    rows = await system.fetch("SELECT traceparent FROM pcare.published")
    assert [row[0] for row in rows] == [passed_on]


async def _a_rejection_is_followed_too(
    system: System, collector: Collector, client: httpx.AsyncClient, sent: dict[str, Any]
) -> None:
    stated, trace, _ = context()
    other = {**sent, "data": {**sent["data"], "instrument": "PAM-10"}}
    assert (await post(client, other, stated)).status_code == 202
    await judged(system, "rejected", 1)
    await asyncio.to_thread(collector.wait_for, lambda: "record a batch" in collector.of(trace))
    span = collector.of(trace)["record a batch"]
    assert (span.attributes["pcare.rejected"], span.attributes["pcare.rejected.reasons"]) == (1, ["id_reused"])
    passed_on = f"00-{trace}-{span.span_id}-01"
    assert [row[0] for row in await system.fetch("SELECT traceparent FROM pcare.rejections")] == [passed_on]
    (rejected,) = await asyncio.to_thread(records, system, REJECTED)
    assert dict(rejected.headers)["traceparent"] == passed_on.encode()
    line = next(line for line in system.logs().splitlines() if '"events rejected"' in line)
    assert (json.loads(line)["trace_id"], json.loads(line)["span_id"]) == (trace, span.span_id)

    stated, trace, _ = context()
    assert (await post(client, event(score=200.0), stated)).status_code == 422
    await asyncio.to_thread(collector.wait_for, lambda: collector.of(trace))
    assert set(collector.of(trace)) == {"POST /events"}, "what the edge refuses is not sent on"
    line = next(line for line in system.logs().splitlines() if '"events refused"' in line)
    assert json.loads(line)["trace_id"] == trace


async def _a_batch_is_one_span_and_links(system: System, collector: Collector, client: httpx.AsyncClient) -> None:
    stated, trace, _ = context()
    owns = [context() for _ in range(3)]
    events = [event(traceparent=own[0]) for own in owns]
    assert (await post(client, events, stated)).status_code == 202
    await judged(system, "recorded", 4)
    # each service sends its spans when it likes
    sent = f"send {SUBMITTED}"
    await asyncio.to_thread(collector.wait_for, lambda: _counted(collector, trace) == 3 and sent in collector.of(trace))
    sending = [span for span in collector.spans if span.trace_id == trace and span.kind == "PRODUCER"]
    assert [span.attributes["messaging.batch.message_count"] for span in sending] == [3]
    assert sorted(sending[0].links) == sorted((own[1], own[2]) for own in owns)

    # without a trace of the request, each event goes on in its own
    owns = [context() for _ in range(3)]
    assert (await post(client, [event(traceparent=own[0]) for own in owns], None)).status_code == 202
    await asyncio.to_thread(
        collector.wait_for,
        lambda: all(_counted(collector, own[1]) == 1 and _batch_of(collector, own[1]) for own in owns),
    )
    for _, own, _ in owns:
        if "record" in collector.of(own):
            batch = collector.of(_batch_of(collector, own))["record a batch"]
            assert (own, collector.of(own)["record"].parent) in batch.links


def _batch_of(collector: Collector, trace: str) -> str:
    """Return the trace with the span of the batch in which a trace's event was recorded; nothing until it is there."""
    spans = collector.of(trace)
    if "record" in spans:
        ((trace, _),) = spans["record"].links
    return trace if "record a batch" in collector.of(trace) else ""


def _counted(collector: Collector, trace: str) -> int:
    return sum(
        span.attributes["messaging.batch.message_count"]
        for span in collector.spans
        if span.trace_id == trace and span.name == "count"
    )


async def _nothing_in_it_tells_of_a_person(system: System, collector: Collector, sent: dict[str, Any]) -> None:
    assert collector.spans
    rows = await system.fetch("SELECT pseudonym, subject_id::text FROM pcare.subjects")
    ids = await system.fetch("SELECT id, source FROM pcare.interventions")
    secrets = {NHS_NUMBER, "person:", sent["data"]["borough"], sent["source"]}
    secrets |= {value for row in [*rows, *ids] for value in row}
    secrets |= {part for row in rows for part in row[0].split(":")[2:]}
    assert len(secrets) > 10
    assert {secret for secret in secrets if secret in collector.everything} == set()


async def test_nothing_is_followed_unless_a_collector_is_configured(system: System) -> None:
    await system.start("ingest", "recorder")
    stated, trace, _ = context()
    sent, wrong = event(traceparent=stated), event(traceparent=stated)
    async with system.client("ingest") as client:
        for document in (sent, wrong, {**wrong, "data": {**wrong["data"], "instrument": "PAM-10"}}):
            assert (await post(client, document, stated)).status_code == 202
    await judged(system, "rejected", 1)
    await until_recorded(system)
    for topic, count in ((SUBMITTED, 3), (RECORDED, 2), (REJECTED, 1)):
        found = await asyncio.to_thread(records, system, topic)
        assert [list(record.headers) for record in found] == [CLOUDEVENTS_HEADERS] * count
    for table in ("published", "rejections"):
        rows = await system.fetch(f"SELECT traceparent FROM pcare.{table}")  # noqa: S608
        assert {row[0] for row in rows} == {None}
    assert trace not in system.logs()
    for process in system.processes:
        assert "pcare_tracing_spans_total" not in await metrics(process)


async def test_a_collector_in_trouble_harms_nobody(system: System, collector: Collector) -> None:
    collector.going_on.clear()
    copies = []
    for address in (collector.address, f"http://{LOOPBACK}:{free_ports(1)[0]}"):  # one hangs, one is away
        traced(system, address, PCARE_TRACING_QUEUE_SPANS="64")
        copies += await system.start("ingest")
    for ingest in copies:
        async with httpx.AsyncClient(base_url=ingest.address, trust_env=False, timeout=60) as client:
            for _ in range(5):
                answers = await asyncio.gather(*(post(client, event(), context()[0]) for _ in range(20)))
                assert {answer.status_code for answer in answers} == {202}
            counted = await metrics(ingest)
            # two spans a request: 64 may wait and as many be on their way; of the others it is known that they are lost
            assert _spans(counted, "dropped") + _spans(counted, "failed") >= 2 * 100 - 2 * 64
            assert _spans(counted, "exported") == 0
            assert (await client.get("/health/ready")).status_code == 200
        assert await asyncio.to_thread(ingest.terminate) == 0
    assert collector.requests > 0


def _spans(exposition: str, outcome: str) -> float:
    line = next(
        line for line in exposition.splitlines() if line.startswith(f'pcare_tracing_spans_total{{outcome="{outcome}"}}')
    )
    return float(line.rsplit(maxsplit=1)[-1])
