"""Ingest against real Kafka: what is answered 202 is on the topic, whatever happens in between."""

import asyncio
import json
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, Protocol

import pytest
from ingest_process import BATCH, GRACE, PARTITIONS, Ingest, make_topic_anew, read_topic, running, send_all, statuses
from kafka.partitioner.default import murmur2

from pcare_ingest.limits import MAX_BATCH_EVENTS
from pcare_schemas.examples import VALID
from pcare_schemas.identifiers import holds_one

pytestmark = pytest.mark.integration

NHS_NUMBER = "9990000018"


class Broker(Protocol):
    """What the tests ask of the backend."""

    bootstrap_servers: str

    def kill_kafka(self) -> None: ...

    def start_kafka(self) -> None: ...


@pytest.fixture
def broker(backend: Broker) -> Broker:
    make_topic_anew(backend.bootstrap_servers)
    return backend


def fresh_events(prefix: str) -> Iterator[bytes]:
    """Yield events that differ in id and person, without end."""
    for number in count():
        event = {**VALID["sp-referral"], "id": f"{prefix}-{number}", "subject": f"person:k1:{number:032x}"}
        yield json.dumps(event).encode()


def for_seconds(events: Iterator[bytes], seconds: float) -> Iterator[bytes]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield next(events)


def identity(value: bytes) -> str:
    return str(json.loads(value)["id"])


def assert_accepted_is_on_the_topic(results: list[tuple[bytes, int]], broker: Broker) -> None:
    written = {record.value for record in read_topic(broker.bootstrap_servers)}
    missing = [identity(body) for body, status in results if status == 202 and body not in written]
    assert missing == []


async def test_what_is_accepted_is_on_the_topic_byte_for_byte(broker: Broker, tmp_path: Path) -> None:
    singles = [json.dumps(event, indent=index % 3).encode() for index, event in enumerate(VALID.values())]
    batched = [json.dumps({**event, "id": f"batched-{index}"}).encode() for index, event in enumerate(VALID.values())]
    async with running(tmp_path, broker.bootstrap_servers) as ingest:
        await ingest.ready()
        single_answers = [await ingest.send(body) for body in singles]
        batch_answer = await ingest.send(b"[" + b",\n".join(batched) + b"]", BATCH)

    assert {answer.status_code for answer in single_answers} == {202}
    assert batch_answer.status_code == 202
    records = read_topic(broker.bootstrap_servers)
    assert sorted(record.value for record in records) == sorted(singles + batched)
    for record in records:
        assert record.key.decode() == json.loads(record.value)["subject"]
        assert [(name, bytes(value)) for name, value in record.headers] == [
            ("content-type", b"application/cloudevents+json; charset=UTF-8")
        ]
        assert record.partition == java_partition(record.key)


def java_partition(key: bytes) -> int:
    """Where Java's producer puts a key, by the hash of a client that ingest does not use."""
    return int((murmur2(key) & 0x7FFFFFFF) % PARTITIONS)


async def test_the_same_event_a_thousand_times_at_once_is_accepted_each_time(broker: Broker, tmp_path: Path) -> None:
    body = next(fresh_events("same"))
    async with running(tmp_path, broker.bootstrap_servers) as ingest:
        await ingest.ready()
        results = await send_all(ingest, [body] * 1000, at_once=64)

    assert statuses(results) == {202: 1000}
    assert [record.value for record in read_topic(broker.bootstrap_servers)] == [body] * 1000


async def test_an_nhs_number_reaches_neither_the_topic_nor_the_log(broker: Broker, tmp_path: Path) -> None:
    by_number = {**VALID["pam-scored"], "subject": f"nhs-number:{NHS_NUMBER}"}
    spoilt = {**by_number, "id": "9990000018", "data": {"borough": NHS_NUMBER, "note": "Mrs Example of Barnet"}}
    async with running(tmp_path, broker.bootstrap_servers, PCARE_LOG_LEVEL="debug") as ingest:
        await ingest.ready()
        taken = await ingest.send(json.dumps(by_number).encode())
        same_person = await ingest.send(json.dumps([{**by_number, "id": "second"}]).encode(), BATCH)
        refused = [
            await ingest.send(json.dumps(spoilt).encode()),
            await ingest.send(json.dumps([by_number, spoilt, NHS_NUMBER]).encode(), BATCH),
            await ingest.send(b'{"subject": "nhs-number:9990000019", "note": "Mrs Example of Barnet"'),
            await ingest.client.post(f"/events/{NHS_NUMBER}", content=b"x"),
        ]
        await ingest.terminate()
        log, secret = ingest.log.read_text(), ingest.key.read_text().strip().removeprefix("k1:")

    assert (taken.status_code, same_person.status_code) == (202, 202)
    assert [answer.status_code for answer in refused] == [422, 207, 400, 404]
    records = read_topic(broker.bootstrap_servers)
    assert len({record.key for record in records}) == 1
    assert not any(holds_one(record.key + record.value) for record in records)
    everything = log + "".join(answer.text for answer in refused)
    assert "events refused" in log
    for secret_thing in (NHS_NUMBER, "9990000019", secret, "Mrs Example", "person:k1:"):
        assert secret_thing not in everything


async def test_two_megabytes_are_refused_and_the_service_goes_on(broker: Broker, tmp_path: Path) -> None:
    async with running(tmp_path, broker.bootstrap_servers) as ingest:
        await ingest.ready()
        event = next(fresh_events("after"))
        too_large = await ingest.send(b" " * 2_000_000 + event)
        after = await ingest.send(event)

    assert too_large.status_code == 413
    assert too_large.json()["reason"] == "too_large"
    assert after.status_code == 202


async def test_a_broker_killed_under_load_and_restarted_loses_nothing_that_was_accepted(
    broker: Broker, tmp_path: Path
) -> None:
    async with running(tmp_path, broker.bootstrap_servers) as ingest:
        await ingest.ready()
        sending = asyncio.create_task(send_all(ingest, for_seconds(fresh_events("blip"), 10)))
        await asyncio.sleep(2)
        await asyncio.to_thread(broker.kill_kafka)
        await asyncio.sleep(1)
        await asyncio.to_thread(broker.start_kafka)
        results = await sending
        await ingest.ready()
        after = await ingest.send(next(fresh_events("after")))

    assert set(statuses(results)) <= {202, 503}
    assert statuses(results)[202] > 0
    assert after.status_code == 202
    assert_accepted_is_on_the_topic(results, broker)


async def test_while_the_broker_is_away_nothing_is_accepted_and_readiness_says_why(
    broker: Broker, tmp_path: Path
) -> None:
    impatient = {"PCARE_INGEST_ANSWER_WITHIN_SECONDS": "1"}
    async with running(tmp_path, broker.bootstrap_servers, **impatient) as ingest:
        await ingest.ready()
        events = fresh_events("outage")
        sending = asyncio.create_task(send_all(ingest, for_seconds(events, 8)))
        await asyncio.sleep(1)
        await asyncio.to_thread(broker.kill_kafka)
        killed = time.monotonic()
        while await ingest.answers("/health/ready"):
            await asyncio.sleep(0.05)
            assert time.monotonic() < killed + 10
        results = await sending
        health = await ingest.client.get("/health/ready")
        alive = await ingest.answers("/health/live")
        away = await ingest.send(next(events))
        await asyncio.to_thread(broker.start_kafka)
        await ingest.ready()
        back = await ingest.send(next(events))

    assert set(statuses(results)) == {202, 503}
    assert "cannot be used" in health.json()["reasons"][0]
    assert alive
    assert away.status_code == 503
    assert away.json()["reason"] == "not_sent"
    assert int(away.headers["retry-after"]) >= 1
    assert back.status_code == 202
    assert_accepted_is_on_the_topic(results, broker)


async def test_it_starts_without_a_broker_and_becomes_ready_when_there_is_one(broker: Broker, tmp_path: Path) -> None:
    await asyncio.to_thread(broker.kill_kafka)
    try:
        async with running(tmp_path, broker.bootstrap_servers) as ingest:
            health = await ingest.client.get("/health/ready")
            away = await ingest.send(next(fresh_events("early")))
            await asyncio.to_thread(broker.start_kafka)
            await ingest.ready()
            there = await ingest.send(next(fresh_events("early")))
    finally:
        await asyncio.to_thread(broker.start_kafka)

    assert health.status_code == 503
    assert health.json()["reasons"]
    assert away.status_code == 503
    assert there.status_code == 202


async def test_what_is_in_hand_is_bounded_while_kafka_does_not_acknowledge(broker: Broker, tmp_path: Path) -> None:
    bound = {"PCARE_INGEST_MAX_EVENTS_IN_HAND": str(MAX_BATCH_EVENTS), "PCARE_INGEST_ANSWER_WITHIN_SECONDS": "15"}
    async with running(tmp_path, broker.bootstrap_servers, **bound) as ingest:
        await ingest.ready()
        await asyncio.to_thread(broker.kill_kafka)
        try:
            events = fresh_events("bound")
            full = b"[" + b",".join(next(events) for _ in range(MAX_BATCH_EVENTS)) + b"]"
            holding = asyncio.create_task(ingest.send(full, BATCH))
            await until_in_hand(ingest, MAX_BATCH_EVENTS)
            one_more = await ingest.send(next(events))
            waits = not holding.done()
            held = await holding
        finally:
            await asyncio.to_thread(broker.start_kafka)

    assert one_more.status_code == 503
    assert one_more.json()["reason"] == "overloaded"
    assert waits
    assert held.status_code == 503
    assert {verdict["status"] for verdict in held.json()} == {"unavailable"}


async def until_in_hand(ingest: Ingest, events: int) -> None:
    deadline = time.monotonic() + 20
    while f"pcare_ingest_in_flight_events {float(events)}" not in (await ingest.client.get("/metrics")).text:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_sigterm_under_load_finishes_what_is_in_hand(broker: Broker, tmp_path: Path) -> None:
    async with running(tmp_path, broker.bootstrap_servers) as ingest:
        await ingest.ready()
        sending = asyncio.create_task(send_all(ingest, for_seconds(fresh_events("term"), 4)))
        await asyncio.sleep(1)
        status, took = await ingest.terminate()
        results = await sending

    assert status == 0
    assert took < GRACE
    assert set(statuses(results)) <= {202, 0}
    assert statuses(results)[202] > 0
    assert_accepted_is_on_the_topic(results, broker)


async def test_sigterm_with_the_broker_away_answers_503_and_ends_in_time(broker: Broker, tmp_path: Path) -> None:
    patient = {"PCARE_INGEST_ANSWER_WITHIN_SECONDS": "20"}
    async with running(tmp_path, broker.bootstrap_servers, **patient) as ingest:
        await ingest.ready()
        await asyncio.to_thread(broker.kill_kafka)
        try:
            waiting = [asyncio.create_task(ingest.send(body)) for body in islice(fresh_events("end"), 20)]
            await until_in_hand(ingest, 20)
            status, took = await ingest.terminate()
            answers = [await answer for answer in waiting]
            log = ingest.log.read_text()
        finally:
            await asyncio.to_thread(broker.start_kafka)

    assert status == 0
    assert took < GRACE
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json()["reason"] for answer in answers} <= {"unknown", "not_sent"}
    assert "Traceback" not in log


async def test_a_missing_topic_is_named_with_the_command_that_makes_it(backend: Broker, tmp_path: Path) -> None:
    from kafka import KafkaAdminClient

    make_topic_anew(backend.bootstrap_servers)
    admin = KafkaAdminClient(bootstrap_servers=backend.bootstrap_servers)
    admin.delete_topics(["interventions.submitted"])
    admin.close()
    async with running(tmp_path, backend.bootstrap_servers) as ingest:
        deadline = time.monotonic() + 20
        reasons: list[Any] = []
        while "pcare topics create" not in str(reasons):
            assert time.monotonic() < deadline, reasons
            reasons = (await ingest.client.get("/health/ready")).json()["reasons"]
            await asyncio.sleep(0.2)
        make_topic_anew(backend.bootstrap_servers)
        await ingest.ready()
