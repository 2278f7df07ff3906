"""Fixtures for every test of the repository: one broker and one database server for the whole run."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "tests"))

from backends import Backend, running_backend
from system import System, running_system


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
