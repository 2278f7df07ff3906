"""`pcare doctor` on real systems that are broken in one way after another: it names each, and its remedy helps."""

import asyncio
import json
import logging
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from backends import Backend
from certificates import self_signed
from events import pam, referral
from pcare_cli.doctor import outer_looks, record_reading, server_reading, server_rules
from pcare_cli.doctor.doors import reading
from pcare_cli.doctor.server_facts import Sessions
from pcare_cli.kafka_access.cluster import Cluster
from pcare_cli.kafka_access.plan import Permission
from pcare_cli.main import app
from pcare_cli.sealing.keys import public_of
from pcare_cli.simulation.organisations import TRUST
from pcare_schemas.examples import person
from pcare_schemas.topics import RECORDED, REJECTED, SUBMITTED
from prometheus_server import running_prometheus
from sealed import until_sealed
from secured import Secured, leaving_sockets, stopping_clients
from system import Process, System, database

pytestmark = pytest.mark.integration

RUNNER = CliRunner()
NOWHERE = "127.0.0.1:1"
SECONDS = 60.0
HEADERS = {"Content-Type": "application/cloudevents+json"}


@pytest.fixture(autouse=True)
def _looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is to move here moves in less than a second."""
    monkeypatch.setattr(record_reading, "BETWEEN_LOOKS_SECONDS", 0.5)


@pytest.fixture(autouse=True)
def _no_client_is_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Stop what a look left behind. What Kafka's client logs is not kept: it would hold on to the client's sockets."""
    caplog.set_level(logging.CRITICAL, "kafka")
    with stopping_clients():
        yield


class Doctor:
    """Types `pcare doctor`, and what it says is to be typed."""

    def __init__(self, environment: Mapping[str, str], **variables: str) -> None:
        self.environment = {
            **environment,
            "PCARE_LOG_FORMAT": "json",
            "PCARE_DOCTOR_POSTGRES_GIGABYTES": "100",
            "PCARE_DOCTOR_SEND_ALLOWED": "true",
            **variables,
        }
        self.said = ""

    def knows(self, *processes: Process) -> None:
        """Tell it where copies of the services are."""
        for process in processes:
            variable = "PCARE_DOCTOR_" + process.name.upper().replace("-", "_")
            known = self.environment.get(variable)
            self.environment[variable] = f"{known},{process.address}" if known else process.address

    async def looks(self, *options: str, status: int | None = None, **variables: str) -> dict[str, dict[str, Any]]:
        """Let it look; return what it found by kind. `status` is how it has to end."""
        document = await self.document(*options, status=status, **variables)
        return {one["finding"]: one for one in document["checks"] if one["finding"]}

    async def document(self, *options: str, status: int | None = None, **variables: str) -> dict[str, Any]:
        done = await asyncio.to_thread(self._type, ["doctor", "--json", *options], variables)
        self.said += done.output
        assert status is None or done.exit_code == status, (done.exit_code, done.output, done.exception)
        return json.loads(done.stdout)

    async def types(self, commands: Iterable[str]) -> None:
        """Do as it says."""
        for command in commands:
            arguments = [argument.replace("...", "a test") for argument in shlex.split(command)]
            assert arguments.pop(0) == "pcare", command
            done = await asyncio.to_thread(self._type, arguments, {})
            assert done.exit_code == 0, f"{command}: {done.output} {done.exception!r}"

    def _type(self, arguments: list[str], variables: dict[str, str]) -> Any:
        with leaving_sockets():
            return RUNNER.invoke(app, arguments, env=self.environment | variables)


def unseen(document: dict[str, Any]) -> dict[str, str]:
    return {one["check"]: one["do"] or "" for one in document["checks"] if one["level"] == "not looked at"}


async def until_recorded(system: System, number: int) -> None:
    async with asyncio.timeout(SECONDS):
        while (await system.fetch("SELECT sum(recorded) AS n FROM pcare.cursors"))[0]["n"] != number:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def send(backend: Backend, topic: str, *events: dict[str, Any], partition: int | None = None) -> None:
    producer = KafkaProducer(bootstrap_servers=backend.bootstrap_servers)
    try:
        for one in events:
            body = json.dumps(one).encode()
            producer.send(topic, body, key=one["subject"].encode(), partition=partition).get(30)
    finally:
        producer.close()


def administered(backend: Backend, work: Any) -> Any:
    admin = KafkaAdminClient(bootstrap_servers=backend.bootstrap_servers)
    try:
        return work(admin)
    finally:
        admin.close()


async def execute(system: System, *statements: str) -> None:
    connection = await asyncpg.connect(system.dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_running_system_is_well_and_what_is_wrong_beside_the_flow_is_named(
    system: System, backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctor = Doctor(system.environment)
    services = await system.start("ingest", "recorder", "kpi-aggregator")
    doctor.knows(*services)
    (sealer,) = await system.start("seal")
    doctor.environment |= {
        "PCARE_DOCTOR_SEALER": sealer.address,
        "PCARE_DOCTOR_CHECKPOINT_KEYS": str(public_of(system.layout.seal_key)),
        "PCARE_SEAL_SECONDS": "300",  # it takes less here, and nothing may be said to be late for that
    }
    async with system.client("ingest") as client:
        for number in range(5):
            body = json.dumps(referral(f"r-{number}"))
            assert (await client.post("/events", content=body, headers=HEADERS)).status_code == 202
    await until_sealed(system)

    document = await doctor.document("--thorough", "--send", status=0)
    assert {one["level"] for one in document["checks"]} <= {"ok", "warn", "not looked at"}, document
    well = {one["check"]: one["saw"] for one in document["checks"] if one["level"] == "ok"}
    assert well["PostgreSQL and Kafka agree"].endswith("partitions")
    assert re.match(r"of [1-9]\d* leaves", well["what is recorded is sealed"])
    assert well["checkpoints of table and topic agree"].startswith("of ")
    assert well["checkpoints are signed by the key that auditors have"].startswith("by ")
    assert "then taken back" in well["an event that is sent is recorded and counted"]
    assert "numbers, at" in well["streamed KPIs = SQL"]
    assert re.match(
        "[567] records of Kafka counted, and all rows", well["submitted = recorded + duplicates + rejected"]
    )
    assert "rules 1-" in well["copies are of one release and one set of rules"]
    assert (await system.fetch("SELECT count(*) AS n FROM pcare.kpi_values(now()) WHERE kpi = 'sp_referrals'"))[0]["n"]

    # All of these at once, each of which the others do not touch.
    await execute(
        system,
        "INSERT INTO pcare.acts (at, who, what, why) VALUES (now() - interval '40 days', 'ada', 'keys-rotated', 'x')",
        "UPDATE pcare.pseudonym_key SET anchor = 'k1', following = 'k2', "
        "act = (SELECT max(number) FROM pcare.acts WHERE what = 'keys-rotated')",
        "INSERT INTO pcare.register (source, name, kind, act) VALUES ('urn:ncl:provider:late', 'Late', 'council', 1)",
        "INSERT INTO pcare.register (source, name, kind, valid_to, act) "
        "VALUES ('urn:ncl:provider:gone', 'Gone', 'council', now()::date - 9, 1)",
        "INSERT INTO pcare.credentials (id, source, form, secret_sha256, valid_from, expires_at, act) "
        "SELECT right(source, 4), source, 'api_key', sha256('x'), now() - interval '9 days', "
        "now() - interval '1 day', 1 FROM pcare.register",
        f"ALTER DATABASE {system.dsn.rsplit('/', 1)[1]} SET synchronous_commit = off",
        "DELETE FROM pcare.interventions WHERE kind = 'sp-referral' AND id NOT LIKE 'pcare-doctor-%'",
        "UPDATE pcare.cursors SET recorded = recorded + 1, next_offset = next_offset + 1 WHERE partition = 0"
        " AND topic = 'interventions.submitted.demo-trust'",
    )
    await asyncio.to_thread(
        administered,
        backend,
        lambda admin: admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, REJECTED, {"retention.ms": "86400000"})]
        ),
    )
    other = system.add("ingest")
    other.environment.pop("PCARE_PROVIDER_REGISTER")
    other.start()
    await other.ready()
    doctor.knows(other)
    certificate, _ = self_signed(tmp_path)
    found = await doctor.looks(
        "--thorough",
        status=1,
        PCARE_DOCTOR_CERTIFICATES=str(certificate),
        PCARE_DOCTOR_RECORDER=f"{doctor.environment['PCARE_DOCTOR_RECORDER']},http://{NOWHERE}",
        PCARE_DOCTOR_PROMETHEUS=f"http://{NOWHERE}",
        PCARE_DOCTOR_INGEST=f"{doctor.environment['PCARE_DOCTOR_INGEST']},http://{NOWHERE}",
        PCARE_SOURCE="urn:ncl:provider:unheard-of",
        PCARE_DOCTOR_CHECKPOINT_KEYS="/nowhere/checkpoint-signing.key.pub",
    )
    assert {
        "key-rotation-open",
        "credential-expired",
        "postgres-unsafe-setting",
        "record-topic-remade",
        "record-rows-differ",
        "kpi-differs",
        "check-refused",
        "check-unavailable",
        "checkpoint-key-unreadable",
        "topic-differs",
        "rules-differ",
        "certificate-expires",
        "service-away",
        "prometheus-away",
    } <= set(found), found
    assert found["credential-expired"]["commands"] == ["pcare providers key new late --why '...'"]
    assert found["topic-differs"]["saw"].startswith(f"{REJECTED}: retention.ms is 86400000")
    await doctor.types(["pcare topics create --repair", "pcare providers key new late --why '...'"])
    found = await doctor.looks(status=1)
    assert not {"topic-differs", "credential-expired"} & set(found)

    # An event that is sent, and does not come to an end: first to none of the numbers, then not to the record either.
    monkeypatch.setattr(outer_looks, "SEND_SECONDS", 20.0)
    _, recorder, aggregator = services
    aggregator.kill()
    assert "sent-not-counted" in await doctor.looks("--send", status=1)
    monkeypatch.setattr(outer_looks, "SEND_SECONDS", 5.0)
    recorder.kill()
    assert "sent-not-recorded" in await doctor.looks("--send", status=1)

    # Nothing of it may be in what it prints.
    for secret in (system.dsn.split(":")[2].split("@")[0], "9990000018", "nhs-number", person("the doctor")):
        assert secret not in doctor.said


async def test_what_makes_a_recorder_refuse_is_named_and_the_command_mends_it(system: System, backend: Backend) -> None:
    doctor = Doctor(system.environment)
    (recorder,) = await system.start("recorder")
    doctor.knows(recorder)
    one, two = pam(subject=person("one")), pam(subject=person("two"))
    await asyncio.to_thread(send, backend, SUBMITTED, one, two, partition=0)
    await until_recorded(system, 2)
    assert recorder.terminate() == 0

    # Nobody reads, and events wait.
    await asyncio.to_thread(send, backend, SUBMITTED, *[pam(subject=person("x")) for _ in range(3)], partition=0)
    found = await doctor.looks(status=1)
    assert {"group-empty", "record-stands-still", "service-away"} <= set(found)
    assert "3 events in 1 partitions" in found["record-stands-still"]["saw"]

    # Retention deletes two of the three.
    where = TopicPartition(SUBMITTED, 0)
    await asyncio.to_thread(administered, backend, lambda admin: admin.delete_records({where: 4}))
    found = await doctor.looks(status=1)
    assert found["record-gap"]["commands"] == [f"pcare gap accept {SUBMITTED}/0 2 3 --why '...'"]
    await doctor.types(found["record-gap"]["commands"])
    assert "record-gap" not in await doctor.looks()

    # The database is restored from before: its cursor is behind what was published.
    await execute(
        system,
        "DELETE FROM pcare.published",
        "DELETE FROM pcare.interventions",
        "DELETE FROM pcare.subjects",
        "UPDATE pcare.cursors SET next_offset = base_offset, recorded = 0, duplicates = 0, rejected = 0",
    )
    found = await doctor.looks(status=1)
    assert found["record-database-lost"]["saw"].startswith(f"{SUBMITTED}/0: the database is judged up to 0")
    await doctor.types(found["record-database-lost"]["commands"])
    document = await doctor.document()
    assert "record-database-lost" not in {check["finding"] for check in document["checks"]}
    assert [row["n"] for row in await system.fetch("SELECT count(*) AS n FROM pcare.interventions")] == [2]

    # A migration is missing.
    await execute(
        system,
        "DELETE FROM pcare.schema_migrations WHERE number = (SELECT max(number) FROM pcare.schema_migrations)",
    )
    found = await doctor.looks(status=1)
    assert found["schema-behind"]["commands"] == ["pcare migrate"]


async def test_an_open_breaker_and_what_prometheus_alerts_on_are_named(
    system: System, backend: Backend, tmp_path: Path
) -> None:
    async with running_prometheus(tmp_path) as prometheus:
        doctor = Doctor(system.environment, PCARE_DOCTOR_PROMETHEUS=str(prometheus._client.base_url))
        system.environment["PCARE_RECORDER_BREAKER_WINDOW"] = "20"
        (recorder,) = await system.start("recorder")
        doctor.knows(recorder)
        prometheus.scrape({"recorder": [recorder.address.removeprefix("http://")], "ingest": [NOWHERE]})
        wrong = [pam(score=200.0, source=TRUST.source, subject=person("x")) for _ in range(15)]
        await asyncio.to_thread(send, backend, TRUST.topic, *wrong)
        await prometheus.until('ALERTS{alertstate="firing"} and on() pcare_recorder_breaker_open == 1')
        found = await doctor.looks(status=1)
        assert {"service-not-ready", "breaker-open", "prometheus-job-missing", "prometheus-target-down"} <= set(found)
        assert found["prometheus-job-missing"]["saw"] == "no target has the label job=kpi-aggregator"
        assert {"alert-fires", "alert-fires-for-the-day"} & set(found)
        commands = [one for one in found["breaker-open"]["commands"] if "release" in one]
        assert commands[-1] == f"pcare breaker release {TRUST.topic} --why '...'"
        await doctor.types(commands)
        async with asyncio.timeout(SECONDS), httpx.AsyncClient(trust_env=False) as client:
            while (await client.get(f"{recorder.address}/health/ready")).status_code != httpx.codes.OK:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert "breaker-open" not in await doctor.looks()


async def test_servers_that_are_away_or_refuse_are_told_of_once_and_nothing_else_is_claimed(backend: Backend) -> None:
    away = Doctor({}, PCARE_KAFKA_BOOTSTRAP_SERVERS=NOWHERE)
    at = backend.dsn.index("@")
    wrong = backend.dsn[: at - 3] + "xyz" + backend.dsn[at:]
    document = await away.document(status=1, PCARE_POSTGRES_DSN=wrong)
    found = {one["finding"] for one in document["checks"] if one["finding"]}
    assert found == {"kafka-away", "postgres-refuses"}
    assert {one["level"] for one in document["checks"]} == {"wrong", "not looked at"}

    found = set(await away.looks(status=1, PCARE_POSTGRES_DSN=f"postgresql://pcare:secret@{NOWHERE}/pcare"))
    assert found == {"kafka-away", "postgres-away"}
    assert "secret" not in away.said
    assert wrong[at - 8 : at] not in away.said


async def test_with_nothing_to_look_at_it_says_which_settings_would_let_it() -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PCARE_")}
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - set(bare):
            patch.delenv(name)
        done = await asyncio.to_thread(RUNNER.invoke, app, ["doctor", "--json"])
        assert done.exit_code == 2
        missing = " ".join(one["do"] or "" for one in json.loads(done.stdout)["checks"])
        for setting in ("KAFKA_BOOTSTRAP_SERVERS", "POSTGRES_DSN", "DOCTOR_RECORDER", "DOCTOR_PROMETHEUS"):
            assert f"PCARE_{setting}" in missing
        done = await asyncio.to_thread(RUNNER.invoke, app, ["doctor"], env={"PCARE_KPI_GROUP": ""})
        assert done.exit_code == 2
        assert "PCARE_KPI_GROUP" in done.output


async def test_a_lock_and_a_transaction_are_seen_with_who_holds_them(backend: Backend) -> None:
    async with database(backend.dsn) as dsn:
        await _locked(dsn)


async def _locked(dsn: str) -> None:
    holder, waiter = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        await holder.execute("CREATE TABLE held ()")
        holding = holder.transaction()
        await holding.start()
        await holder.execute("LOCK TABLE held")
        waiting = asyncio.create_task(waiter.execute("SELECT FROM held"))
        async with reading(dsn) as connection:
            async with asyncio.timeout(SECONDS):
                while not (seen := await server_reading.sessions(connection)).waiting:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        (blocked,) = seen.waiting
        assert blocked.blockers == (holder.get_server_pid(),)
        assert holder.get_server_pid() in {one.pid for one in seen.transactions}
        later = Sessions(tuple(_later(one) for one in seen.waiting), (), seen=True)
        (finding,) = server_rules.of_sessions(later)
        assert finding.command == f'psql -c "SELECT pg_terminate_backend({holder.get_server_pid()})"'
        await holding.rollback()
        await waiting
        async with reading(dsn) as connection:
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await connection.execute("DELETE FROM held")
    finally:
        await holder.close()
        await waiter.close()


def _later(waiting: Any) -> Any:
    from dataclasses import replace

    return replace(waiting, seconds=waiting.seconds + server_rules.LOCK_SECONDS)


async def test_on_secured_brokers_each_login_sees_what_it_may(secured: Secured) -> None:
    async def look(user: str, status: int | None, **variables: str) -> dict[str, Any]:
        done = await asyncio.to_thread(secured.invoke, "doctor", "--json", user=user, **variables)
        assert status is None or done.exit_code == status, (done.exit_code, done.output)
        return json.loads(done.stdout)

    await look("admin", None)  # the first who asks for a group makes the topic that groups are kept in

    # An auditor: what it may not see is not looked at, and that is no failure.
    document = await look("auditor", None)
    assert not [one for one in document["checks"] if one["failed"]], document
    not_seen = unseen(document)
    assert "administrator" in not_seen["topics are as declared"]
    assert "users may do what is planned" in not_seen
    assert {one["level"] for one in document["checks"] if one["check"] == "none is about to end"} <= {"ok", "warn"}

    # The administrator: somebody may do what nobody planned.
    extra = Permission("TOPIC", RECORDED, "DELETE")
    with_extra = KafkaAdminClient(**secured.options("admin"))
    try:
        await asyncio.to_thread(Cluster(with_extra).grant, "ingest", [extra])
        document = await look("admin", 1)
        (finding,) = [one for one in document["checks"] if one["finding"] == "kafka-access-differs"]
        assert finding["saw"].startswith("ingest: has DELETE on topic")
        await asyncio.to_thread(Cluster(with_extra).revoke, "ingest", [extra])
    finally:
        with_extra.close()
    document = await look("admin", None)
    assert "kafka-access-differs" not in {one["finding"] for one in document["checks"]}

    document = await look("auditor", 1, PCARE_KAFKA_SASL_PASSWORD="wrong")
    (finding,) = [one for one in document["checks"] if one["finding"] == "kafka-refuses"]
    assert "PCARE_KAFKA_SASL" in finding["saw"]
    assert "wrong" not in finding["saw"]
