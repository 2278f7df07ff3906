"""Starts the services, notices when one ends by itself, and stops them in order."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from pcare_local import processes

SECONDS_TO_READY = 90.0
SECONDS_TO_STOP = 15.0  # a service is gone within 10 s of SIGTERM
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Service:
    """A program to run: `arguments` of this Python, and the base address of its probes if it has any.

    `may_end`: it is done at some time, which is no fault when its exit status is 0.
    """

    name: str
    arguments: Sequence[str]
    log: Path
    address: str | None = None
    may_end: bool = False


@dataclass(slots=True)
class Watched:
    """Something that must not end by itself: `is_running` tells, `log` says why not."""

    name: str
    is_running: Callable[[], bool]
    log: Callable[[], Path]


@dataclass(slots=True)
class Supervisor:
    """The running services, in the order of their start."""

    environment: Mapping[str, str]
    _running: list[tuple[Service, subprocess.Popen[bytes]]] = field(default_factory=list)
    _watched: list[Watched] = field(default_factory=list)

    def watch(self, watched: Watched) -> None:
        """Notice when something else, such as a server, ends by itself."""
        self._watched.append(watched)

    def start(self, service: Service) -> subprocess.Popen[bytes]:
        """Start a service and return at once. Its log of the run before is kept beside it, ending in `.1`."""
        if service.log.exists():
            service.log.replace(service.log.with_name(service.log.name + ".1"))
        command = [sys.executable, *service.arguments]
        process = processes.spawn(command, log=service.log, environment=self.environment)
        self._running.append((service, process))
        return process

    async def run_to_end(self, service: Service) -> None:
        """Start a service and wait for its end. Raises ProcessError unless it succeeds."""
        process = self.start(service)
        while process.poll() is None:
            await asyncio.sleep(POLL_SECONDS)
            self.check(apart_from=service.name)
        self._running = [entry for entry in self._running if entry[1] is not process]
        if process.returncode != 0:
            raise processes.failed(service.name, f"ended with status {process.returncode}", service.log)

    async def wait_until_ready(self) -> None:
        """Wait until every service that has an address is ready. Raises ProcessError for one that is not in time."""
        waiting = {service.address: service for service, _ in self._running if service.address is not None}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SECONDS_TO_READY
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
            while waiting:
                self.check()
                for address, service in list(waiting.items()):
                    reason = await _not_ready(client, address)
                    if reason is None:
                        del waiting[address]
                    elif loop.time() > deadline:
                        raise processes.failed(service.name, f"is not ready in time: {reason}", service.log)
                await asyncio.sleep(POLL_SECONDS)

    def check(self, *, apart_from: str | None = None) -> None:
        """Raise ProcessError, naming it, if anything ended by itself."""
        for service, process in self._running:
            status = process.poll()
            if service.name != apart_from and status is not None and (status != 0 or not service.may_end):
                raise processes.failed(service.name, f"ended with status {status}", service.log)
        for watched in self._watched:
            if not watched.is_running():
                raise processes.failed(watched.name, "ended by itself", watched.log())

    async def stop(self) -> list[str]:
        """Stop the services, the last one started first, each before the next; may be called again.

        Returns the names of those that did not end in order then.
        """
        unruly = []
        while self._running:
            service, process = self._running.pop()
            if process.poll() is not None:
                continue
            status = await asyncio.to_thread(processes.stop, process, seconds=SECONDS_TO_STOP)
            if status not in {0, -signal.SIGTERM}:  # asked before it could listen, a service just ends
                unruly.append(service.name)
        return unruly


async def _not_ready(client: httpx.AsyncClient, address: str) -> str | None:
    """Return None once a service says that it is ready, else what it says is missing."""
    try:
        answer = await client.get(f"{address}/health/ready")
    except httpx.TransportError as error:
        return f"it does not answer ({type(error).__name__})"
    return None if answer.status_code == httpx.codes.OK else answer.text[:500]
