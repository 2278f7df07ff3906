"""The servers under the system: a cluster of Kafka brokers and a PostgreSQL, each of which can be struck by itself."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from kafka import KafkaAdminClient

from pcare_local.jars import kafka_classpath
from pcare_local.kafka import KafkaNode, KafkaServer
from pcare_local.postgres import PostgresServer
from pcare_schemas.topics import SUBMITTED

SMALL_DISK = "640m"  # PostgreSQL with a database takes 130 MB of it
WAL = "\nmax_wal_size = 128MB\nmin_wal_size = 32MB\n"


class Servers:
    """A backend of the tests (see backends.py) whose brokers and processes are within reach, one by one.

    `small_disk`: the file system of PostgreSQL's data, if it is one that can be filled up.
    """

    def __init__(self, kafka: KafkaServer, postgres: PostgresServer, small_disk: Path | None) -> None:
        self.kafka = kafka
        self.postgres = postgres
        self.small_disk = small_disk
        self.bootstrap_servers = kafka.bootstrap_servers
        self.dsn = postgres.dsn

    def kill_kafka(self) -> None:
        """End all brokers as a loss of power would."""
        self.kafka.kill9()

    def start_kafka(self) -> None:
        """Start the brokers that do not run and wait until all answer."""
        self.kafka.start()

    def kill_postgres(self) -> None:
        """End the database server as a crash would."""
        self.postgres.kill9()

    def start_postgres(self) -> None:
        """Start the database server and wait until it answers."""
        self.postgres.start()

    def leader(self) -> KafkaNode:
        """Return the broker that leads the first partition of the submitted events. Any other may not know it."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        try:
            (topic,) = admin.describe_topics([SUBMITTED])
            first = next(one for one in topic["partitions"] if one["partition_index"] == 0)
        finally:
            admin.close()
        return self.kafka.nodes[first["leader_id"] - 1]

    def signal_postgres(self, signum: signal.Signals) -> None:
        """Send a signal to the database server's every process: a stopped postmaster alone would stop nobody."""
        parent = psutil.Process(self.postgres.pid)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                os.kill(process.pid, signum)


@contextmanager
def running_servers(directory: Path, *, brokers: int, fill_disk: bool) -> Iterator[Servers]:
    """Run `brokers` brokers and a database; with `fill_disk`, its data are on a small file system where that can be."""
    with ExitStack() as stack:
        postgres_directory = directory / "postgres"
        small = stack.enter_context(_small_disk(postgres_directory)) if fill_disk else None
        kafka = KafkaServer(directory / "kafka", classpath=kafka_classpath(), brokers=brokers)
        stack.callback(kafka.stop)
        kafka.start()
        postgres = PostgresServer(postgres_directory)
        stack.callback(postgres.stop)
        postgres.start()
        with (postgres.data / "postgresql.conf").open("a") as file:
            file.write(WAL)
        postgres.stop()
        postgres.start()
        yield Servers(kafka, postgres, small)


@contextmanager
def _small_disk(directory: Path) -> Iterator[Path | None]:
    """Mount a small file system in memory; only root can, and then not everywhere."""
    directory.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(directory)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        yield None
        return
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
