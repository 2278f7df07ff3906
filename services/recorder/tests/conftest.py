"""Fixtures of the recorder's tests; makes the helpers beside the tests importable."""

import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from recorder_world import World

    from backends import Backend


@pytest.fixture
async def database(backend: "Backend") -> AsyncIterator[str]:
    """Make a database at the present schema, and drop it afterwards."""
    async with _database(backend) as dsn:
        yield dsn


@pytest.fixture
async def another_database(backend: "Backend") -> AsyncIterator[str]:
    """Make a second one."""
    async with _database(backend) as dsn:
        yield dsn


@pytest.fixture
async def world(backend: "Backend", database: str) -> "World":
    """Make the topics anew, and a database of the test's own."""
    from recorder_world import World, make_topics

    make_topics(backend.bootstrap_servers)
    return World(backend.bootstrap_servers, database)


@asynccontextmanager
async def _database(backend: "Backend") -> AsyncIterator[str]:
    from pcare_recorder import migrate

    name = f"recorder_{uuid.uuid4().hex[:8]}"
    dsn = f"{backend.dsn.rsplit('/', 1)[0]}/{name}"
    await _execute(backend.dsn, f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(dsn)
    await migrate.apply(connection)
    await connection.close()
    yield dsn
    await _execute(backend.dsn, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()
