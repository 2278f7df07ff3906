"""The system on which rounds are played: two copies of what counts and records, and a supervisor over all of them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx

from faults.load import Load, loading
from faults.servers import Servers
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_schemas.pseudonym import PseudonymKey
from system import Process, System, running_system

SERVICES = ("kpi-aggregator", "kpi-aggregator", "recorder", "recorder", "ingest")
SESSION_SECONDS = 6  # the shortest that brokers grant: a round need not last longer than it must
LONGER_THAN_A_SESSION = SESSION_SECONDS + 2.0
SUPERVISOR_SECONDS = 0.2
RESTART_SECONDS = 1.0
RECORDER_EXIT_SECONDS = 20  # one whose own client does not find Kafka again ends itself after five times that
SECONDS_TO_HEAL = 180.0
FAULTY_RECORDER = Path(__file__).parents[2] / "services" / "recorder" / "tests" / "recorder_with_a_fault.py"


@dataclass(slots=True)
class Stage:
    """The running system, what is sent to it, and what its supervisor saw."""

    servers: Servers
    system: System
    load: Load
    exits: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    repeats: int = 0
    """How many records the log has beyond one for each event, as of the round before."""
    held: set[Process] = field(default_factory=set)
    """What a strike keeps down, or replaces itself."""

    def copies(self, name: str) -> list[Process]:
        """Return the copies of a service."""
        return [process for process in self.system.processes if process.name == name]

    @contextlib.contextmanager
    def holding(self, *held: Process) -> Iterator[None]:
        """Keep the supervisor's hands off some processes for the length of a `with`."""
        self.held |= set(held)
        try:
            yield
        finally:
            self.held -= set(held)

    async def supervise(self) -> None:
        """Start again what ended by itself, as an orchestrator does; but not what says that a person has to act."""
        while True:
            for process in list(self.system.processes):
                if process in self.held or process.popen is None or process.popen.poll() is None:
                    continue
                status = process.popen.returncode
                self.exits.append(f"{process.name} {status}")
                if status == EXIT_CONFIGURATION:
                    self.troubles.append(f"{process.name} asks for a person:\n{process.tail()}")
                    process.popen = None
                    continue
                await asyncio.sleep(RESTART_SECONDS)
                if process not in self.held:
                    process.start()
            await asyncio.sleep(SUPERVISOR_SECONDS)

    async def pause(self, pids: Iterable[int], seconds: float) -> None:
        """Stop processes where they stand, and let them go on after so many seconds."""
        stopped = list(pids)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    async def stop_in_order(self, process: Process) -> None:
        """Ask a service to stop, and note it as a trouble if it does not end with 0 within its grace."""
        try:
            status = await asyncio.to_thread(process.terminate)
        except subprocess.TimeoutExpired:
            status = None
        if status != 0:
            self.troubles.append(f"{process.name} did not end in order when asked to: {status}\n{process.tail()}")

    async def ready(self) -> None:
        """Wait until every copy is ready, also those that end themselves and are started again."""
        deadline = time.monotonic() + SECONDS_TO_HEAL
        for process in self.system.processes:
            while process.popen is not None:
                try:
                    await process.ready()
                    break
                except AssertionError as error:
                    alive = process.popen is not None and process.popen.poll() is None
                    if alive and time.monotonic() > deadline:
                        self.troubles.append(str(error))
                        break
                    await asyncio.sleep(SUPERVISOR_SECONDS)

    async def administer(self, statement: str, *arguments: object) -> None:
        """Run a statement as the administrator of the database server, connected to another database."""
        connection = await asyncpg.connect(self.servers.dsn, timeout=10)
        try:
            await connection.execute(statement, *arguments)
        finally:
            await connection.close()

    @property
    def database(self) -> str:
        """The name of the system's database."""
        return self.system.dsn.rsplit("/", 1)[1]


@asynccontextmanager
async def running_stage(servers: Servers, directory: Path, seed: int) -> AsyncIterator[Stage]:
    """Make topics and a database of their own, start the services, and end them afterwards."""
    async with running_system(servers, directory) as system:
        system.environment |= {
            "PCARE_RECORDER_SESSION_SECONDS": str(SESSION_SECONDS),
            "PCARE_RECORDER_EXIT_AFTER": str(RECORDER_EXIT_SECONDS),
            "PCARE_KPI_SESSION_SECONDS": str(SESSION_SECONDS),
            "PCARE_KPI_STATE_DIR": str(directory / "aggregator"),
            "PCARE_LOG_LEVEL": "info",
        }
        await system.start(*SERVICES)
        key = PseudonymKey.read(system.layout.key)
        async with loading(system.one("ingest").address, system.options, key, seed) as load:
            stage = Stage(servers, system, load)
            supervising = asyncio.create_task(stage.supervise(), name="supervisor")
            try:
                yield stage
            finally:
                supervising.cancel()
                await asyncio.wait({supervising})
                if not supervising.cancelled():
                    supervising.result()


@asynccontextmanager
async def aggregator_of(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of one copy of the aggregator."""
    async with httpx.AsyncClient(base_url=process.address, trust_env=False, timeout=30) as client:
        yield client
