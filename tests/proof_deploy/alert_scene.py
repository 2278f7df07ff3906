"""A running system under a real Prometheus with the real rules, and what is seen of its alerts there.

Only how long an alert must hold is shortened, by reading the rule files: every expression is as in production.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from backends import running_backend
from prometheus_server import PrometheusServer
from proof_provider.checks import Checks
from system import Process, System, running_system

ROOT = Path(__file__).parents[2]
BATCH = {"content-type": "application/cloudevents-batch+json"}
SECONDS_TO_FIRE = 180.0
POLL_SECONDS = 0.5

JOBS = {"seal": "sealer"}
"""How Prometheus knows those whose name is another there."""

WATCHES_QUICKLY = {
    "PCARE_WATCH_SECONDS": "1",
    "PCARE_WATCH_SLOW_SECONDS": "1",
    "PCARE_WATCH_KPI_SECONDS": "3",
}


@dataclass
class Alerts:
    """What Prometheus says is firing. Of each alert that was seen its words and its runbook are looked at too."""

    prometheus: PrometheusServer
    checks: Checks
    seen: set[str] = field(default_factory=set)

    async def fires(self, name: str, *, severity: str | None = None, why: str) -> None:
        """Wait until an alert fires, and note whether it did."""
        found = await self._until(lambda firing: self._of(firing, name, severity))
        saw = "" if found else [one["labels"]["alertname"] for one in await self.prometheus.alerts()]
        if self.checks.that(f"{name} fires: {why}", found, f"not within {SECONDS_TO_FIRE:.0f} s; firing are {saw}"):
            self.seen.add(name)
            annotations = found[0]["annotations"]
            said = " ".join(annotations.values())
            self.checks.that(f"{name} says what it means", "<error" not in said and "summary" in annotations, said)
            runbook = ROOT / annotations["runbook_url"]
            self.checks.that(f"{name} has its runbook", runbook.is_file(), runbook)

    async def resolves(self, name: str, *, why: str) -> None:
        """Wait until an alert fires no more, and note whether it did so."""
        gone = await self._until(lambda firing: not self._of(firing, name, None))
        self.checks.that(f"{name} is over: {why}", gone, f"not within {SECONDS_TO_FIRE:.0f} s")

    async def _until(self, holds: Any) -> Any:
        deadline = time.monotonic() + SECONDS_TO_FIRE
        while time.monotonic() < deadline:
            if found := holds(await self.prometheus.alerts()):
                return found
            await asyncio.sleep(POLL_SECONDS)
        return None

    @staticmethod
    def _of(firing: list[dict[str, Any]], name: str, severity: str | None) -> list[dict[str, Any]]:
        return [
            one
            for one in firing
            if one["labels"]["alertname"] == name and severity in {None, one["labels"]["severity"]}
        ]


@dataclass
class Scene:
    """The system, its Prometheus, and what is seen there."""

    system: System
    alerts: Alerts
    checks: Checks
    directory: Path

    async def start(self, *names: str) -> list[Process]:
        """Start copies of services, and the watcher where it is named; have all scraped."""
        started = await self.system.start(*(name for name in names if name != "watch"))
        if "watch" in names:
            watch = self.system.add("watch")
            watch.environment |= WATCHES_QUICKLY | {
                "PCARE_WATCH_KPI_ADDRESS": self.system.one("kpi-aggregator").address,
                "PCARE_RECORDER_GROUP": self.system.group,
            }
            watch.start()
            await watch.ready()
            started.append(watch)
        self.scrape()
        return started

    def scrape(self) -> None:
        """Have every process scraped that was ever started, as a list of targets in production does."""
        addresses: dict[str, list[str]] = {}
        for process in self.system.processes:
            job = JOBS.get(process.name, process.name)
            addresses.setdefault(job, []).append(process.address.removeprefix("http://"))
        self.alerts.prometheus.scrape(addresses)

    async def send(self, events: Iterable[Mapping[str, Any]]) -> httpx.Response:
        """Hand a batch of events to ingest."""
        async with self.system.client("ingest") as client:
            return await client.post("/events", content=json.dumps(list(events)), headers=BATCH)

    async def sent(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Hand over a batch, each of which is to be accepted."""
        answer = await self.send(events)
        self.checks.that("a batch is accepted", answer.status_code in {200, 202}, answer.text)

    async def pcare(self, *arguments: str) -> str:
        """Run the command as an operator does, and return what it prints."""
        command = [sys.executable, "-m", "pcare_cli", *arguments, "--who", "proof", "--why", "to see an alert fire"]
        done = await asyncio.to_thread(
            subprocess.run, command, env=self.system.environment, capture_output=True, text=True, check=False
        )
        self.checks.that(f"`pcare {' '.join(arguments)}` does it", done.returncode == 0, done.stderr)
        return done.stdout


@asynccontextmanager
async def scene(checks: Checks, directory: Path, **environment: str) -> AsyncIterator[Scene]:
    """Run servers, topics, a database and Prometheus; the services are the scene's to start."""
    (directory / "system").mkdir()
    with running_backend(directory / "servers") as backend:
        async with running_system(backend, directory / "system") as system, watched(checks, directory) as alerts:
            system.environment |= environment
            yield Scene(system, alerts, checks, directory)


@asynccontextmanager
async def watched(checks: Checks, directory: Path) -> AsyncIterator[Alerts]:
    """Run Prometheus with the rules of production, whose waits are shortened."""
    (directory / "prometheus").mkdir()
    server = PrometheusServer(directory / "prometheus")
    server.shorten_waits()
    try:
        await server.start()
        yield Alerts(server, checks)
    finally:
        await server.close()


def cannot_mount() -> str | None:
    """Return what keeps this machine from having a small file system, or None."""
    if os.geteuid() != 0:
        return "a small file system to fill needs root"
    directory = Path("/dev/shm") / f"pcare-{os.getpid()}"  # noqa: S108 - a mount point, no file
    directory.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(directory)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            return "this machine may not mount a small file system"
        subprocess.run(["umount", str(directory)], check=True)
    finally:
        directory.rmdir()
    return None
