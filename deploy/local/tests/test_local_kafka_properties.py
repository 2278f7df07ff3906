import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509

from pcare_local.kafka import KafkaServer
from pcare_local.kafka_files import arguments_for_java
from pcare_local.kafka_properties import Node, logging_properties, server_properties
from pcare_local.kafka_security import DAYS_VALID, secure


def read(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def nodes(count: int) -> list[Node]:
    return [Node(number, Path(f"/data/node-{number}"), 9000 + number, 9100 + number) for number in range(1, count + 1)]


def test_one_node_keeps_one_copy() -> None:
    (node,) = nodes(1)
    settings = read(server_properties(node, [node]))
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["offsets.topic.replication.factor"] == "1"
    assert settings["transaction.state.log.min.isr"] == "1"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:9101"


def test_three_nodes_keep_three_copies_and_know_each_other() -> None:
    three = nodes(3)
    settings = read(server_properties(three[1], three))
    assert settings["node.id"] == "2"
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:9002,CONTROLLER://127.0.0.1:9102"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:9101,2@127.0.0.1:9102,3@127.0.0.1:9103"
    assert settings["offsets.topic.replication.factor"] == "3"
    assert settings["transaction.state.log.min.isr"] == "2"
    assert settings["min.insync.replicas"] == "2"


def test_the_log_is_a_file_that_does_not_grow_for_ever() -> None:
    settings = read(logging_properties(nodes(1)[0]).replace(" = ", "="))
    assert settings["appender.file.fileName"] == "/data/node-1/kafka.log"
    assert settings["appender.file.strategy.max"] == "2"


def test_data_of_one_broker_is_not_opened_as_three(tmp_path: Path) -> None:
    KafkaServer(tmp_path, classpath=[tmp_path / "a.jar"])
    with pytest.raises(ValueError, match="holds the data of 1 brokers, 3 were asked for"):
        KafkaServer(tmp_path, classpath=[tmp_path / "a.jar"], brokers=3)


def test_the_cluster_keeps_its_id(tmp_path: Path) -> None:
    KafkaServer(tmp_path, classpath=[tmp_path / "a.jar"])
    first = (tmp_path / "cluster.id").read_text()
    KafkaServer(tmp_path, classpath=[tmp_path / "a.jar"])
    assert (tmp_path / "cluster.id").read_text() == first
    assert len(first) == 22


NOON = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


def test_secured_nodes_let_nobody_in_unasked(tmp_path: Path) -> None:
    node = Node(1, tmp_path, 9001, 9101, 9201)
    security = secure(tmp_path / "security", now=NOON, reauthenticate_seconds=60)
    text = server_properties(node, [node], security)
    settings = read(text)
    assert settings["listeners"] == "CLIENTS://127.0.0.1:9001,BROKERS://127.0.0.1:9201,CONTROLLER://127.0.0.1:9101"
    assert settings["listener.security.protocol.map"] == "CLIENTS:SASL_SSL,BROKERS:SSL,CONTROLLER:SSL"
    assert settings["allow.everyone.if.no.acl.found"] == "false"
    assert settings["authorizer.class.name"].endswith("StandardAuthorizer")
    assert settings["connections.max.reauth.ms"] == "60000"
    assert "PLAINTEXT" not in text
    assert security.password not in text


def test_certificates_are_short_lived_and_the_password_stays(tmp_path: Path) -> None:
    first = secure(tmp_path, now=NOON)
    made = first.authority.read_text()
    second = secure(tmp_path, now=NOON)
    assert second.password == first.password
    assert len(second.password) >= 43
    assert second.authority.read_text() != made
    certificate = x509.load_pem_x509_certificate(second.broker.read_bytes())
    assert certificate.not_valid_after_utc - NOON == dt.timedelta(days=DAYS_VALID)
    authority = x509.load_pem_x509_certificate(second.authority.read_bytes())
    certificate.verify_directly_issued_by(authority)
    assert "PRIVATE KEY" not in second.authority.read_text()
    for secret in (second.broker, tmp_path / "administrator.password"):
        assert secret.stat().st_mode & 0o077 == 0


def test_a_file_of_arguments_keeps_each_word() -> None:
    assert arguments_for_java(["a b", 'c"d', "e\\f"]) == '"a b"\n"c\\"d"\n"e\\\\f"\n'
