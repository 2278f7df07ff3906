"""The system of docker-compose.yml in a project of its own: started, asked, and taken down with all that it kept."""

import functools
import hashlib
import json
import os
import secrets as random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from pcare_common.clock import SystemClock
from pcare_compose import certificates, secrets
from pcare_local.ports import free_ports

ROOT = Path(__file__).parents[1]
WANTED = "PCARE_TEST_CONTAINERS"
PORTS = ("KAFKA", "POSTGRES", "INGEST", "KPI", "PROMETHEUS", "GRAFANA")
SECONDS_TO_BUILD = 1200
SECONDS_TO_START = 900
SECONDS = 240.0
VERSION = f"test-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"
"""Another for each working copy, so that none runs the images of another."""

NEEDED = ("apache/kafka", "postgres", "prom/prometheus", "python")
"""Without these images nothing is shown. Without another, the service that runs it is left out."""


def lacks() -> str | None:
    """Return what this machine lacks to run the system in containers, in words; None if nothing."""
    if shutil.which("docker") is None or _docker("version", check=False).returncode:
        return "no Docker engine answers"
    if _docker("compose", "version", check=False).returncode:
        return "the Docker command has no `docker compose`"
    missing = [image for image in (*_images().values(), "python:3.13-slim") if not _to_be_had(image)]
    absent = [image for image in missing if image.split(":", 1)[0] in NEEDED]
    return f"no image {', '.join(absent)} is here or can be fetched" if absent else None


def left_out() -> dict[str, str]:
    """Return the services that cannot run here because their image is not to be had, with the image."""
    return {service: image for service, image in _images().items() if not _to_be_had(image)}


@functools.cache
def _images() -> dict[str, str]:
    """Return the image of each service that is not built here."""
    shown = _docker("compose", "--profile", "demo", "config", "--format", "json").stdout
    services = json.loads(shown)["services"]
    return {name: one["image"] for name, one in services.items() if not one["image"].startswith("pcare-")}


@functools.cache
def _to_be_had(image: str) -> bool:
    if _docker("image", "inspect", image, check=False).returncode == 0:
        return True
    return _docker("pull", "--quiet", image, check=False, seconds=600).returncode == 0


def _docker(*words: str, check: bool = True, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["docker", *words], cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    if check and done.returncode:
        raise RuntimeError(f"docker {' '.join(words)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done


class Composed:
    """One project, with secrets, volumes and ports of its own."""

    def __init__(self, directory: Path, *overlays: str) -> None:
        self.secrets = directory / "secrets"
        secrets.make(self.secrets)
        certificates.make(self.secrets, SystemClock().now())
        self.project = f"pcare-{random.token_hex(4)}"
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self._files = ("docker-compose.yml", *overlays)
        self._environment = {
            **os.environ,
            **{f"PCARE_{name}_PORT": str(port) for name, port in self.ports.items()},
            "PCARE_COMPOSE_SECRETS": str(self.secrets),
            "PCARE_VERSION": VERSION,
            "PCARE_DEMO_HISTORY": "500",
            "PCARE_SEAL_SECONDS": "5",
        }

    def compose(self, *words: str, status: int | None = 0, seconds: float = SECONDS) -> str:
        """Type `docker compose …`, which is to end with `status` (None: with any), and return what it says."""
        files = [word for file in self._files for word in ("--file", file)]
        command = ["docker", "compose", "--project-name", self.project, *files, "--profile", "demo", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=seconds, check=False
        )
        if status is not None and done.returncode != status:
            tail = f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            raise RuntimeError(f"docker compose {' '.join(words)}: {done.returncode}\n{tail}\n{self.state()}")
        return done.stdout

    def build(self) -> None:
        """Build the images of this working copy."""
        self.compose("build", "--quiet", seconds=SECONDS_TO_BUILD)

    def up(self, *options: str) -> None:
        """Start all that can run here, and wait until it is well."""
        listed = self.compose("config", "--services").split()
        services = sorted({*listed} - left_out().keys())
        self.compose("up", "--detach", "--wait", *options, *services, seconds=SECONDS_TO_START)

    def down(self) -> None:
        """Take everything down, and what it kept."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "20", status=None)

    def containers(self, service: str | None = None) -> list[dict[str, Any]]:
        """Return what `docker inspect` says of each container, those that have ended too."""
        ids = self.compose("ps", "--all", "--quiet", *([service] if service else [])).split()
        found: list[dict[str, Any]] = json.loads(_docker("inspect", *ids).stdout) if ids else []
        return found

    def inspected(self) -> str:
        """Return all that `docker inspect` shows of the containers."""
        return json.dumps(self.containers())

    def logs(self) -> str:
        """Return all that the containers have written."""
        return self.compose("logs", "--no-color", seconds=60)

    def state(self) -> str:
        """Return what a person would look at first when something did not start."""
        lines = []
        for one in self.containers():
            state = one["State"]
            if state.get("Health", {}).get("Status") == "healthy" or (state["ExitCode"] == 0 and not state["Running"]):
                continue
            health = state.get("Health", {}).get("Log") or [{}]
            lines.append(f"{one['Name']}: {state['Status']} {state['ExitCode']}, {health[-1].get('Output', '')[-500:]}")
            lines.append(_docker("logs", "--tail", "5", one["Id"], check=False).stderr[-1500:])
        return "\n".join(lines)

    def secret(self, name: str) -> str:
        """Return what a file of secrets holds."""
        return (self.secrets / name).read_text(encoding="utf-8").strip()

    def address(self, name: str, scheme: str = "http") -> str:
        """Return the address by which this machine reaches what is published."""
        return f"{scheme}://127.0.0.1:{self.ports[name]}"

    def kafka_options(self, user: str) -> dict[str, Any]:
        """Return the connection options of kafka-python for a user, from this machine."""
        return {
            "bootstrap_servers": f"127.0.0.1:{self.ports['KAFKA']}",
            "ssl_cafile": str(self.secrets / "authority.pem"),
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": self.secret(f"kafka-{user}"),
        }

    def asked(self, query: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Ask Prometheus, and return each value by its labels."""
        answer = httpx.get(f"{self.address('PROMETHEUS')}/api/v1/query", params={"query": query}, timeout=30)
        found = answer.json()["data"]["result"]
        return {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in found}

    def total(self, query: str) -> float:
        """Ask Prometheus for a sum: nothing is 0."""
        return sum(self.asked(query).values())

    def until(self, what: Callable[[], Any], seconds: float = SECONDS) -> Any:
        """Ask until the answer is truthy, and return it; fail after so long, with the state of things."""
        deadline = time.monotonic() + seconds
        while True:
            found = what()
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come to hold: {found!r}\n{self.state()}")
            time.sleep(1.0)


def names(containers: Sequence[dict[str, Any]]) -> list[str]:
    """Return the service of each container."""
    return [one["Config"]["Labels"]["com.docker.compose.service"] for one in containers]


@contextmanager
def running(directory: Path, *overlays: str) -> Iterator[Composed]:
    """Build the images, start the system, and take it down at the end."""
    composed = Composed(directory, *overlays)
    try:
        composed.build()
        composed.up()
        yield composed
    finally:
        composed.down()
