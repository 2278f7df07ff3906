"""What is done with `docker compose`, each command in one place.

It finds the project as `docker compose` itself does: by the working directory, COMPOSE_FILE, COMPOSE_PROJECT_NAME.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from pcare_operations.errors import OperationError

WAIT_SECONDS = 900
"""For services to become healthy: a kpi-aggregator reads the whole log before it is."""


class Compose:
    """The project of the working directory. Methods raise OperationError when `docker compose` fails."""

    def __init__(self, command: Sequence[str] = ("docker", "compose")) -> None:
        self.command = tuple(command)

    def services(self) -> dict[str, dict[str, Any]]:
        """Return the services of the chosen profiles, as `docker compose` understands them."""
        found: dict[str, dict[str, Any]] = json.loads(self.output("config", "--format", "json"))["services"]
        return found

    def copies(self, *, stopped: bool = False) -> dict[str, int]:
        """Return how many containers of each service run; or are there, with those that were stopped."""
        counted: dict[str, int] = {}
        for container in self.containers():
            if stopped or container["State"] == "running":
                counted[container["Service"]] = counted.get(container["Service"], 0) + 1
        return counted

    def containers(self) -> list[dict[str, Any]]:
        """Return what `docker compose ps` knows of each container, also of those that have ended."""
        lines = self.output("ps", "--all", "--format", "json").splitlines()
        found = [json.loads(line) for line in lines if line.strip()]
        return found[0] if found and isinstance(found[0], list) else found  # older releases print one array

    def run(self, service: str, *words: str, entrypoint: str | None = None) -> None:
        """Run a one-shot container of a service to its end, and show what it says."""
        chosen = [] if entrypoint is None else ["--entrypoint", entrypoint]
        self.call("run", "--rm", "--no-deps", "--quiet-pull", "-T", *chosen, service, *words)

    def up(self, services: Sequence[str], copies: Mapping[str, int], *, wait: bool = True) -> None:
        """Bring services up as the project has them now, with so many copies of each, and wait until all are healthy.

        Nothing that they depend on is touched.
        """
        scale = [word for name in services if name in copies for word in ("--scale", f"{name}={copies[name]}")]
        waiting = ["--wait", "--wait-timeout", str(WAIT_SECONDS)] if wait else []
        self.call("up", "--detach", "--no-deps", *waiting, *scale, *services)

    def stop(self, services: Sequence[str]) -> None:
        """Stop all copies of these services."""
        if services:
            self.call("stop", *services)

    def call(self, *words: str) -> None:
        """Run `docker compose` and let it say what it does."""
        status = self._run([*self.command, *words]).returncode
        if status:
            raise OperationError(f"`docker compose {' '.join(words)}` ended with {status}; what it said is above.")

    def output(self, *words: str) -> str:
        """Run `docker compose` and return what it prints."""
        done = self._run([*self.command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise OperationError(f"`docker compose {' '.join(words)}` failed: {str(done.stderr).strip()}")
        return str(done.stdout)

    def _run(self, command: Sequence[str], **how: Any) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, **how)
        except FileNotFoundError as error:
            raise OperationError(f"{error.filename} is not installed here; or name the database: --dsn.") from error
