"""`pcare audit identifiers` after a whole run: nothing is found; and whatever is planted is, wherever it stands."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner

from backends import running_backend
from events import A_PERSON, referral
from pcare_cli.main import app
from pcare_local.demo import PROVIDERS
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS
from system import System, running_system

pytestmark = pytest.mark.integration

NUMBER = "9990000018"
RUNNER = CliRunner()


@pytest.fixture
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A system on servers of its own: what other tests leave in theirs holds numbers on purpose."""
    with running_backend(tmp_path_factory.mktemp("backend")) as backend:
        async with running_system(backend, tmp_path_factory.mktemp("system")) as running:
            yield running


async def audit(system: System, status: int, login: str = "auditor") -> str:
    """Type the command as an auditor, or another login: topics, tables and the logs of this system."""
    arguments = ["audit", "identifiers", str(system.directory / "logs"), "--register", str(PROVIDERS)]
    dsn = {"PCARE_POSTGRES_DSN": system.logins.get(login, system.dsn)}
    done = await asyncio.to_thread(RUNNER.invoke, app, arguments, env=system.environment | dsn)
    assert done.exit_code == status, f"{done.exit_code}: {done.output} {done.exception!r}"
    return str(done.output)


async def test_a_whole_run_leaves_no_number_and_what_is_planted_is_found(system: System) -> None:
    await system.start("kpi-aggregator", "recorder", "ingest")
    ledger = await system.simulate(1_500, seed=11)
    async with system.client("ingest") as client:
        hidden = referral(f"r-{NUMBER}")
        headers = {"content-type": "application/cloudevents+json"}
        refused = await client.post("/events", content=json.dumps(hidden), headers=headers)
        assert (refused.status_code, refused.json()["reason"]) == (422, "identifiable_data")
        assert (await client.post("/pseudonyms", json={"nhs_numbers": [NUMBER]})).status_code == 200
    report = await system.report(ledger)
    assert report.exact, report.faults()

    clean = await audit(system, 0)
    assert clean.endswith("No NHS number was found.\n")
    acts = await system.fetch("SELECT why, details FROM pcare.acts WHERE what = 'audit-identifiers'")
    assert [(act[0], json.loads(act[1])) for act in acts] == [("an audit", {"topics": True, "logs": 1})]
    for part in (f"{RECORDED}: ", f"{REJECTED}: ", "__consumer_offsets: ", "pcare.interventions: ", "ingest-"):
        assert part in clean
    assert f"{RECORDED}: 0 " not in clean
    assert "pcare.interventions: 0 " not in clean

    producer = KafkaProducer(acks="all", **system.options)
    evidence = base64.b64encode(json.dumps({"subject": A_PERSON}).encode()).decode()
    sent = [
        producer.send(RECORDED, key=NUMBER.encode(), value=b"x", partition=2),
        producer.send(REJECTED, key=b"k", value=json.dumps({"evidence": evidence}).encode()),
        producer.send(SUBJECTS, key=b"k", value=b"x", headers=[("a", b""), ("b", b"999 000 0018")]),
    ]
    places = [one.get(timeout=30) for one in sent]
    producer.close()
    expected = [
        f"{place.topic}/{place.partition}/{place.offset} {part}"
        for place, part in zip(places, ("key", "value", "header 1"), strict=True)
    ]
    await system.fetch("CREATE SCHEMA elsewhere")
    await system.fetch(
        "CREATE TABLE elsewhere.kept (a text, b jsonb, c bytea, d text[], e bigint, f numeric, g bytea[], h varchar)"
    )
    values = (f"'{NUMBER}'", f"""'{{"x": ["{NUMBER}"]}}'""", f"'{NUMBER}'::bytea", f"'{{a, {NUMBER}}}'", NUMBER, NUMBER)
    values = (*values, f"array['{NUMBER}'::bytea]", "'999-000-0018'")
    for column, value in zip("abcdefgh", values, strict=True):
        await system.fetch(f"INSERT INTO elsewhere.kept ({column}) VALUES ({value})")  # noqa: S608
    expected += [f"elsewhere.kept (0,{row}) {column}" for row, column in enumerate("abcdefgh", start=1)]
    log = system.directory / "logs" / "ingest-2.log"
    before = log.read_text().count("\n")
    with log.open("a") as stream:
        stream.write(f"one more line\nand {NUMBER}\n")
    expected.append(f"{log} line {before + 2}")

    said = await audit(system, 1, login="the owner")  # an auditor says so, where there is a schema that is not ours
    assert "No NHS number was found" not in await audit(system, 1)
    found = [line.removeprefix("NHS NUMBER  ") for line in said.splitlines() if line.startswith("NHS NUMBER  ")]
    assert sorted(found) == sorted(expected)
    assert f"{len(expected)} places hold an NHS number" in said
    assert NUMBER not in said
    assert "999" not in "".join(line.partition(": ")[0] for line in found)


async def test_what_cannot_be_looked_through_is_not_called_clean(system: System, unused_tcp_port: int) -> None:
    away = system.environment | {"PCARE_POSTGRES_DSN": f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/none"}
    done = await asyncio.to_thread(RUNNER.invoke, app, ["audit", "identifiers", "--no-topics"], env=away)
    assert done.exit_code == 1
    assert "No NHS number was found" not in done.output
    nothing = RUNNER.invoke(app, ["audit", "identifiers", "--no-topics", "--no-tables"])
    assert nothing.exit_code == 2
