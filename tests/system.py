"""The whole system under test: the same processes as production, on the backend of the run.

Each test has topics, a consumer group and a database of its own making, so that nothing of one test reaches another.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import Popen
from uuid import uuid4

import asyncpg
import httpx
from kafka import KafkaAdminClient

from backends import Backend
from database_logins import logins
from pcare_cli import topics
from pcare_cli.accounting import Report
from pcare_cli.auditing import Auditor
from pcare_cli.demo.layout import Layout
from pcare_cli.demo.supervisor import Service, Supervisor
from pcare_cli.sealing import keys as sealing_keys
from pcare_cli.sending import accepted_in
from pcare_cli.simulation.organisations import ORGANISATIONS, Way
from pcare_cli.topic_plan import read_plan
from pcare_ingest import keys
from pcare_local import processes
from pcare_local.ports import LOOPBACK, free_ports

MODULES = {
    "ingest": "pcare_ingest",
    "recorder": "pcare_recorder",
    "kpi-aggregator": "pcare_kpi_aggregator",
    "watch": "pcare_cli.watch",
    "seal": "pcare_cli.sealing",
}
PORT_VARIABLES = {
    "ingest": "PCARE_INGEST_PORT",
    "recorder": "PCARE_RECORDER_HTTP_PORT",
    "kpi-aggregator": "PCARE_KPI_HTTP_PORT",
    "watch": "PCARE_WATCH_HTTP_PORT",
    "seal": "PCARE_SEAL_HTTP_PORT",
}
LOGINS = {"watch": "auditor", "seal": "sealer"}  # the others are called as their login
SECONDS_TO_SEAL = "0.3"  # a test does not wait minutes for what is made every few
SECONDS_TO_START = 120.0
SECONDS_TO_END = 30.0  # production gives ten: see tests/test_withstands.py


class Process:
    """One service as a process that a test may end in any way and start again on the same port."""

    def __init__(self, name: str, copy: int, directory: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.port = free_ports(1)[0]
        self.address = f"http://{LOOPBACK}:{self.port}"
        self.log = directory / "logs" / f"{name}-{copy}.log"
        self.environment = {**environment, PORT_VARIABLES[name]: str(self.port)}
        self.popen: Popen[bytes] | None = None

    def start(self, *program: str) -> None:
        """Start it and return at once. `program` is what Python runs in place of the service's own module."""
        command = [sys.executable, *(program or ("-m", MODULES[self.name]))]
        self.popen = processes.spawn(command, log=self.log, environment=self.environment)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.popen is not None
        processes.kill(self.popen)

    def terminate(self) -> int:
        """Ask it to stop and return its exit status. Raises TimeoutExpired after `SECONDS_TO_END`."""
        assert self.popen is not None
        self.popen.terminate()
        return self.popen.wait(SECONDS_TO_END)

    async def ready(self) -> None:
        """Wait until it says that it is ready."""
        reason = "it did not answer"
        deadline = time.monotonic() + SECONDS_TO_START
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            while time.monotonic() < deadline:
                assert self.popen is not None
                if self.popen.poll() is not None:
                    raise AssertionError(f"{self.name} ended with {self.popen.returncode}:\n{self.tail()}")
                with contextlib.suppress(httpx.TransportError):
                    answer = await client.get(f"{self.address}/health/ready")
                    if answer.status_code == 200:
                        return
                    reason = answer.text
                await asyncio.sleep(0.05)
        raise AssertionError(f"{self.name} is not ready: {reason}\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of its log."""
        return processes.last_lines(self.log, 30)


class System:
    """Topics, a database and the processes that a test starts."""

    def __init__(self, backend: Backend, directory: Path, dsn: str) -> None:
        self.backend = backend
        self.dsn = dsn
        self.directory = directory
        self.layout = Layout.choose(directory)
        self.options = {"bootstrap_servers": backend.bootstrap_servers}
        # Groups of its own: those of a test that killed their members live on until the members' sessions end.
        self.group = f"recorder-{directory.name}"
        groups = {"PCARE_RECORDER_GROUP": self.group, "PCARE_KPI_GROUP": f"kpi-aggregator-{directory.name}"}
        sealing = {"PCARE_SEAL_SECONDS": SECONDS_TO_SEAL}
        self.environment = self.layout.environment(backend.bootstrap_servers, dsn) | groups | sealing
        self.logins: dict[str, str] = {}  # for each program the DSN of a login that may do what it needs, and no more
        self.processes: list[Process] = []

    async def start(self, *names: str) -> list[Process]:
        """Start a copy of each service named and wait until all are ready."""
        started = [self.add(name) for name in names]
        for process in started:
            process.start()
        for process in started:
            await process.ready()
        return started

    def add(self, name: str) -> Process:
        """Prepare a copy of a service without starting it."""
        environment = dict(self.environment)
        if self.logins and environment["PCARE_POSTGRES_DSN"] == self.dsn:  # else the test says whose login it is
            environment["PCARE_POSTGRES_DSN"] = self.logins.get(LOGINS.get(name, name), "")
        process = Process(name, len(self.processes), self.directory, environment)
        self.processes.append(process)
        return process

    def one(self, name: str) -> Process:
        """Return the first copy of a service."""
        return next(process for process in self.processes if process.name == name)

    async def simulate(self, events: int, *, seed: int, rate: float | None = None) -> list[str]:
        """Send events as the simulated providers do, and return the ledger: what became of each."""
        ledger = self._ledger(seed)
        arguments = ["-m", "pcare_cli", "simulate", "--ingest", self.one("ingest").address]
        arguments += ["--events", str(events), "--ledger", str(ledger), "--seed", str(seed)]
        if rate is not None:
            arguments += ["--rate", str(rate)]
        supervisor = Supervisor(self.environment)
        await supervisor.run_to_end(Service("simulate", arguments, self.directory / "logs" / f"simulate-{seed}.log"))
        return ledger.read_text().splitlines()

    async def sending_has_begun(self, *, seed: int) -> None:
        """Wait until a simulation has answers: how long a program takes to start depends on what else runs."""
        deadline = time.monotonic() + SECONDS_TO_START
        ledger = self._ledger(seed)
        while not ledger.exists() or ledger.stat().st_size == 0:
            assert time.monotonic() < deadline, "the simulation did not begin"
            await asyncio.sleep(0.05)

    def _ledger(self, seed: int) -> Path:
        return self.directory / f"ledger-{seed}.jsonl"

    async def report(self, ledger: Iterable[str] = ()) -> Report:
        """Wait until all has settled, and return the accounting and the KPIs of stream, SQL and replay."""
        lines = list(ledger)
        fates = [json.loads(line)["fate"] for line in lines]
        async with self.client("kpi-aggregator") as client:
            auditor = Auditor(self.options, self.logins["auditor"], client, self.group)
            await auditor.wait_until_settled(lambda _line: None)
            return await auditor.report(accepted_in(lines), fates.count("unanswered"))

    def client(self, name: str) -> httpx.AsyncClient:
        """Return an HTTP client of the first copy of a service."""
        limits = httpx.Limits(max_connections=1_000)
        return httpx.AsyncClient(base_url=self.one(name).address, trust_env=False, timeout=120, limits=limits)

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Ask the database."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    def logs(self) -> str:
        """Return everything that the processes of this test wrote."""
        return "\n".join(path.read_text(errors="replace") for path in sorted((self.directory / "logs").glob("*.log")))


@asynccontextmanager
async def running_system(backend: Backend, directory: Path) -> AsyncIterator[System]:
    """Make topics and a database, hand over the system, and end its processes afterwards."""
    await asyncio.to_thread(_empty_topics, backend)
    async with database(backend.dsn) as dsn:
        system = System(backend, directory, dsn)
        keys.new(system.layout.key)
        sealing_keys.make(system.layout.seal_key, system.layout.seal_name)
        migration = Service("migrate", ["-m", "pcare_recorder.migrate"], system.layout.log("migrate"))
        await Supervisor(system.environment).run_to_end(migration)
        async with logins(dsn) as system.logins:
            try:
                yield system
            finally:
                for process in system.processes:
                    if process.popen is not None and process.popen.poll() is None:
                        processes.kill(process.popen)


@asynccontextmanager
async def database(server: str) -> AsyncIterator[str]:
    name = f"pcare_{uuid4().hex}"
    await _administer(server, f"CREATE DATABASE {name}")
    try:
        yield f"{server.rsplit('/', 1)[0]}/{name}"
    finally:
        await _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(server: str, command: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(command)
    finally:
        await connection.close()


def _empty_topics(backend: Backend) -> None:
    """Make all topics anew."""
    admin = KafkaAdminClient(bootstrap_servers=backend.bootstrap_servers)
    try:
        old = [name for name in admin.list_topics() if name.startswith("interventions.")]
        if old:
            admin.delete_topics(old)
            _wait(lambda: not set(old) & set(admin.list_topics()))
        providers = [organisation.slug for organisation in ORGANISATIONS if organisation.way is Way.KAFKA]
        topics.create(admin, read_plan(), providers)
    finally:
        admin.close()


def _wait(holds, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "Kafka did not do as asked in time"
        time.sleep(0.1)
