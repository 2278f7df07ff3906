"""What the tests of erasure do and look at: typed commands, records without ingest, every place where a name stands."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import asyncpg
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from events import event, pam, referral
from pcare_cli.accounting import Report
from pcare_cli.demo.supervisor import Service, Supervisor
from pcare_cli.identifying import files, tables, topics
from pcare_cli.identifying.places import Place
from pcare_cli.main import app
from pcare_cli.simulation.organisations import ORGANISATIONS, Way
from pcare_cli.simulation.people import number_for_tests
from pcare_schemas.topics import REJECTED, SUBJECTS
from system import System

MANY = {"content-type": "application/cloudevents-batch+json"}
ERASED, SECOND, UNSEEN, OTHER = (number_for_tests(number) for number in (51_000, 52_000, 53_000, 54_000))
BY_KAFKA = next(organisation for organisation in ORGANISATIONS if organisation.way is Way.KAFKA)
RUNNER = CliRunner()


def as_operator(system: System) -> dict[str, str]:
    return system.environment | {"PCARE_POSTGRES_DSN": system.logins["operator"]}


async def typed(system: System, arguments: list[str], status: int = 0) -> str:
    """Type a command as an operator."""
    done = await asyncio.to_thread(RUNNER.invoke, app, arguments, env=as_operator(system))
    assert done.exit_code == status, f"{done.exit_code}: {done.output} {done.exception!r}"
    return str(done.output)


async def erase(system: System, directory: Path, *more: str, number: str = ERASED, status: int = 0) -> str:
    """Type the command; the number is in a file. It says neither the number nor a pseudonym."""
    file = directory / "number.txt"
    file.write_text(number + "\n")
    arguments = ["audit", "erase", "--file", str(file), "--ingest", system.one("ingest").address]
    said = await typed(system, [*arguments, "--who", "an operator", "--why", "request 17", *more], status)
    assert number not in said
    assert "person:k" not in said
    return said


async def merge(system: System, directory: Path, kept: str, gone: str) -> None:
    file = directory / "numbers.txt"
    file.write_text(f"{kept}\n{gone}\n")
    arguments = ["persons", "merge", "--file", str(file), "--ingest", system.one("ingest").address]
    await typed(system, [*arguments, "--who", "an operator", "--why", "the registry merged them"])


async def send(system: System, *events: dict[str, Any]) -> None:
    async with system.client("ingest") as client:
        answer = await client.post("/events", content=json.dumps(events), headers=MANY)
    assert answer.status_code == 202, [one["problem"] for one in answer.json() if "problem" in one][:2]


async def pseudonym(system: System, number: str) -> str:
    async with system.client("ingest") as client:
        answer = await client.post("/pseudonyms", json={"nhs_numbers": [number]})
    return str(answer.json()["pseudonyms"][0])


def publish(system: System, topic: str, *records: tuple[str, bytes | None]) -> None:
    """Write to a topic without ingest, as a provider does."""
    producer = KafkaProducer(**system.options)
    sent = [producer.send(topic, value, key.encode(), partition=0) for key, value in records]
    for one in sent:
        one.get(30)
    producer.close()


def counted(report: Report) -> dict[tuple[str, str, str], Any]:
    """Return every number, as all three ways have it; and let the accounting be exact."""
    assert report.exact, report.faults()
    return {(row.kpi, row.borough, row.year): row.stream for row in report.kpis if row.stream.numerator}


async def rows(system: System, *names: str) -> dict[str, list[str]]:
    return {
        name: [row[0] for row in await system.fetch(f"SELECT t::text FROM pcare.{name} AS t ORDER BY 1")]  # noqa: S608
        for name in names
    }


class Naming:
    """Looks for pseudonyms where `pcare audit identifiers` looks for NHS numbers."""

    def __init__(self, *pseudonyms: str) -> None:
        self.digits = [one.rpartition(":")[2].encode() for one in pseudonyms]

    def finds_one(self, data: bytes, *, log: bool = False) -> bool:  # noqa: ARG002 - as the other takes it
        return any(one in data for one in self.digits)


async def places(system: System, *pseudonyms: str) -> list[str]:
    """Return every place of topics, tables and logs where one of these pseudonyms stands."""
    search: Any = Naming(*pseudonyms)
    found: list[Place] = []
    await asyncio.to_thread(lambda: list(topics.scan(system.options, search, found.append)))
    list(files.scan([system.directory / "logs"], search, found.append))
    connection = await asyncpg.connect(system.dsn)
    try:
        async for _ in tables.scan(connection, search, found.append):
            pass
    finally:
        await connection.close()
    return [str(one) for one in found]


def life_of(number: str, borough: str, *, score: float) -> list[dict[str, Any]]:
    about = {"subject": f"nhs-number:{number}"}
    lived = [
        referral(f"own-{borough}", **about),
        pam(score, **about),
        event("care-plan-agreed", {"plan_ref": "plan", "plan_kind": "frailty"}, **about),
    ]
    for one in lived:
        one["data"]["borough"] = borough
    return lived


async def links(system: System) -> dict[str, str]:
    """Return whom each pseudonym leads to, as in the log."""
    found = await system.fetch("SELECT pseudonym, 'person:' || subject_id FROM pcare.subjects")
    return {row[0]: row[1] for row in found}


async def subject_of(system: System, sent: dict[str, Any]) -> str:
    ((subject,),) = await system.fetch("SELECT subject FROM pcare.interventions WHERE id = $1", sent["id"])
    return str(subject)


async def whole_rows(system: System, *names: str) -> dict[str, list[asyncpg.Record]]:
    """Return the rows of these tables, as a backup has them."""
    return {name: await system.fetch(f"SELECT * FROM pcare.{name}") for name in names}  # noqa: S608


async def put_back_and_rebuild(system: System, backup: dict[str, list[asyncpg.Record]]) -> str:
    """Let these tables hold what a backup has, rebuild as the restore of one does, and return what that says."""
    recorder = system.one("recorder")
    assert recorder.terminate() == 0
    connection = await asyncpg.connect(system.dsn)
    try:
        for name, found in backup.items():
            await connection.execute(f"DELETE FROM pcare.{name}")  # noqa: S608
            await connection.copy_records_to_table(
                name, schema_name="pcare", columns=list(found[0].keys()), records=[tuple(row) for row in found]
            )
    finally:
        await connection.close()
    log = system.layout.log("rebuild")
    log.unlink(missing_ok=True)
    await Supervisor(as_operator(system)).run_to_end(Service("rebuild", ["-m", "pcare_recorder.rebuild"], log))
    recorder.start()
    await recorder.ready()
    return log.read_text()


def compact_at_once(system: System) -> None:
    """Let Kafka compact as fast as it can what it would compact within two days."""
    admin = KafkaAdminClient(**system.options)
    at_once = {
        "min.cleanable.dirty.ratio": "0",
        "segment.ms": "100",
        "max.compaction.lag.ms": "100",
        "delete.retention.ms": "0",
    }
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, at_once) for name in (SUBJECTS, REJECTED)]
    admin.alter_configs([*resources, _broker(admin, "100")])
    admin.close()


def _broker(admin: KafkaAdminClient, milliseconds: str) -> ConfigResource:
    """Say how long the broker, of all tests, rests when it finds nothing to compact."""
    (broker,) = admin.describe_cluster()["brokers"]
    return ConfigResource(ConfigResourceType.BROKER, str(broker["broker_id"]), {"log.cleaner.backoff.ms": milliseconds})


def let_compaction_end(system: System, *pseudonyms: str) -> None:
    """Add records behind, as time brings them, until nothing is left of what was replaced."""
    search: Any = Naming(*pseudonyms)
    producer = KafkaProducer(**system.options)
    found: list[Place] = [Place("not looked yet", "")]
    deadline = time.monotonic() + 60
    while found:
        assert time.monotonic() < deadline, f"not compacted: {[str(one) for one in found[:5]]}"
        for topic in (SUBJECTS, REJECTED):
            for partition in producer.partitions_for(topic):
                producer.send(topic, None, b"pcare-filling", partition=partition).get(30)
        found.clear()
        for _ in topics.scan(system.options, search, found.append):
            pass
    producer.close()
    admin = KafkaAdminClient(**system.options)
    admin.alter_configs([_broker(admin, "15000")])
    admin.close()
