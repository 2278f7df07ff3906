"""The commands that let users in to Kafka, as an operator types them, on brokers with authorization on."""

import asyncio
import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import (
    TopicAuthorizationFailedError,
)

import events
from pcare_cli.kafka_access.cluster import Cluster
from pcare_cli.kafka_access.plan import Permission
from pcare_schemas.examples import ROYAL_FREE, WHITTINGTON, person
from pcare_schemas.topics import provider_topic
from secured import Secured, leaving_sockets, shut_out

pytestmark = pytest.mark.integration

WHITTINGTONS, ROYAL_FREES = provider_topic("RKE"), provider_topic("RAL")
USER, OTHER = "provider-rke", "provider-ral"


def pam(source: str = WHITTINGTON) -> dict[str, Any]:
    return events.pam(subject=person("of Kafka"), source=source)


def test_making_a_user_again_changes_nothing(secured: Secured) -> None:
    before = dict(secured.passwords), secured.trail()
    assert "is in as planned" in secured.change("kafka", "add", "recorder")
    assert "is in as planned" in secured.change("providers", "kafka", "add", "rke")
    assert (dict(secured.passwords), secured.trail()) == before
    secured.send(USER, WHITTINGTONS, pam())
    assert "as planned" in secured.type("kafka", "check")
    assert "as planned" in secured.type("providers", "kafka", "check", "RKE", "RAL")


def test_a_password_may_come_from_a_file_and_then_follows_the_file(secured: Secured, tmp_path: Path) -> None:
    file = tmp_path / "password"

    def add(password: str) -> str:
        file.write_text(password + "\n")
        secured.passwords["provider-rp4"] = password
        return secured.change("providers", "kafka", "add", "RP4", "--password-file", str(file))

    first, second = "the-first-of-these-passwords", "the-second-of-these-passwords"
    said = add(first)
    assert f"has the password of {file}" in said
    assert first not in said
    secured.log_in("provider-rp4")
    trail = secured.trail()
    assert "is in as planned" in add(first)
    assert secured.trail() == trail
    assert "make    a password" in add(second)
    secured.log_in("provider-rp4")
    with shut_out():
        secured.log_in("provider-rp4", milliseconds=1_500, sasl_plain_password=first)
    assert [act["what"] for act in secured.trail()[len(trail) :]] == ["kafka-user-added", "kafka-outcome"]
    told = json.dumps(secured.trail())
    assert first not in told
    assert second not in told


def test_a_file_that_holds_no_password_makes_no_user(secured: Secured, tmp_path: Path) -> None:
    file, trail = tmp_path / "password", secured.trail()
    for content in (None, "", "too short"):
        if content is not None:
            file.write_text(content)
        said = secured.change("kafka", "add", "recorder", "--password-file", str(file), status=2)
        assert str(file) in said
    assert secured.trail() == trail


def test_what_is_only_tried_changes_nothing(secured: Secured) -> None:
    before = secured.trail()
    said = secured.type("providers", "kafka", "add", "RAN", "--dry-run")
    assert "create  topic interventions.submitted.ran" in said
    assert "grant   WRITE on topic interventions.submitted.ran" in said
    assert "Nothing was done" in secured.type("providers", "kafka", "rotate", "RKE", "--dry-run")
    assert "revoke  WRITE" in secured.type("providers", "kafka", "remove", "RKE", "--dry-run")
    assert "provider-ran: is not let in" in secured.type("providers", "kafka", "check", "RAN", status=1)
    secured.send(USER, WHITTINGTONS, pam())
    assert secured.trail() == before
    assert "Say why" in secured.type("providers", "kafka", "add", "RAN", status=2)


async def test_only_providers_of_the_register_are_let_in(secured: Secured) -> None:
    said = await asyncio.to_thread(secured.change, "providers", "kafka", "add", "new-host", status=1)
    assert "The register has no provider new-host" in said
    assert "letters, digits" in await asyncio.to_thread(secured.change, "providers", "kafka", "add", "a.b", status=2)
    act = "INSERT INTO pcare.acts (who, what, why) VALUES ('ada', 'a test', 'a test') RETURNING number"
    await secured.system.fetch(
        f"WITH act AS ({act}) INSERT INTO pcare.register (source, name, kind, act) "  # noqa: S608
        "SELECT 'urn:ncl:provider:new-host', 'New Host', 'voluntary_sector', number FROM act"
    )
    said = await asyncio.to_thread(secured.change, "providers", "kafka", "add", "new-host")
    assert "interventions.submitted.new-host" in said
    assert "BEGIN CERTIFICATE" in said
    await asyncio.to_thread(secured.send, "provider-new-host", provider_topic("new-host"), pam())


def test_a_provider_is_registered_and_let_in_by_one_command(secured: Secured) -> None:
    trail = secured.trail()
    tried = secured.type("providers", "add", "RNK", "--kafka", "--dry-run")
    assert "kafka add RNK --dry-run" in tried
    assert secured.trail() == trail
    said = secured.change("providers", "add", "RNK", "--key", "--kafka")
    assert "https://fhir.nhs.uk/Id/ods-organization-code/RNK" in said
    assert "BEGIN CERTIFICATE" in said
    source = "https://fhir.nhs.uk/Id/ods-organization-code/RNK"
    secured.send("provider-rnk", provider_topic("RNK"), pam(source))
    assert "is in as planned" in secured.change("providers", "add", "RNK", "--kafka")


def test_drift_is_found_and_mended(secured: Secured) -> None:
    too_much, too_little = Permission("TOPIC", ROYAL_FREES, "WRITE"), Permission("TOPIC", WHITTINGTONS, "WRITE")
    anybody = Permission("TOPIC", "interventions.", "READ", pattern="PREFIXED")
    with closing(KafkaAdminClient(**secured.kafka.administration)) as admin:
        cluster = Cluster(admin)
        cluster.grant(USER, [too_much])
        cluster.revoke(USER, [too_little])
        for name in ("*", "somebody"):
            cluster.grant(name, [anybody])
        with pytest.raises(TopicAuthorizationFailedError):
            secured.send(USER, WHITTINGTONS, pam())
        said = secured.type("providers", "kafka", "check", status=1)
        assert f"{USER}: lacks {too_little}" in said
        assert f"{USER}: has {too_much}, which is not planned" in said
        said = secured.type("kafka", "check", status=1)
        assert "everybody: READ on topic interventions.*" in said
        assert "somebody: has READ on topic interventions.*" in said
        for name in ("*", "somebody"):
            cluster.revoke(name, [anybody])
    secured.type("kafka", "check")
    password = secured.passwords[USER]
    assert "stays" in secured.change("providers", "kafka", "add", "RKE")
    assert secured.passwords[USER] == password
    secured.type("providers", "kafka", "check")
    secured.send(USER, WHITTINGTONS, pam())
    with pytest.raises(TopicAuthorizationFailedError):
        secured.send(USER, ROYAL_FREES, pam())


def test_another_password_shuts_out_who_has_the_old_one(secured: Secured) -> None:
    old = secured.passwords[OTHER]
    with (
        leaving_sockets(),
        closing(
            KafkaProducer(**secured.options(OTHER), request_timeout_ms=10_000, delivery_timeout_ms=20_000)
        ) as connected,
    ):
        connected.send(ROYAL_FREES, b"{}").get(timeout=30)
        assert "The old one opens nothing" in secured.change("providers", "kafka", "rotate", "RAL", why="it leaked")
        assert secured.passwords[OTHER] != old
        with shut_out():
            secured.log_in(OTHER, milliseconds=1_500, sasl_plain_password=old)
        secured.send(OTHER, ROYAL_FREES, pam(ROYAL_FREE))
        with shut_out():
            _send_for_a_minute(connected, ROYAL_FREES)
    (*_, act, outcome) = secured.trail()
    assert (act["who"], act["what"], act["why"]) == ("ada", "kafka-password-rotated", "it leaked")
    assert (outcome["what"], outcome["details"]["done"]) == ("kafka-outcome", True)


def _send_for_a_minute(producer: KafkaProducer, topic: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        producer.send(topic, b"{}").get(timeout=30)
        time.sleep(0.5)


def test_who_is_removed_is_out_at_once(secured: Secured) -> None:
    user, topic = "provider-ryx", provider_topic("RYX")
    secured.change("providers", "kafka", "add", "RYX")
    with closing(KafkaProducer(**secured.options(user))) as connected:
        connected.send(topic, b"{}").get(timeout=30)
        said = secured.change("providers", "kafka", "remove", "RYX")
        assert f"The topic {topic} stays" in said
        with pytest.raises(TopicAuthorizationFailedError):
            connected.send(topic, b"{}").get(timeout=30)
    with shut_out():
        secured.log_in(user, milliseconds=1_500)
    assert "nothing to take away" in secured.change("providers", "kafka", "remove", "RYX")
    assert "has no password" in secured.change("providers", "kafka", "rotate", "RYX", status=1)
    secured.type("providers", "kafka", "check")
    details = secured.trail()[-2]["details"]
    assert details["revoked"] == [f"DESCRIBE on topic {topic}", f"WRITE on topic {topic}"]


def test_what_kafka_refuses_is_in_the_trail(secured: Secured) -> None:
    with closing(KafkaAdminClient(**secured.kafka.administration)) as admin:
        Cluster(admin).grant("operator", [Permission("CLUSTER", "kafka-cluster", "DESCRIBE")])
        before = len(secured.trail())
        said = secured.change("providers", "kafka", "add", "RAN", user="operator", status=1)
        assert "Kafka refuses" in said
        assert "what this user may do" in said
        secured.change("kafka", "add", "operator")
    act, outcome, *_ = secured.trail()[before:]
    assert (act["what"], act["details"]["user"]) == ("kafka-user-added", "provider-ran")
    assert outcome["details"] | {"error": None} == {"act": act["number"], "done": False, "error": None}
    assert "Authorization" in outcome["details"]["error"]


def test_no_password_is_kept(secured: Secured) -> None:
    kept = json.dumps(secured.trail())
    assert "provider-rke" in kept
    for password in secured.passwords.values():
        assert password not in kept


def test_users_are_made_over_tls_by_who_may(secured: Secured) -> None:
    plain = {"PCARE_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
    assert "over TLS" in secured.type("kafka", "check", status=2, **plain)
    wrong = {"PCARE_KAFKA_SASL_PASSWORD": "wrong"}
    said = secured.type("kafka", "check", status=1, **wrong)
    assert "SaslAuthenticationFailed" in said
    assert "Check PCARE_KAFKA_SECURITY_PROTOCOL" in said
    assert "ClusterAuthorizationFailed" in secured.type("kafka", "check", status=1, user="auditor")
