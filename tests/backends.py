"""Where the integration tests find Kafka and PostgreSQL: the same contract, several backends.

`local` runs the real servers as processes of this machine. `containers` runs the images that docker-compose.yml names.
Choose by PCARE_TEST_BACKEND; the default is `local`.

With either, tests that need brokers with users, or three of them, or that stop servers by their process ids (the
secured cluster, the fault rounds, the demo, PostgreSQL's TLS) start their own on this machine: a container would show
nothing more of what they are about.
"""

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import asyncpg

from pcare_local.ports import free_ports
from pcare_local.testing import running_kafka, running_postgres

COMPOSE_FILE = Path(__file__).parents[1] / "docker-compose.yml"
SECONDS_TO_START = 120.0


class Backend(Protocol):
    """One broker and one database server, which a test may kill and start again on the same address."""

    bootstrap_servers: str
    dsn: str

    def kill_kafka(self) -> None:
        """End the broker as a crash would."""
        ...

    def start_kafka(self) -> None:
        """Start the broker that was killed and wait until it answers."""
        ...

    def stop_kafka(self) -> None:
        """Let the broker stand still: its connections stay, and nothing is answered."""
        ...

    def continue_kafka(self) -> None:
        """Let the broker that stands still go on."""
        ...

    def kill_postgres(self) -> None:
        """End the database server as a crash would."""
        ...

    def start_postgres(self) -> None:
        """Start the database server that was killed and wait until it answers."""
        ...


@contextmanager
def running_backend(directory: Path) -> Iterator[Backend]:
    """Run the chosen backend, with its data in `directory` where it needs one."""
    name = os.environ.get("PCARE_TEST_BACKEND", "local")
    with _BACKENDS[name](directory) as backend:
        yield backend


class _Local:
    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._kafka = stack.enter_context(running_kafka(directory / "kafka"))
        self._postgres = stack.enter_context(running_postgres(directory / "postgres"))
        self.bootstrap_servers = self._kafka.bootstrap_servers
        self.dsn = self._postgres.dsn

    def kill_kafka(self) -> None:
        self._kafka.kill9()

    def start_kafka(self) -> None:
        self._kafka.start()

    def stop_kafka(self) -> None:
        self._signal_kafka(signal.SIGSTOP)

    def continue_kafka(self) -> None:
        self._signal_kafka(signal.SIGCONT)

    def _signal_kafka(self, signum: signal.Signals) -> None:
        for pid in self._kafka.pids:
            os.kill(pid, signum)

    def kill_postgres(self) -> None:
        self._postgres.kill9()

    def start_postgres(self) -> None:
        self._postgres.start()


class _Containers:
    def __init__(self, stack: ExitStack) -> None:
        from testcontainers.core.container import DockerContainer

        kafka_port, postgres_port = free_ports(2)  # fixed, because a restarted container keeps its address that way
        self.bootstrap_servers = f"127.0.0.1:{kafka_port}"
        self.dsn = f"postgresql://pcare:pcare@127.0.0.1:{postgres_port}/postgres"
        kafka = DockerContainer(_image("apache/kafka")).with_bind_ports(9092, kafka_port)
        for name, value in _kafka_environment(kafka_port).items():
            kafka = kafka.with_env(name, value)
        postgres = DockerContainer(_image("postgres")).with_bind_ports(5432, postgres_port)
        postgres = postgres.with_env("POSTGRES_USER", "pcare").with_env("POSTGRES_PASSWORD", "pcare")
        self._kafka = stack.enter_context(kafka).get_wrapped_container()
        self._postgres = stack.enter_context(postgres).get_wrapped_container()
        self._wait_for_kafka()
        self._wait_for_postgres()

    def kill_kafka(self) -> None:
        self._kafka.kill()

    def start_kafka(self) -> None:
        self._kafka.start()
        self._wait_for_kafka()

    def stop_kafka(self) -> None:
        self._kafka.pause()

    def continue_kafka(self) -> None:
        self._kafka.unpause()

    def kill_postgres(self) -> None:
        self._postgres.kill()

    def start_postgres(self) -> None:
        self._postgres.start()
        self._wait_for_postgres()

    def _wait_for_kafka(self) -> None:
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            try:
                KafkaAdminClient(bootstrap_servers=self.bootstrap_servers).close()
                return
            except KafkaError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _wait_for_postgres(self) -> None:
        # The port of a container opens with the container, and after a crash the server greets while it still recovers.
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            try:
                with ThreadPoolExecutor(1) as apart:  # a loop may be running here
                    apart.submit(asyncio.run, _greet(self.dsn)).result()
                return
            except (OSError, asyncpg.PostgresError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


async def _greet(dsn: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=5)
    await connection.close()


@contextmanager
def _local(directory: Path) -> Iterator[Backend]:
    with ExitStack() as stack:
        yield _Local(directory, stack)


@contextmanager
def _containers(_directory: Path) -> Iterator[Backend]:
    with ExitStack() as stack:
        yield _Containers(stack)


_BACKENDS = {"local": _local, "containers": _containers}


def _image(repository: str) -> str:
    """Return the image that docker-compose.yml names, so that what is tested is what is run."""
    match = re.search(rf"image: ({re.escape(repository)}:\S+)", COMPOSE_FILE.read_text())
    assert match, f"docker-compose.yml names no {repository} image"
    return match.group(1)


def _kafka_environment(port: int) -> dict[str, str]:
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        # The broker writes the end of a transaction by way of itself, and cannot reach the port of this machine.
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,BROKERS://:19092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port},BROKERS://localhost:19092",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,BROKERS:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKERS",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m",
    }
