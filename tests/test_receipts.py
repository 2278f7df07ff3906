"""Receipts end to end: what ingest tells is what the recorder did, and it tells it as a role that sees no more."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from kafka import KafkaProducer

from pcare_cli.simulation.organisations import COUNCIL, TRUST
from pcare_ingest import postgres_receipts
from pcare_ingest.postgres_receipts import PostgresReceipts
from pcare_ingest.receipt_store import Place, ReceiptsAwayError
from pcare_local.ports import LOOPBACK, free_ports
from pcare_schemas.examples import VALID, person
from pcare_schemas.origin import Origin
from pcare_schemas.topics import SUBMITTED
from system import System

pytestmark = pytest.mark.integration

SINGLE = {"content-type": "application/cloudevents+json"}
ROWS = 30_000


@pytest.fixture
async def edge(system: System) -> AsyncIterator[str]:
    """Return the DSN of a login that has the role of ingest and nothing else."""
    name = f"edge_{uuid4().hex[:8]}"
    administrator = await asyncpg.connect(system.dsn)
    await administrator.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE pcare_edge")
    yield re.sub("//[^@]*@", f"//{name}:secret@", system.dsn)
    await administrator.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
    await administrator.close()


def event(**changes: Any) -> dict[str, Any]:
    made = json.loads(json.dumps(VALID["pam-scored"]))
    made |= {"id": str(uuid4()), "source": TRUST.source, "subject": person("Alex")}
    for name, value in changes.items():
        (made if name in made else made["data"])[name] = value
    return made


def retraction(of: dict[str, Any]) -> dict[str, Any]:
    made = {**VALID["event-retracted"], "id": str(uuid4()), "source": of["source"], "subject": of["subject"]}
    return {**made, "data": {**made["data"], "retracts": of["id"]}}


async def told(client: httpx.AsyncClient, address: str, status: str) -> dict[str, Any]:
    """Ask until the event is judged, and return its receipt, which must then have this status."""
    deadline = time.monotonic() + 30
    while True:
        answer = await client.get(address)
        assert answer.status_code == 200, answer.text
        receipt: dict[str, Any] = answer.json()
        if receipt["status"] == status:
            return receipt
        assert receipt["status"] == "accepted", receipt
        assert time.monotonic() < deadline, "it was not judged"
        await asyncio.sleep(0.05)


async def test_a_receipt_follows_an_event_through_all_that_may_become_of_it(system: System, edge: str) -> None:
    system.environment = {**system.environment, "PCARE_POSTGRES_DSN": edge}
    await system.start("ingest")
    sent = event()
    async with system.client("ingest") as client:

        async def send(document: dict[str, Any]) -> str:
            answer = await client.post("/events", content=json.dumps(document).encode(), headers=SINGLE)
            assert answer.status_code == 202, answer.text
            return answer.headers["location"]

        first = await send(sent)
        assert (await client.get(first)).json()["status"] == "accepted"
        without_place = await client.get(first.partition("?")[0])
        assert (without_place.status_code, without_place.json()["reason"]) == (404, "no_receipt")

        recorder = system.add("recorder")
        recorder.environment["PCARE_POSTGRES_DSN"] = system.dsn
        recorder.start()
        recorded = await told(client, first, "recorded")
        again = await told(client, await send(sent), "duplicate")
        assert again["duplicate_of"] == {"status": "recorded", "receipt": first}

        reused = await told(client, await send({**sent, "data": {**sent["data"], "instrument": "PAM-10"}}), "rejected")
        assert (reused["problem"]["reason"], reused["problem"]["status"]) == ("id_reused", 409)
        await told(client, await send(retraction(sent)), "recorded")
        retracted = await told(client, first, "retracted")
        assert retracted == {**recorded, "status": "retracted", "detail": retracted["detail"]}
        assert (await told(client, first.partition("?")[0], "retracted"))["kind"] == "pam-scored"

        page = (await client.get(reused["links"]["rejections"])).json()
        assert [(one["id"], one["at"], one["problem"]) for one in page["rejections"]] == [
            (sent["id"], reused["at"], reused["problem"])
        ]
        rows = await system.fetch(
            "SELECT origin_topic, origin_partition, origin_offset FROM pcare.interventions WHERE id = $1", sent["id"]
        )
        assert first.endswith("?at=" + "/".join(str(part) for part in rows[0]))


async def test_a_provider_sees_what_came_by_its_own_topic_and_nothing_of_anothers(system: System, edge: str) -> None:
    await system.start("recorder")

    def send() -> None:
        producer = KafkaProducer(acks="all", **system.options)
        in_anothers_name, wrong = event(source=COUNCIL.source), event(score=200.0)
        for topic, document in ((TRUST.topic, in_anothers_name), (TRUST.topic, wrong), (SUBMITTED, wrong)):
            producer.send(topic, value=json.dumps(document).encode(), key=document["subject"].encode(), partition=0)
        producer.close()

    await asyncio.to_thread(send)
    for _ in range(600):
        ((judged,),) = await system.fetch("SELECT coalesce(sum(rejected), 0) FROM pcare.cursors")
        if judged == 3:
            break
        await asyncio.sleep(0.05)
    store = PostgresReceipts(edge)
    try:
        beginning = Place((await system.fetch("SELECT '2000-01-01Z'::timestamptz"))[0][0], Origin("", 0, 0))
        trusts = await store.rejections(TRUST.source, beginning, 10)
        councils = await store.rejections(COUNCIL.source, beginning, 10)
        in_anothers_name = await store.remembered(COUNCIL.source, str(trusts[0].id), trusts[0].origin)
        assert {one.reason for one in trusts} == {"source_not_allowed", "invalid_data"}
        assert sorted(one.origin for one in trusts) == [
            Origin(SUBMITTED, 0, 0),
            Origin(TRUST.topic, 0, 0),
            Origin(TRUST.topic, 0, 1),
        ]
        assert [
            one.origin
            for one in await store.rejections(TRUST.source, Place(trusts[0].received_at, trusts[0].origin), 1)
        ] == [trusts[1].origin]
        assert councils == []
        assert (in_anothers_name.rejected, in_anothers_name.anothers) == (None, True)
        assert not (await store.remembered(TRUST.source, str(trusts[0].id), trusts[0].origin)).anothers
    finally:
        await store.close()


async def test_the_record_away_or_closed_to_ingest_is_told_in_time(system: System, edge: str) -> None:
    nobody = f"postgresql://x@{LOOPBACK}:{free_ports(1)[0]}/x"
    stranger = re.sub("//[^@]*@", "//nobody_at_all:x@", system.dsn)
    for dsn in (nobody, stranger):
        store = PostgresReceipts(dsn)
        started = time.monotonic()
        with pytest.raises(ReceiptsAwayError):
            await store.remembered(TRUST.source, "one", None)
        assert time.monotonic() - started < 20
        await store.close()

    locked = await asyncpg.connect(system.dsn)
    store = PostgresReceipts(edge)
    async with locked.transaction():
        await locked.execute("LOCK TABLE pcare.interventions IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        many = [store.remembered(TRUST.source, "one", None) for _ in range(postgres_receipts.MAX_WAITING + 10)]
        results = await asyncio.gather(*many, return_exceptions=True)
        assert {type(result) for result in results} == {ReceiptsAwayError}
        assert sum(str(result).startswith("too many") for result in results) == 10
        assert time.monotonic() - started < 20
    assert (await store.remembered(TRUST.source, "one", None)).recorded is None
    await store.close()
    await locked.close()


async def test_the_role_of_ingest_sees_no_person_and_changes_nothing(edge: str) -> None:
    connection = await asyncpg.connect(edge)
    try:
        for statement in (
            "SELECT * FROM pcare.interventions",
            "SELECT * FROM pcare.subjects",
            "SELECT * FROM pcare.rejections",
            "INSERT INTO pcare.cursors VALUES ('t', 0, 0, 0)",
            "DELETE FROM edge.rejected",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        shown = await connection.fetch(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = 'edge' AND table_name IN ('recorded', 'rejected')"
        )
        assert not {"subject", "evidence", "published", "details"} & {row[0] for row in shown}
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("statement", "arguments", "indexes"),
    [
        (
            postgres_receipts._BY_PLACE,
            (TRUST.source, "id-20000", "rke", SUBMITTED, 0, 20_000),
            {"interventions_event", "interventions_retractions", "rejections_pkey", "cursors_pkey"},
        ),
        (
            postgres_receipts._BY_EVENT,
            (TRUST.source, "id-20000", "rke"),
            {"interventions_event", "interventions_retractions", "rejections_event"},
        ),
        (
            postgres_receipts._PAGE,
            (TRUST.source, "rke", "2025-01-01T03:00:00Z", SUBMITTED, 0, 10_000, 100),
            {"rejections_owner"},
        ),
    ],
)
async def test_each_look_takes_a_few_pages_of_a_large_record(
    system: System, edge: str, statement: str, arguments: tuple[Any, ...], indexes: set[str]
) -> None:
    connection = await asyncpg.connect(system.dsn)
    await connection.execute(FILL)
    await connection.execute("ANALYZE pcare.interventions, pcare.rejections")
    await connection.close()
    reader = await asyncpg.connect(edge, server_settings=postgres_receipts._SETTINGS)
    try:
        if statement is postgres_receipts._PAGE:
            ((since,),) = await system.fetch("SELECT $1::text::timestamptz", arguments[2])
            arguments = (*arguments[:2], since, *arguments[3:])
        found = await reader.fetch(statement, *arguments)
        # the planner keeps its secrets from who may not read the tables, so the administrator asks for the plan
        administrator = await asyncpg.connect(system.dsn, server_settings=postgres_receipts._SETTINGS)
        ((plan,),) = await administrator.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *arguments)
        await administrator.close()
    finally:
        await reader.close()

    assert found
    used = set(re.findall(r'"Index Name": "([^"]+)"', plan))
    assert indexes <= used, plan
    assert "Seq Scan" not in plan.replace("Bitmap", "")
    assert json.loads(plan)[0]["Plan"]["Shared Hit Blocks"] + json.loads(plan)[0]["Plan"]["Shared Read Blocks"] < 300


FILL = f"""
INSERT INTO pcare.cursors (topic, partition, base_offset, next_offset) VALUES ('{SUBMITTED}', 0, 0, {ROWS});
INSERT INTO pcare.interventions (
    occurred_at, recorded_at, kind, subject, source, id, retracts, content_sha256, rules_version, origin_topic,
    origin_partition, origin_offset
)
SELECT '2025-01-01Z'::timestamptz + n * interval '1 second', '2025-01-01Z'::timestamptz + n * interval '1 second',
    CASE WHEN n % 2 = 0 THEN 'pam-scored' ELSE 'event-retracted' END, 'person:' || n / 2, '{TRUST.source}', 'id-' || n,
    CASE WHEN n % 2 = 1 THEN 'id-' || n - 1 END, sha256(n::text::bytea), '1-0', '{SUBMITTED}', 0, n
FROM generate_series(0, {ROWS - 1}) AS n;
INSERT INTO pcare.rejections (
    origin_topic, origin_partition, origin_offset, reason, errors, sender, source, id, received_at, redacted,
    rules_version, published
)
SELECT '{SUBMITTED}', 1, n, 'id_reused', '[]', CASE WHEN n % 3 = 0 THEN 'rke-' || n % 100 END,
    CASE WHEN n % 100 = 0 THEN '{TRUST.source}' ELSE 'urn:ncl:provider:p-' || n % 100 END, 'id-' || n,
    '2025-01-01Z'::timestamptz + n * interval '1 second', false, '1-0', '{{}}'
FROM generate_series(0, {ROWS - 1}) AS n;
"""  # noqa: S608 - of constants
