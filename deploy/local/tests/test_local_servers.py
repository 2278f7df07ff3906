"""Real Kafka and real PostgreSQL: started, killed, started again, and what was written is there."""

import asyncio
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from pcare_local.directory_lock import DirectoryInUseError
from pcare_local.jars import kafka_classpath
from pcare_local.kafka import KafkaServer
from pcare_local.postgres import PostgresServer
from pcare_local.processes import ProcessError
from pcare_local.testing import running_kafka, running_postgres, running_secured_kafka

pytestmark = pytest.mark.integration


async def ask(server: PostgresServer, statement: str) -> list[Any]:
    connection = await asyncpg.connect(server.dsn)
    try:
        rows: list[Any] = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()


def values(server: KafkaServer, partition: TopicPartition, count: int) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=server.bootstrap_servers, enable_auto_commit=False)
    try:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        found: list[bytes] = []
        while len(found) < count:
            records = consumer.poll(timeout_ms=30_000)
            assert records, f"only {len(found)} of {count} records came"
            found += [record.value for batch in records.values() for record in batch]
        return found
    finally:
        consumer.close()


def send(server: KafkaServer, topic: str, texts: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=server.bootstrap_servers, acks="all")
    try:
        for acknowledged in [producer.send(topic, text, partition=0) for text in texts]:
            acknowledged.get(timeout=60)
    finally:
        producer.close()


def test_kafka_keeps_its_records_through_a_kill_and_a_new_program(tmp_path: Path) -> None:
    directory, partition = tmp_path / "kafka", TopicPartition("kept", 0)
    with running_kafka(directory) as server:
        admin = KafkaAdminClient(bootstrap_servers=server.bootstrap_servers)
        admin.create_topics({"kept": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
        admin.close()
        send(server, "kept", [b"one", b"two"])

        address, pid = server.bootstrap_servers, server.pids[0]
        server.kill9()
        assert not psutil.pid_exists(pid)
        server.start()
        assert server.bootstrap_servers == address
        send(server, "kept", [b"three"])

    assert not psutil.pid_exists(server.pids[0])
    with running_kafka(directory) as server:
        assert values(server, partition, 3) == [b"one", b"two", b"three"]


def test_kafka_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with running_kafka(tmp_path / "kafka") as server:
        server.stop()
        checkpoint = next((server.nodes[0].node.data / "__cluster_metadata-0").glob("*.log"))
        checkpoint.unlink()
        checkpoint.mkdir()
        with pytest.raises(ProcessError, match=r"(?s)Kafka node 1 ended with status 1. Its log: .*kafka.log\n.*\n"):
            server.start()


@pytest.mark.parametrize("kind", [KafkaServer, PostgresServer])
def test_a_directory_in_use_is_refused(tmp_path: Path, kind: type[KafkaServer | PostgresServer]) -> None:
    def server() -> KafkaServer | PostgresServer:
        return (
            PostgresServer(tmp_path) if kind is PostgresServer else KafkaServer(tmp_path, classpath=kafka_classpath())
        )

    first = server()
    first.start()
    try:
        with pytest.raises(DirectoryInUseError, match="stop that one"):
            server().start()
    finally:
        first.stop()


async def test_postgres_keeps_its_rows_through_a_kill_and_a_new_program(tmp_path: Path) -> None:
    directory = tmp_path / "postgres"
    with running_postgres(directory) as server:
        await ask(server, "CREATE TABLE kept (word text)")
        await ask(server, "INSERT INTO kept VALUES ('one')")
        dsn = server.dsn
        await asyncio.to_thread(server.kill9)
        await asyncio.to_thread(server.start)
        assert server.dsn == dsn
        await ask(server, "INSERT INTO kept VALUES ('two')")
        assert psutil.Process(server.pid).uids().real != 0

    assert not psutil.pid_exists(server.pid)
    with running_postgres(directory) as server:
        assert [row["word"] for row in await ask(server, "SELECT word FROM kept")] == ["one", "two"]


async def test_postgres_asks_for_its_password(tmp_path: Path) -> None:
    with running_postgres(tmp_path) as server:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host="127.0.0.1", port=server.port, user="pcare", password="guess", database="postgres"
            )
        assert (tmp_path / "password").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="a directory below a closed one matters to root alone")
async def test_postgres_runs_below_a_directory_that_is_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with running_postgres(closed / "postgres") as server:
        assert (await ask(server, "SELECT 1 AS one"))[0]["one"] == 1
    assert closed.stat().st_mode & 0o777 == 0o700


def test_secured_kafka_keeps_users_and_records_for_the_next_program(tmp_path: Path) -> None:
    directory = tmp_path / "kafka"
    with running_secured_kafka(directory) as server:
        with closing(KafkaAdminClient(**server.administration)) as admin:
            admin.create_topics({"kept": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
        with closing(KafkaProducer(**server.administration)) as producer:
            producer.send("kept", b"one").get(timeout=60)
        first = server.administration["sasl_plain_password"]
        assert first not in (server.nodes[0].node.properties).read_text()
        assert not list(server.nodes[0].node.directory.glob("format.arguments"))
    with running_secured_kafka(directory) as server, closing(KafkaConsumer(**server.administration)) as consumer:
        assert server.administration["sasl_plain_password"] == first
        assert consumer.end_offsets([TopicPartition("kept", 0)]) == {TopicPartition("kept", 0): 1}
