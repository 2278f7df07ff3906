"""The main job: an event published is recorded once and counted, whichever way it came."""

import asyncio
import json

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from events import A_PERSON, ANOTHER_PERSON, BARNET, CAMDEN, pam, referral, retraction
from pcare_schemas import topics
from pcare_schemas.identifiers import find_in
from pcare_schemas.kpis.catalogue import load
from system import System

pytestmark = pytest.mark.integration

ONE = {"content-type": "application/cloudevents+json"}
MANY = {"content-type": "application/cloudevents-batch+json"}


async def kpis(system: System) -> dict[tuple[str, str], float]:
    async with system.client("kpi-aggregator") as client:
        rows = (await client.get("/kpis")).json()["kpis"]
    return {(row["kpi"], row["borough"]): row["value"] for row in rows if row["value"]}


def read_topic(system: System, *names: str) -> list[tuple[bytes | None, bytes | None]]:
    """Read whole topics from outside: key and value of each record."""
    consumer = KafkaConsumer(**system.options, isolation_level="read_committed", auto_offset_reset="earliest")
    try:
        partitions = [TopicPartition(name, number) for name in names for number in consumer.partitions_for_topic(name)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        records = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for batch in consumer.poll(timeout_ms=500).values():
                records.extend((record.key, record.value) for record in batch)
        return records
    finally:
        consumer.close()


async def test_an_event_is_recorded_and_counted(system: System):
    await system.start("kpi-aggregator", "recorder", "ingest")
    async with system.client("ingest") as client:
        answer = await client.post("/events", content=json.dumps(referral()), headers=ONE)
    assert answer.status_code == 202
    report = await system.report()
    assert report.exact, report.faults()
    counted = {(kpi, place): 1 for kpi in ("sp_referrals", "sp_people", "upc_people") for place in (CAMDEN, "NCL")}
    assert await kpis(system) == counted


async def test_simulated_providers_of_every_kind_are_accounted_for_to_the_event(system: System):
    await system.start("kpi-aggregator", "recorder", "ingest")
    ledger = await system.simulate(2_000, seed=20231)
    report = await system.report(ledger)
    assert report.exact, report.faults()
    assert report.accounting.total("rejected") > 0
    assert report.accounting.total("duplicates") > 0
    assert {row.kpi for row in report.kpis if row.stream.numerator} == set(load().ids)


async def test_the_same_event_a_thousand_times_at_once_counts_once(system: System):
    await system.start("kpi-aggregator", "recorder", "ingest")
    body = json.dumps(referral())
    async with system.client("ingest") as client:
        answers = await asyncio.gather(*(client.post("/events", content=body, headers=ONE) for _ in range(1_000)))
    accepted = sum(answer.status_code == 202 for answer in answers)
    assert {answer.status_code for answer in answers} <= {202, 503}
    assert accepted >= 1
    report = await system.report()
    assert report.exact, report.faults()
    assert report.accounting.total("recorded") == 1
    assert report.accounting.total("duplicates") >= accepted - 1
    assert (await kpis(system))["sp_referrals", "NCL"] == 1


async def test_the_same_id_with_other_content_is_refused_and_the_first_stands(system: System):
    await system.start("kpi-aggregator", "recorder", "ingest")
    first = referral("r-1")
    other = first | {"data": first["data"] | {"referral_ref": "r-2"}}
    same_but_for_its_formatting = json.dumps(first, indent=3, sort_keys=True)
    async with system.client("ingest") as client:
        for body in (json.dumps(first), json.dumps(other), same_but_for_its_formatting):
            assert (await client.post("/events", content=body, headers=ONE)).status_code == 202
    report = await system.report()
    assert report.exact, report.faults()
    outcomes = {outcome: report.accounting.total(outcome) for outcome in ("recorded", "duplicates", "rejected")}
    assert outcomes == {"recorded": 1, "duplicates": 1, "rejected": 1}
    (rejected,) = await system.fetch("SELECT reason, source, id FROM pcare.rejections")
    assert tuple(rejected) == ("id_reused", first["source"], first["id"])


async def test_a_retraction_takes_a_count_back_also_when_it_comes_first(system: System):
    await system.start("kpi-aggregator", "recorder", "ingest")
    kept, early, late = pam(), referral("r-1"), referral("r-2", subject=ANOTHER_PERSON)
    batch = [retraction(early), kept, early, late, retraction(late)]
    async with system.client("ingest") as client:
        answer = await client.post("/events", content=json.dumps(batch), headers=MANY)
    assert answer.status_code == 202
    report = await system.report()
    assert report.exact, report.faults()
    assert await kpis(system) == {(kpi, place): 1 for kpi in ("pam_people", "upc_people") for place in (CAMDEN, "NCL")}


async def test_a_bad_record_on_kafka_is_rejected_and_its_neighbours_are_recorded(system: System):
    await system.start("kpi-aggregator", "recorder", "ingest")
    good = [referral(f"r-{number}", subject="person:k1:" + "0" * 31 + str(number)) for number in range(2)]
    records = [
        (good[0]["subject"], json.dumps(good[0]).encode()),
        ("x", b"\xff\x00 not JSON"),
        ("y", json.dumps(pam(90.0, 1, subject="y")).encode()),
        (A_PERSON, json.dumps(referral()).encode()),
        (good[1]["subject"], json.dumps(good[1]).encode()),
        ("z", b"x" * 2_000_000),
    ]
    producer = KafkaProducer(**system.options, max_request_size=4_000_000)
    for key, value in records:
        producer.send(topics.SUBMITTED, key=key.encode(), value=value, partition=3).get(timeout=30)
    producer.close()
    report = await system.report()
    assert report.exact, report.faults()
    reasons = await system.fetch("SELECT reason, redacted FROM pcare.rejections ORDER BY origin_offset")
    assert [tuple(row) for row in reasons] == [
        ("not_json", False),
        ("invalid_data", False),
        ("identifiable_data", True),
        ("too_large", False),
    ]
    assert report.accounting.total("recorded") == 2
    assert len(read_topic(system, topics.REJECTED)) == 4


async def test_no_nhs_number_goes_further_than_the_edge(system: System):
    await system.start("kpi-aggregator", "recorder", "ingest")
    ledger = await system.simulate(600, seed=7)
    await system.report(ledger)
    names = [topics.SUBMITTED, topics.RECORDED, topics.SUBJECTS, topics.REJECTED, topics.KPI_PARTIALS]
    records = await asyncio.to_thread(read_topic, system, *names)
    assert len(records) > 600
    assert not [value for key, value in records if find_in(key or b"") or find_in(value or b"")]
    tables = await system.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'pcare'")
    for (table,) in tables:
        rows = await system.fetch(f"SELECT t::text FROM pcare.{table} AS t")  # noqa: S608 - a name of the catalogue
        assert not [row[0] for row in rows if find_in(row[0].encode())], table
    evidence = await system.fetch("SELECT evidence FROM pcare.rejections WHERE evidence IS NOT NULL")
    assert not [row for row in evidence if find_in(row[0])]
    assert not find_in(system.logs().encode())


async def test_one_person_seen_in_two_boroughs_counts_once_for_ncl(system: System):
    await system.start("kpi-aggregator", "recorder", "ingest")
    first = referral("r-1", time="2023-06-01T10:00:00+01:00")
    second = referral("r-2", time="2023-07-01T10:00:00+01:00")
    second["data"]["borough"] = BARNET
    async with system.client("ingest") as client:
        await client.post("/events", content=json.dumps([first, second]), headers=MANY)
    report = await system.report()
    assert report.exact, report.faults()
    counted = await kpis(system)
    assert counted["sp_people", "NCL"] == 1
    assert counted["sp_people", BARNET] == 1
    assert ("sp_people", CAMDEN) not in counted
    assert counted["sp_referrals", CAMDEN] == counted["sp_referrals", BARNET] == 1
