"""Ingest as production runs it, a process of its own, and the topic as anybody else reads it."""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from pcare_ingest import keys
from pcare_local import processes
from pcare_local.ports import LOOPBACK, free_ports
from pcare_schemas.topics import SUBMITTED

PARTITIONS = 12
GRACE = 20.0  # ten seconds, and a machine that does other things as well
PROGRAM = ("-m", "pcare_ingest")
SINGLE = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


class Ingest:
    """The process and a client of it."""

    def __init__(
        self, directory: Path, bootstrap_servers: str, *, program: Sequence[str] = PROGRAM, **environment: str
    ) -> None:
        self.port = free_ports(1)[0]
        self.log = directory / "ingest.log"
        self.key = directory / "key"
        if not self.key.exists():
            keys.new(self.key)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PCARE_")}
        self.process: Popen[bytes] = processes.spawn(
            [sys.executable, *program],
            log=self.log,
            environment={
                **inherited,
                "PCARE_INGEST_PORT": str(self.port),
                "PCARE_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
                "PCARE_PSEUDONYM_KEY_FILE": str(self.key),
                **environment,
            },
        )
        self.client = httpx.AsyncClient(
            base_url=f"http://{LOOPBACK}:{self.port}",
            timeout=30,
            trust_env=False,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
        )

    async def send(self, body: bytes, headers: dict[str, str] = SINGLE) -> httpx.Response:
        return await self.client.post("/events", content=body, headers=headers)

    async def answers(self, path: str) -> bool:
        try:
            return (await self.client.get(path)).status_code == 200
        except httpx.TransportError:
            return False

    async def ready(self) -> None:
        await self.until("/health/ready")

    async def until(self, path: str, *, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not await self.answers(path):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            await asyncio.sleep(0.05)

    async def terminate(self) -> tuple[int, float]:
        """Ask it to stop; return its exit status and how many seconds it took."""
        started = time.monotonic()
        self.process.terminate()
        status = await asyncio.to_thread(self.process.wait, GRACE)
        return status, time.monotonic() - started


@asynccontextmanager
async def running(
    directory: Path, bootstrap_servers: str, *, program: Sequence[str] = PROGRAM, **environment: str
) -> AsyncIterator[Ingest]:
    """Run ingest for the length of a `with`; it need not be ready yet."""
    ingest = Ingest(directory, bootstrap_servers, program=program, **environment)
    try:
        await ingest.until("/health/live")
        yield ingest
    finally:
        processes.kill(ingest.process)
        await ingest.client.aclose()


def make_topic_anew(bootstrap_servers: str) -> None:
    """Delete the topic, if it is there, and make it as the plan has it."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        if SUBMITTED in admin.list_topics():
            admin.delete_topics([SUBMITTED])
            deadline = time.monotonic() + 30
            while SUBMITTED in admin.list_topics():
                assert time.monotonic() < deadline
                time.sleep(0.05)
        configs = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(4096 * 1024)}
        admin.create_topics(
            {SUBMITTED: {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": configs}},
            wait_for_metadata=True,
        )
    finally:
        admin.close()


def read_topic(bootstrap_servers: str) -> list[Any]:
    """Return every record of the topic, with a client that ingest does not use."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    try:
        partitions = [TopicPartition(SUBMITTED, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning(*partitions)
        records: list[Any] = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for found in consumer.poll(timeout_ms=1000).values():
                records += found
        return records
    finally:
        consumer.close()


async def send_all(ingest: Ingest, bodies: Iterable[bytes], *, at_once: int = 32) -> list[tuple[bytes, int]]:
    """Send each body as an event, `at_once` at a time. Returns each with its status; 0 where no answer came."""
    waiting = iter(bodies)
    results: list[tuple[bytes, int]] = []

    async def sender() -> None:
        for body in waiting:
            try:
                status = (await ingest.send(body)).status_code
            except httpx.TransportError:
                status = 0
            results.append((body, status))

    await asyncio.gather(*(sender() for _ in range(at_once)))
    return results


def statuses(results: list[tuple[bytes, int]]) -> Counter[int]:
    return Counter(status for _, status in results)
