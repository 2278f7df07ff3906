"""Kafka and PostgreSQL for the length of a `with`: for tests, benchmarks and whoever tries something out."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcare_local.jars import kafka_classpath
from pcare_local.kafka import KafkaServer
from pcare_local.kafka_security import secure
from pcare_local.postgres import PostgresServer


@contextmanager
def running_kafka(directory: Path, *, brokers: int = 1) -> Iterator[KafkaServer]:
    """Run Kafka with its data in `directory`; fetch the jars first if the cache has none."""
    server = KafkaServer(directory, classpath=kafka_classpath(), brokers=brokers)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def running_secured_kafka(directory: Path, *, reauthenticate_seconds: int = 3600) -> Iterator[KafkaServer]:
    """Run Kafka that lets in only who has a password, over TLS; `administration` says how to get in."""
    security = secure(
        directory / "security", now=dt.datetime.now(dt.UTC), reauthenticate_seconds=reauthenticate_seconds
    )
    server = KafkaServer(directory, classpath=kafka_classpath(), security=security)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def running_postgres(directory: Path, *, binaries: Path | None = None) -> Iterator[PostgresServer]:
    """Run PostgreSQL with its data in `directory`; `binaries` as PostgresServer has them."""
    server = PostgresServer(directory, binaries=binaries)
    server.start()
    try:
        yield server
    finally:
        server.stop()
