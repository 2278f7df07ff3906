"""The system in containers: from nothing to well by one command, scaled, killed, closed, and over TLS."""

import os
from collections.abc import Callable
from pathlib import Path

from composed import WANTED, lacks, left_out
from proof_deploy.step import Step, by_tests
from proof_deploy.suites import play_tests
from proof_provider.checks import Checks

AREA = "Compose"
SECONDS = 3600.0
STARTS = "tests/test_compose.py::test_after_one_command_everything_is_well"


def _in_containers(words: str, path: str, lacks: Callable[[], str | None] = lacks) -> Step:
    async def play(checks: Checks, directory: Path) -> None:
        os.environ[WANTED] = "1"
        await play_tests(checks, directory, path)

    return Step(AREA, words, play, lacks, SECONDS)


def _lacks_grafana() -> str | None:
    if (reason := lacks()) is not None:
        return reason
    image = left_out().get("grafana")
    return f"no image {image} is here or can be fetched" if image else None


STEPS: tuple[Step, ...] = (
    by_tests(AREA, "Secrets and certificates are made once, whole, and for whom they are", "deploy/compose/tests"),
    _in_containers(
        "docker compose up from nothing: events are recorded and counted, three recorders share them, what is killed "
        "comes back, and nobody else gets in or sees a secret",
        "tests/test_compose.py",
    ),
    _in_containers("The same with TLS on every hop, and with new certificates", "tests/test_compose_tls.py"),
    _in_containers("Grafana starts with the rest, and is well", STARTS, _lacks_grafana),
)
