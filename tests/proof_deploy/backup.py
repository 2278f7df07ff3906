"""What is lost comes back, and an upgrade loses nothing: here, and in containers."""

import os
from pathlib import Path

from composed import WANTED, lacks
from proof_deploy.step import Step, by_tests
from proof_deploy.suites import play_tests
from proof_provider.checks import Checks

AREA = "Backup and upgrade"
IN_CONTAINERS = ("tests/test_withstands.py", "tests/test_receipts.py", "tests/test_three_ways.py")


async def _lose_it_in_containers(checks: Checks, directory: Path) -> None:
    os.environ[WANTED] = "1"
    await play_tests(checks, directory, "tests/test_operations_in_containers.py")


async def _on_the_images(checks: Checks, directory: Path) -> None:
    """Run part of what `make test-containers` runs: all of it takes as long as `make test`."""
    chosen = {"PCARE_TEST_BACKEND": "containers", "TESTCONTAINERS_RYUK_DISABLED": "true"}
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        await play_tests(checks, directory, *IN_CONTAINERS)
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


STEPS: tuple[Step, ...] = (
    by_tests(
        AREA,
        "A backup is whole or not there, comes back with its roles and rights, and a failure touches nothing",
        "deploy/operations/tests",
    ),
    by_tests(
        AREA,
        "PostgreSQL is lost, with a backup and without one: the log has every event, and all three counts agree",
        "tests/test_disaster.py",
    ),
    by_tests(
        AREA,
        "Kafka is lost: the log is made anew from the database, byte for byte, and no origin is given out twice",
        "services/recorder/tests/test_recorder_republish.py",
    ),
    by_tests(
        AREA,
        "A database that an earlier version filled goes on under this one, and nothing is missing",
        "tests/test_upgrade.py",
    ),
    Step(
        AREA,
        "In containers: backup, restore, PostgreSQL lost, Kafka lost, and an upgrade while a provider sends",
        _lose_it_in_containers,
        lacks,
        3600.0,
    ),
    Step(AREA, "The integration suite on the images of docker-compose.yml", _on_the_images, lacks, 3600.0),
)
