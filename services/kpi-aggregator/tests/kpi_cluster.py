"""Real workers on a real broker: their topics, their processes, and a population with a past to tell them of."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import kpi_oracle
from aiokafka import AIOKafkaProducer
from kafka.admin import KafkaAdminClient
from kpi_records import Said, Taken, record
from kpi_strategies import OTHERS, PERSON, REFS

from pcare_kpi_aggregator.years import instant_of
from pcare_schemas.kpis import catalogue
from pcare_schemas.kpis.year_labels import year_from_label
from pcare_schemas.topics import KPI_PARTIALS, RECORDED

CATALOGUE = catalogue.load()
PARTITIONS = 12
SESSION_SECONDS = 10
SECONDS_TO_SETTLE = 60.0

Statement = tuple[str, Said | Taken]


def make_topics(bootstrap_servers: str, partitions: int = PARTITIONS) -> None:
    """Make the log and the partials anew, empty."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        delete_topics(admin)
        admin.create_topics(
            {
                RECORDED: {
                    "num_partitions": partitions,
                    "replication_factor": 1,
                    "configs": {"message.timestamp.type": "LogAppendTime"},
                },
                KPI_PARTIALS: {
                    "num_partitions": 1,
                    "replication_factor": 1,
                    "configs": {"cleanup.policy": "compact"},
                },
            },
            wait_for_metadata=True,
        )
    finally:
        admin.close()


def delete_topics(admin: KafkaAdminClient) -> None:
    there = set(admin.list_topics()) & {RECORDED, KPI_PARTIALS}
    if there:
        admin.delete_topics(sorted(there))
    wait_until(lambda: not set(admin.list_topics()) & {RECORDED, KPI_PARTIALS}, "the old topics to go")


async def publish(bootstrap_servers: str, statements: Iterable[Statement], *, pause_every: int = 0) -> None:
    """Write statements to the log as the recorder does: keyed by subject, acknowledged by all."""
    await publish_values(
        bootstrap_servers,
        ((subject, record(subject, statement)) for subject, statement in statements),
        pause_every=pause_every,
    )


async def publish_values(
    bootstrap_servers: str, values: Iterable[tuple[str, bytes]], *, pause_every: int = 0, partition: int | None = None
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", linger_ms=5) as producer:
        for number, (subject, value) in enumerate(values, start=1):
            await producer.send(RECORDED, value, key=subject.encode(), partition=partition)
            if pause_every and number % pause_every == 0:
                await asyncio.sleep(0.02)


def population(people: int, seed: int) -> dict[str, list[Said | Taken]]:
    """Return people with a past of every kind: late, out of order, in several boroughs, some of it taken back.

    And teams, commissioners and link workers, one for every ten people each.
    """
    chance = random.Random(seed)
    made = {f"person:{uuid.UUID(int=chance.getrandbits(128))}": _past(chance, PERSON) for _ in range(people)}
    for number in range(people // 10):
        for subject, kinds in OTHERS.items():
            made[f"{subject}{number}"] = _past(chance, kinds)
    return made


def _past(chance: random.Random, kinds: Sequence[str]) -> list[Said | Taken]:
    now = datetime.now(UTC)
    said: list[Said | Taken] = []
    for _ in range(chance.randrange(1, 9)):
        kind = chance.choice(kinds)
        when = now - timedelta(seconds=chance.uniform(60, 4 * 365 * 86_400))
        data = {"borough": chance.choice(kpi_oracle.BOROUGHS), **_details(chance, kind, when)}
        source = f"urn:ncl:provider:{chance.choice('abc')}"
        said.append(Said(kind, instant_of(when), source, str(uuid.UUID(int=chance.getrandbits(128))), data))
    if chance.random() < 0.1:
        taken_back = chance.choice(said)
        said.insert(chance.randrange(len(said) + 1), Taken(taken_back.source, taken_back.id))
    return said


def _details(chance: random.Random, kind: str, when: datetime) -> dict[str, Any]:
    """Return what an event of a kind says beside the borough."""
    data: dict[str, Any] = {}
    if kind in REFS:
        data[REFS[kind]] = f"ref-{chance.randrange(2)}"
        if REFS[kind] != "pcn":
            data["ref_source"] = "urn:ncl:provider:a"
    if kind == "sdm-conversation":
        data["situation"] = chance.choice(["hip_pain", "smr_frailty", "hypertension"])
    elif kind == "phb-issued":
        data["one_off"] = chance.random() < 0.2
        if chance.random() < 0.5:
            data["starts"] = (when + timedelta(days=chance.randrange(-40, 90))).date().isoformat()
    elif kind == "choice-offered":
        data |= {field: chance.random() < 0.7 for field in ("elective", "via_ers", "choice_exercised")}
    elif kind == "collaborate-scored":
        data |= {field: chance.choice([9, 9, 9, 7]) for field in ("understand", "listen", "include")}
    elif kind == "choice-standards-assessed":
        data["standards_met"] = sorted(chance.sample(range(1, 10), chance.randrange(10)))
    elif kind == "pam-scored" and chance.random() < 0.5:
        data["plan_ref"] = "ref-0"
    return data


def shuffled(people: dict[str, list[Said | Taken]], seed: int) -> list[Statement]:
    """Return all statements in one random order, one in fifty of them twice."""
    chance = random.Random(seed)
    statements = [(subject, one) for subject, said in people.items() for one in said]
    statements += [statement for statement in statements if chance.random() < 0.02]
    chance.shuffle(statements)
    return statements


class Worker:
    """One kpi-aggregator process. Ended by the fixture that made it."""

    def __init__(
        self,
        bootstrap_servers: str,
        directory: Path,
        group: str,
        *,
        program: Sequence[str] = ("-m", "pcare_kpi_aggregator"),
        **settings: object,
    ) -> None:
        self._program = program
        self.port = _free_port()
        self.log = directory / f"worker-{self.port}.log"
        self._environment = {
            **os.environ,
            "PCARE_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "PCARE_KPI_GROUP": group,
            "PCARE_KPI_HTTP_PORT": str(self.port),
            "PCARE_KPI_SESSION_SECONDS": str(SESSION_SECONDS),
            "PCARE_KPI_STATE_DIR": str(directory / "state"),
            **{f"PCARE_KPI_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Worker":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self._program], env=self._environment, stdout=log, stderr=log
            )
        return self

    def get(self, path: str) -> httpx.Response | None:
        """Return an answer, or None while nobody answers."""
        try:
            return self._client.get(path)
        except httpx.TransportError:
            return None

    @property
    def ready(self) -> bool:
        answer = self.get("/health/ready")
        return answer is not None and answer.status_code == 200

    def reasons(self) -> list[str]:
        answer = self.get("/health/ready")
        return ["no answer"] if answer is None else answer.json()["reasons"]

    def wait_ready(self, seconds: float = SECONDS_TO_SETTLE) -> "Worker":
        wait_until(lambda: self.ready, "the worker to be ready", seconds, self.tell)
        return self

    def kpis(self) -> dict[str, Any]:
        answer = self.get("/kpis")
        return {"complete": False, "kpis": [], "partitions": []} if answer is None else answer.json()

    def send(self, signum: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(signum)

    def wait(self, seconds: float = 30) -> int:
        assert self.process is not None
        return self.process.wait(seconds)

    def tell(self) -> str:
        return f"reasons {self.reasons()}\n{self.log.read_text()[-3000:]}"

    def end(self) -> None:
        self._client.close()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
                raise


def settled(worker: Worker, records: int) -> dict[str, Any]:
    """Return the worker's answer once it counts `records` records, and all partitions speak of one instant."""
    answers: list[dict[str, Any]] = []

    def at_rest() -> bool:
        answers[:] = [worker.kpis()]
        answer = answers[0]
        return (
            answer["complete"]
            and answer["instant"] == answer["instant_latest"]
            and sum(partition["applied_through"] + 1 for partition in answer["partitions"]) == records
        )

    wait_until(at_rest, "the numbers to settle", SECONDS_TO_SETTLE, worker.tell)
    return answers[0]


def values_of(answer: dict[str, Any]) -> kpi_oracle.Values:
    return {
        (row["kpi"], row["borough"], year_from_label(row["year"])): kpi_oracle.Number(
            row["value"], row["numerator"], row["denominator"]
        )
        for row in answer["kpis"]
        if row["numerator"] or row["denominator"]
    }


def expected(people: dict[str, list[Said | Taken]], answer: dict[str, Any]) -> kpi_oracle.Values:
    """Return what the rules say at the instant of the answer."""
    return kpi_oracle.kpis(people, instant_of(datetime.fromisoformat(answer["instant"])), CATALOGUE)


def wait_until(
    condition: Callable[[], bool], what: str, seconds: float = 30.0, tell: Callable[[], str] = lambda: ""
) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds} s in vain for {what}\n{tell()}")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
