"""Brokers with authorization on: a provider writes to a topic of its own and can do nothing else, and the services
work with no more than the plan of access gives them.
"""

import asyncio
import contextlib
import datetime as dt
import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import errors as refusals
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
)

import events
from pcare_cli.auditing import Auditor
from pcare_cli.kafka_access.cluster import Cluster, NotDoneError
from pcare_cli.kafka_access.plan import Permission
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_schemas.examples import ROYAL_FREE, UCLH, WHITTINGTON, person
from pcare_schemas.topics import CHECKPOINTS, KPI_PARTIALS, RECORDED, REJECTED, SUBJECTS, SUBMITTED, provider_topic
from secured import SERVICES, Secured, shut_out
from system import Process

pytestmark = pytest.mark.integration

WHITTINGTONS, ROYAL_FREES = provider_topic("RKE"), provider_topic("RAL")
USER, OTHER = "provider-rke", "provider-ral"


def pam(source: str = WHITTINGTON) -> dict[str, Any]:
    return events.pam(subject=person("of Kafka"), source=source)


async def test_every_service_works_with_what_the_plan_gives_it(secured: Secured, tmp_path: Path) -> None:
    ingest, recorder, aggregator = [await secured.start(name) for name in SERVICES]
    straight, over_http, forged = pam(), events.referral(), pam(ROYAL_FREE)
    await asyncio.to_thread(secured.send, USER, WHITTINGTONS, straight)
    headers = {"content-type": "application/cloudevents+json"}
    async with httpx.AsyncClient(base_url=ingest.address, trust_env=False, timeout=60) as client:
        assert (await client.post("/events", content=json.dumps(over_http), headers=headers)).status_code == 202
    for event, topic in ((straight, WHITTINGTONS), (over_http, SUBMITTED)):
        (row,) = await secured.fetched("SELECT origin_topic FROM pcare.interventions WHERE id = $1", event["id"])
        assert row["origin_topic"] == topic

    # A topic that is made while the recorder runs is read without anything being granted again.
    await asyncio.to_thread(secured.change, "providers", "kafka", "add", "RRV")
    later = pam(UCLH)
    await asyncio.to_thread(secured.send, "provider-rrv", provider_topic("RRV"), later)
    await secured.fetched("SELECT FROM pcare.interventions WHERE id = $1", later["id"])

    # The sealer, with a user of its own, signs what the recorders have published of every topic, and publishes that.
    sealer = secured.system.add("seal")
    sealer.environment |= secured.login("sealer")
    await asyncio.to_thread(sealer.start)
    await sealer.ready()
    await secured.fetched("SELECT FROM pcare.checkpoints WHERE size >= 3 AND published_at IS NOT NULL")
    assert sealer.terminate() == 0

    # What a provider writes into its own topic is its own word: it speaks for nobody else.
    await asyncio.to_thread(secured.send, USER, WHITTINGTONS, forged)
    (row,) = await secured.fetched("SELECT reason, origin_topic FROM pcare.rejections WHERE id = $1", forged["id"])
    assert (row["reason"], row["origin_topic"]) == ("source_not_allowed", WHITTINGTONS)
    assert not await secured.system.fetch("SELECT FROM pcare.interventions WHERE id = $1", forged["id"])

    # Everybody counts the same: the aggregator, SQL, and the auditor with a user of its own.
    async with httpx.AsyncClient(base_url=aggregator.address, trust_env=False, timeout=60) as client:
        auditor = Auditor(secured.options("auditor"), secured.system.dsn, client)
        await auditor.wait_until_settled(lambda _line: None)
        report = await auditor.report([(one["source"], one["id"]) for one in (straight, over_http, later)])
    assert report.exact, report
    await _ask_as_an_auditor(secured, aggregator.address)

    # Who erases a person deletes what was submitted, and puts other records in the place of links and rejections.
    (tmp_path / "number").write_text(events.A_PERSON.removeprefix("nhs-number:"))
    await asyncio.to_thread(secured.send, "operator", SUBMITTED, events.pam(999.0, subject=await _pseudonym(ingest)))
    erase = ["audit", "erase", "--file", str(tmp_path / "number"), "--ingest", ingest.address, "--who", "ada"]
    said = await asyncio.to_thread(secured.type, *erase, "--why", "asked for", user="operator")
    assert "Erased: 1 links, 1 rejections redacted, 2 submitted events of the person deleted" in said

    assert [process.terminate() for process in (ingest, recorder, aggregator)] == [0, 0, 0]

    # The operator's commands, once the recorder has stopped.
    await asyncio.to_thread(secured.send, "operator", SUBMITTED, pam())  # as `pcare rejected redrive` does
    erased = {TopicPartition(SUBMITTED, 0): 0, TopicPartition(WHITTINGTONS, 0): 0}
    with closing(KafkaAdminClient(**secured.options("operator"))) as admin:  # as an erasure does
        assert {one["error_code"] for one in admin.delete_records(erased).values()} == {0}
        with pytest.raises(TopicAuthorizationFailedError):
            admin.delete_records({TopicPartition(RECORDED, 0): 0})
    release = ["breaker", "release", SUBMITTED, "--dry-run"]
    assert "1 records at most would be let through" in await asyncio.to_thread(secured.type, *release, user="operator")
    assert re.search(rf"{RECORDED}: read [1-9]", await _rebuilt(secured))

    logs = secured.system.logs()
    assert logs
    for password in secured.passwords.values():
        assert password not in logs


async def _pseudonym(ingest: Process) -> str:
    numbers = {"nhs_numbers": [events.A_PERSON.removeprefix("nhs-number:")]}
    async with httpx.AsyncClient(base_url=ingest.address, trust_env=False, timeout=60) as client:
        return str((await client.post("/pseudonyms", json=numbers)).json()["pseudonyms"][0])


async def _rebuilt(secured: Secured) -> str:
    """Rebuild, once the group has forgotten a member whose goodbye was lost with a connection that ran out."""
    for _ in range(60):
        done = await asyncio.to_thread(secured.invoke, "rebuild", user="operator")
        if "are running in the group" not in done.output:
            break
        await asyncio.sleep(1)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("topic", [ROYAL_FREES, SUBMITTED, RECORDED, SUBJECTS, REJECTED, KPI_PARTIALS, CHECKPOINTS])
def test_a_provider_writes_nowhere_but_to_its_own_topic(secured: Secured, topic: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        secured.send(USER, topic, pam())


@pytest.mark.parametrize("topic", [WHITTINGTONS, ROYAL_FREES, SUBMITTED, RECORDED, SUBJECTS, REJECTED])
async def test_a_provider_reads_nothing_and_not_its_own_topic_either(secured: Secured, topic: str) -> None:
    consumer = AIOKafkaConsumer(topic, **secured.settings(USER).aiokafka_options(), auto_offset_reset="earliest")

    async def read() -> None:
        await consumer.start()
        await consumer.getmany(timeout_ms=20_000)

    try:
        with pytest.raises(refusals.TopicAuthorizationFailedError):
            await read()
    finally:
        await consumer.stop()


@pytest.mark.parametrize("group", ["pcare-recorder", "kpi-aggregator", "a-group-of-its-own"])
def test_a_provider_joins_no_group(secured: Secured, group: str) -> None:
    consumer = KafkaConsumer(WHITTINGTONS, **secured.options(USER), group_id=group)
    with closing(consumer), pytest.raises(GroupAuthorizationFailedError):
        consumer.poll(timeout_ms=20_000)


def test_a_provider_administers_nothing(secured: Secured) -> None:
    with closing(KafkaAdminClient(**secured.options(USER))) as admin:
        assert admin.list_topics() == [WHITTINGTONS]
        topic = {"num_partitions": 1, "replication_factor": 1}
        for name in ("interventions.submitted.made-up", "anything"):
            with pytest.raises(TopicAuthorizationFailedError):
                admin.create_topics({name: topic})
        with pytest.raises(TopicAuthorizationFailedError):
            admin.delete_topics([WHITTINGTONS])
        with pytest.raises(ClusterAuthorizationFailedError):
            Cluster(admin).look()
        with pytest.raises(ClusterAuthorizationFailedError):
            Cluster(admin).grant(USER, [Permission("TOPIC", ROYAL_FREES, "WRITE")])
        with pytest.raises(NotDoneError):
            Cluster(admin).set_password(OTHER, "a password that it would like", secured.options(USER))
    secured.send(OTHER, ROYAL_FREES, pam(ROYAL_FREE))
    with (
        closing(KafkaProducer(**secured.options(USER), transactional_id="any")) as producer,
        pytest.raises(TransactionalIdAuthorizationFailedError),
    ):
        producer.init_transactions()


def test_who_is_not_known_does_not_get_in(secured: Secured) -> None:
    for changed in (
        {"sasl_plain_password": "wrong"},
        {"sasl_plain_password": secured.passwords[OTHER]},
        {"sasl_plain_username": "nobody"},
        {"sasl_mechanism": "SCRAM-SHA-256"},
        {"security_protocol": "PLAINTEXT"},
        {"security_protocol": "SASL_PLAINTEXT"},
        {"security_protocol": "SSL"},
    ):
        with shut_out():
            secured.log_in(USER, milliseconds=1_500, **changed)
    secured.log_in(USER)


@pytest.mark.parametrize("service", ["recorder", "kpi-aggregator"])
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"PCARE_KAFKA_SASL_PASSWORD": "wrong"}, "SaslAuthenticationFailed"),
        ({"PCARE_KAFKA_SSL_CAFILE": None}, "PCARE_KAFKA_SSL_CAFILE must name the authority"),
        ({"PCARE_KAFKA_SASL_USERNAME": "provider-rke"}, "`pcare kafka check` compares it with the plan"),
    ],
)
def test_a_service_that_is_not_let_in_says_what_to_do(
    secured: Secured, service: str, changed: dict[str, str | None], words: str
) -> None:
    process = secured.system.add(service)
    process.environment |= secured.login(service)
    if "PCARE_KAFKA_SASL_USERNAME" in changed:
        process.environment |= secured.login(USER)
    for name, value in changed.items():
        process.environment.pop(name)
        if value is not None:
            process.environment[name] = value
    process.start()
    assert process.popen is not None
    assert process.popen.wait(60) == EXIT_CONFIGURATION, process.tail()
    assert words in process.tail()


def test_a_recorder_that_may_not_see_what_is_submitted_does_not_wait_for_it(secured: Secured) -> None:
    hidden = [Permission("TOPIC", SUBMITTED, operation) for operation in ("READ", "DESCRIBE")]
    with closing(KafkaAdminClient(**secured.kafka.administration)) as admin:
        Cluster(admin).revoke("recorder", hidden)
        process = secured.system.add("recorder")
        process.environment |= secured.login("recorder")
        process.start()
        assert process.popen is not None
        assert process.popen.wait(60) == EXIT_CONFIGURATION, process.tail()
        Cluster(admin).grant("recorder", hidden)
    assert "TopicAuthorizationFailed" in process.tail()
    assert "`pcare kafka check`" in process.tail()


async def test_ingest_that_is_not_let_in_says_what_to_do_and_waits(secured: Secured) -> None:
    process = secured.system.add("ingest")
    process.environment |= secured.login("ingest", "wrong")
    process.start()
    async with httpx.AsyncClient(base_url=process.address, trust_env=False) as client:
        for _ in range(300):
            with contextlib.suppress(httpx.TransportError):
                answer = await client.get("/health/ready")
                assert answer.status_code == 503
                if "SaslAuthenticationFailed" in answer.text:
                    break
            await asyncio.sleep(0.1)
    assert "Check PCARE_KAFKA_SECURITY_PROTOCOL" in answer.text


async def _ask_as_an_auditor(secured: Secured, aggregator: str) -> None:
    """Type each question of an auditor who has the rights of one, and no more, and comes by TLS."""
    login = {"user": "auditor", "PCARE_POSTGRES_DSN": secured.system.logins["auditor"]}
    yesterday = str(dt.datetime.now(dt.UTC).date() - dt.timedelta(days=2))
    for asked in (
        ("as-of", yesterday),
        ("explain", "pam_people"),
        ("statement", "--provider", "RKE", "--month", yesterday[:7]),
    ):
        await asyncio.to_thread(secured.type, "audit", *asked, **login)
    said = await asyncio.to_thread(secured.type, "audit", "replay", "--aggregator", aggregator, **login)
    assert said.splitlines()[-1] == "equal", said
    assert "LEFT OUT" not in said, said
