"""Fixtures for every test of the repository: one broker and one database server for each worker."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "tests"))

from backends import Backend, running_backend
from secured import Secured, running_secured, stopping_clients
from system import System, running_system

settings.register_profile("busy", deadline=None)  # how long a case takes depends on what else runs
settings.load_profile("busy")

if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    # Ports are chosen some time before they are bound: no other worker, nor the kernel, may choose the same meanwhile.
    first = 11_000 + 4_000 * (int(worker.removeprefix("gw")) % 5)
    os.environ["PCARE_TEST_PORTS"] = f"{first}-{first + 3_999}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what takes minutes begin first and unit tests come last, so that all workers end at about the same time."""
    items.sort(key=lambda item: (item.get_closest_marker("integration") is None, "test_proof_" not in item.nodeid))


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Run real Kafka and real PostgreSQL until the last test has ended."""
    with running_backend(tmp_path_factory.mktemp("backend")) as running:
        yield running


@pytest.fixture
async def system(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """Topics, a database and processes for one test."""
    async with running_system(backend, tmp_path_factory.mktemp("system")) as running:
        yield running


@pytest.fixture(scope="session")
def secured_cluster(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Run brokers with authorization on; let in the services, people and two providers by the commands that do it."""
    with running_secured(backend, tmp_path_factory.mktemp("secured")) as running:
        for name in ("ingest", "recorder", "kpi-aggregator", "auditor", "sealer", "operator"):
            running.change("kafka", "add", name)
        for code in ("RKE", "ral"):
            running.change("providers", "kafka", "add", code)
        yield running


@pytest.fixture
def secured(secured_cluster: Secured) -> Iterator[Secured]:
    """Return the cluster with authorization on; what a test leaves running of its clients is stopped after it."""
    with stopping_clients():
        yield secured_cluster
