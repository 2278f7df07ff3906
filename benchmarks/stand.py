"""The system under measurement: real Kafka, real PostgreSQL, and the services as production runs them."""

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from pcare_cli import topics
from pcare_cli.demo.layout import Layout
from pcare_cli.demo.supervisor import Service, Supervisor
from pcare_cli.topic_plan import read_plan
from pcare_ingest import keys
from pcare_local import processes
from pcare_local.testing import running_kafka, running_postgres

MODULES = {"ingest": "pcare_ingest", "recorder": "pcare_recorder", "kpi-aggregator": "pcare_kpi_aggregator"}


@dataclass
class Stand:
    """Servers that run, and services that are started for as long as a measurement takes."""

    bootstrap_servers: str
    dsn: str
    layout: Layout
    pids: dict[str, int] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the services."""
        return self.layout.environment(self.bootstrap_servers, self.dsn)

    def address(self, name: str) -> str:
        """Return the base address of a service."""
        return {
            "ingest": self.layout.ingest,
            "recorder": self.layout.recorder,
            "kpi-aggregator": self.layout.aggregator,
        }[name]

    def processor_seconds(self, name: str) -> float:
        """Return how much of a processor a running service has used: what else the machine does is not in it."""
        times = psutil.Process(self.pids[name]).cpu_times()
        return float(times.user + times.system)

    @contextlib.contextmanager
    def spawned(self, name: str, **more: str) -> Iterator[Path]:
        """Start a service without waiting for it, hand over its log file, and stop it at the end.

        `more` are further variables of its environment.
        """
        log = self.layout.log(name)
        log.unlink(missing_ok=True)
        process = processes.spawn([sys.executable, "-m", MODULES[name]], log=log, environment=self.environment | more)
        self.pids[name] = process.pid
        try:
            yield log
        finally:
            processes.stop(process, seconds=20)

    @asynccontextmanager
    async def running(self, *names: str, **more: str) -> AsyncIterator[None]:
        """Run services for the length of a `with`, from the moment that all are ready."""
        with contextlib.ExitStack() as stack:
            for name in names:
                stack.enter_context(self.spawned(name, **more))
            for name in names:
                await self.ready(name)
            yield

    async def ready(self, name: str) -> None:
        """Wait until a service says that it is ready."""
        deadline = time.monotonic() + 60
        async with httpx.AsyncClient(trust_env=False) as client:
            while time.monotonic() < deadline:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"{self.address(name)}/health/ready")).status_code == httpx.codes.OK:
                        return
                await asyncio.sleep(0.05)
        raise TimeoutError(f"{name} is not ready:\n{processes.last_lines(self.layout.log(name))}")


@asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    """Start the servers in a new directory with an empty database and empty topics; remove all of it at the end."""
    with tempfile.TemporaryDirectory(prefix="pcare-bench-") as name:
        directory = Path(name)
        with running_kafka(directory / "kafka") as kafka, running_postgres(directory / "postgres") as postgres:
            made = Stand(kafka.bootstrap_servers, postgres.dsn, Layout.choose(directory))
            keys.new(made.layout.key)
            with topics.admin_of({"bootstrap_servers": kafka.bootstrap_servers}) as admin:
                topics.create(admin, read_plan())
            migration = Service("migrate", ["-m", "pcare_recorder.migrate"], made.layout.log("migrate"))
            await Supervisor(made.environment).run_to_end(migration)
            yield made


def in_a_process_of_its_own(script: str, *arguments: str) -> dict[str, float]:
    """Run a script beside this file and return the JSON of its last line, so that nothing shares its interpreter."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return result
