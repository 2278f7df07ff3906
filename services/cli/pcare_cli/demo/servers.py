"""Kafka and PostgreSQL under the demo: started side by side, with a word about what takes time."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcare_cli.demo.supervisor import Supervisor, Watched
from pcare_common.kafka import KafkaSettings
from pcare_common.settings import load
from pcare_local.jars import kafka_classpath
from pcare_local.kafka import KafkaServer
from pcare_local.postgres import PostgresServer

KAFKA_VARIABLE = "PCARE_KAFKA_BOOTSTRAP_SERVERS"
Say = Callable[[str], None]


@dataclass(slots=True)
class Servers:
    """The servers of one run. `kafka` is None when an existing broker is used; `options` are kafka-python's."""

    bootstrap_servers: str
    options: Mapping[str, Any]
    kafka: KafkaServer | None
    postgres: PostgresServer

    async def stop(self) -> None:
        """Stop both. May be called again."""
        await asyncio.to_thread(self.postgres.stop)
        if self.kafka is not None:
            await asyncio.to_thread(self.kafka.stop)

    def watch_by(self, supervisor: Supervisor) -> None:
        """Let the supervisor notice when one ends by itself."""
        supervisor.watch(Watched("PostgreSQL", self.postgres.is_running, lambda: self.postgres.log))
        if self.kafka is not None:
            kafka = self.kafka
            supervisor.watch(Watched("Kafka", kafka.is_running, lambda: kafka.log))


async def start_servers(directory: Path, say: Say) -> Servers:
    """Start PostgreSQL, and Kafka unless PCARE_KAFKA_BOOTSTRAP_SERVERS names a broker, with their data in `directory`.

    Raises KafkaUnavailableError, JavaNotFoundError, DirectoryInUseError or ProcessError, after stopping what it
    started.
    """
    postgres = PostgresServer(directory / "postgres")
    if os.environ.get(KAFKA_VARIABLE):
        existing = load(KafkaSettings)
        say(f"Using the broker of {KAFKA_VARIABLE}.")
        servers = Servers(existing.kafka_bootstrap_servers, existing.kafka_python_options(), None, postgres)
        starting: list[tuple[str, KafkaServer | PostgresServer]] = [("PostgreSQL", postgres)]
    else:
        kafka = await asyncio.to_thread(_kafka, directory / "kafka", say)
        address = kafka.bootstrap_servers
        servers = Servers(address, {"bootstrap_servers": address}, kafka, postgres)
        starting = [("PostgreSQL", postgres), ("Kafka", kafka)]
    results = await asyncio.gather(
        *(asyncio.to_thread(_start, name, server, say) for name, server in starting), return_exceptions=True
    )
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        await servers.stop()
        raise failures[0]
    return servers


def _kafka(directory: Path, say: Say) -> KafkaServer:
    def progress(fetched: int, wanted: int) -> None:
        if fetched == 0:
            say(f"Downloading Apache Kafka, {wanted} files; later starts need no network ...")
        elif fetched % 10 == 0 or fetched == wanted:
            say(f"  {fetched} of {wanted}")

    return KafkaServer(directory, classpath=kafka_classpath(progress))


def _start(name: str, server: KafkaServer | PostgresServer, say: Say) -> None:
    begun = time.monotonic()
    server.start()
    say(f"{name} runs, after {time.monotonic() - begun:.1f} s.")
