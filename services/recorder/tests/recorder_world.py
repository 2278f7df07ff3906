"""Real Kafka and real PostgreSQL as one test of the recorder sees them: empty topics, a database of its own."""

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient

from pcare_common.clock import SystemClock
from pcare_recorder.app import serve
from pcare_recorder.faults import Faults, NoFaults
from pcare_recorder.log_reader import log_reader
from pcare_recorder.settings import RecorderSettings
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS, SUBMITTED, provider_topic

RKE_TOPIC = provider_topic("RKE")
PARTITIONS = {SUBMITTED: 3, RKE_TOPIC: 1, RECORDED: 4, SUBJECTS: 2, REJECTED: 1}
PATIENCE_SECONDS = 60.0
FAULTY_RECORDER = Path(__file__).with_name("recorder_with_a_fault.py")


def make_topics(bootstrap_servers: str, *, times: str = "LogAppendTime") -> None:
    """Delete what earlier tests left and make the topics anew, empty. `times` says whose time a record has."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        old = [name for name in admin.list_topics() if name.startswith("interventions.")]
        if old:
            admin.delete_topics(old)
            until(lambda: not [name for name in admin.list_topics() if name.startswith("interventions.")])
        configs = {"message.timestamp.type": times, "max.message.bytes": "4194304"}
        admin.create_topics(
            {
                name: {"num_partitions": count, "replication_factor": 1, "configs": configs}
                for name, count in PARTITIONS.items()
            }
        )
        admin.wait_for_topics(list(PARTITIONS))
    finally:
        admin.close()


def until(condition: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.02)


@dataclass
class World:
    """What a test has to do with: it sends, runs recorders, and looks at the topics and the tables from outside."""

    bootstrap_servers: str
    dsn: str
    group: str = field(default_factory=lambda: f"recorder-{uuid.uuid4().hex[:8]}")

    # ---- sending

    async def send(
        self,
        *values: Mapping[str, Any] | bytes | None,
        topic: str = SUBMITTED,
        partition: int | None = 0,
        key: bytes | None = None,
        codec: str | None = None,
    ) -> None:
        """Append records in this order, keyed by the event's subject unless a key is given."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.bootstrap_servers, acks="all", max_request_size=8 << 20, compression_type=codec
        ) as producer:
            sent = []
            for value in values:
                known = key
                if isinstance(value, Mapping):
                    known = known or str(value["subject"]).encode()
                    value = json.dumps(value).encode()  # noqa: PLW2901
                sent.append(await producer.send(topic, value=value, key=known or b"-", partition=partition))
            await asyncio.gather(*sent)

    @asynccontextmanager
    async def transaction(self, *, abort: bool) -> AsyncIterator[AIOKafkaProducer]:
        """Append what is sent in the block as one transaction, and commit or abort it."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.bootstrap_servers, transactional_id=uuid.uuid4().hex
        ) as producer:
            await producer.begin_transaction()
            yield producer
            await (producer.abort_transaction() if abort else producer.commit_transaction())

    # ---- running

    def settings(self, **changes: Any) -> RecorderSettings:
        """Return the settings of a recorder of this world."""
        given: dict[str, Any] = {
            "kafka_bootstrap_servers": self.bootstrap_servers,
            "postgres_dsn": self.dsn,
            "recorder_group": self.group,
            "recorder_http_port": 0,
            "recorder_session_seconds": 6,
        }
        return RecorderSettings(**given | changes)

    @asynccontextmanager
    async def recorder(self, *, faults: Faults | None = None, **changes: Any) -> AsyncIterator["asyncio.Task[None]"]:
        """Run a recorder in this process for the length of the block, then stop it in order."""
        stop = asyncio.Event()
        running = asyncio.create_task(
            serve(self.settings(**changes), stop, clock=SystemClock(), faults=faults or NoFaults())
        )
        try:
            yield running
        finally:
            stop.set()
            await asyncio.wait({running}, timeout=PATIENCE_SECONDS)
            if not running.done():
                running.cancel()
        await running

    def process(
        self, *fault: str, capture: bool = False, log: Path = Path(os.devnull), **variables: str
    ) -> "subprocess.Popen[bytes]":
        """Start a recorder as a process of its own, with a fault as recorder_with_a_fault.py takes it, if any."""
        program = [str(FAULTY_RECORDER), *fault] if fault else ["-m", "pcare_recorder"]
        with log.open("ab") as output:
            return self._spawn(program, variables, subprocess.PIPE if capture else output)

    def _spawn(self, program: list[str], variables: Mapping[str, str], stderr: Any) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, *program],
            env=os.environ
            | {
                "PCARE_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
                "PCARE_POSTGRES_DSN": self.dsn,
                "PCARE_RECORDER_GROUP": self.group,
                "PCARE_RECORDER_HTTP_PORT": "0",
                "PCARE_RECORDER_SESSION_SECONDS": "6",
                "PCARE_LOG_LEVEL": "warning",
            }
            | variables,
            stderr=stderr,
        )

    async def until_members(self, count: int) -> None:
        """Wait until the group has so many members and none is joining."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        async with log_reader({"bootstrap_servers": self.bootstrap_servers}, group=self.group) as log:
            while await log.member_count() != count:
                assert time.monotonic() < deadline, f"the group never had {count} members"
                await asyncio.sleep(0.05)

    # ---- looking

    async def fetch(self, query: str, *values: Any) -> list[asyncpg.Record]:
        """Ask the database."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def execute(self, query: str) -> None:
        """Change the database behind the recorder's back."""
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(query)
        finally:
            await connection.close()

    async def outcomes(self) -> tuple[int, int, int]:
        """Return recorded, duplicates and rejected over all cursors."""
        ((recorded, duplicates, rejected),) = await self.fetch(
            "SELECT coalesce(sum(recorded), 0), coalesce(sum(duplicates), 0), coalesce(sum(rejected), 0)"
            " FROM pcare.cursors"
        )
        return int(recorded), int(duplicates), int(rejected)

    async def ends(self) -> dict[tuple[str, int], int]:
        """Return the end of every submitted partition, as Kafka has it."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap_servers, isolation_level="read_committed"
        ) as consumer:
            asked = [
                TopicPartition(topic, number) for topic in (SUBMITTED, RKE_TOPIC) for number in range(PARTITIONS[topic])
            ]
            return dict(await consumer.end_offsets(asked))

    async def committed(self) -> dict[tuple[str, int], int | None]:
        """Return what the group has committed of every submitted partition."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap_servers, group_id=self.group, enable_auto_commit=False
        ) as consumer:
            return {
                (topic, number): await consumer.committed(TopicPartition(topic, number))
                for topic in (SUBMITTED, RKE_TOPIC)
                for number in range(PARTITIONS[topic])
            }

    async def until_judged(self, count: int) -> None:
        """Wait until at least so many records are judged."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while sum(await self.outcomes()) < count:
            assert time.monotonic() < deadline, "nothing is judged"
            await asyncio.sleep(0.02)

    async def settled(self, *running: "asyncio.Task[None]", seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until all that was sent is judged and published through, or a recorder failed."""
        deadline = time.monotonic() + seconds
        while not await self._is_settled():
            for task in running:
                if task.done():
                    task.result()
            assert time.monotonic() < deadline, "it did not settle in time"
            await asyncio.sleep(0.1)

    async def _is_settled(self) -> bool:
        ends = await self.ends()
        rows = await self.fetch("SELECT topic, partition, next_offset FROM pcare.cursors")
        judged = {(row[0], row[1]): row[2] for row in rows}
        if any(judged.get(partition, 0) < end for partition, end in ends.items()):
            return False
        committed = await self.committed()
        return all((committed[partition] or 0) >= end for partition, end in ends.items())

    async def read(self, topic: str) -> list[tuple[bytes, bytes]]:
        """Return (key, value) of every record of a topic."""
        found: list[tuple[bytes, bytes]] = []
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap_servers) as consumer:
            partitions = [TopicPartition(topic, number) for number in range(PARTITIONS[topic])]
            consumer.assign(partitions)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(partitions)
            while any([await consumer.position(partition) < end for partition, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found.extend((record.key, record.value) for record in records)
        return found


async def assert_exact(world: World) -> None:
    """Prove from outside that nothing is lost, doubled or different.

    For every partition submitted = recorded + duplicates + rejected, counted over the records that Kafka holds from the
    cursors' base on; the tables agree with the cursors; the topics hold the tables, to the byte, and nothing else.
    """
    cursors = await world.fetch("SELECT * FROM pcare.cursors")
    ends = await world.ends()
    assert {(row["topic"], row["partition"]): row["next_offset"] for row in cursors} == ends
    held = await count_records(world, ends)
    for table, outcome in (("interventions", "recorded"), ("rejections", "rejected")):
        rows = await world.fetch(
            f"SELECT origin_topic, origin_partition, count(*) FROM pcare.{table} JOIN pcare.cursors "  # noqa: S608
            "ON topic = origin_topic AND partition = origin_partition AND origin_offset >= base_offset GROUP BY 1, 2"
        )
        counted = Counter({(row[0], row[1]): row[2] for row in rows})
        assert {(row["topic"], row["partition"]): row[outcome] for row in cursors} == {
            partition: counted[partition] for partition in ends
        }
    ((apart,),) = await world.fetch(
        "SELECT count(*) FROM pcare.interventions FULL JOIN pcare.published"
        " USING (origin_topic, origin_partition, origin_offset) WHERE id IS NULL OR published IS NULL"
    )
    assert apart == 0, f"{apart} rows have no text, or texts no row"
    for row in cursors:
        outcomes = row["recorded"] + row["duplicates"] + row["rejected"]
        assert outcomes == held[row["topic"], row["partition"]], f"{row}: Kafka holds another number of records"
    for topic, table in ((RECORDED, "published"), (REJECTED, "rejections")):
        rows = await world.fetch(f"SELECT published::text FROM pcare.{table}")  # noqa: S608
        assert {value for _, value in await world.read(topic)} == {row[0].encode() for row in rows}
    linked = {row[0]: f"person:{row[1]}" for row in await world.fetch("SELECT * FROM pcare.subjects")}
    published = [json.loads(value)["data"] for _, value in await world.read(SUBJECTS)]
    assert {link["pseudonym"]: link["subject"] for link in published} == linked
    assert len({json.dumps(link) for link in published}) == len(linked)


async def count_records(world: World, ends: Mapping[tuple[str, int], int]) -> Counter[tuple[str, int]]:
    """Count the committed records of every partition, control records left out."""
    counts: Counter[tuple[str, int]] = Counter()
    async with AIOKafkaConsumer(
        bootstrap_servers=world.bootstrap_servers, isolation_level="read_committed"
    ) as consumer:
        partitions = [TopicPartition(*partition) for partition in ends]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                counts[tuple(partition)] += len(records)
    return counts


def ids(values: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the ids of events."""
    return [str(value["id"]) for value in values]
