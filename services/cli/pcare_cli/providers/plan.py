"""A change, worked out before it is done: what is said, what is written, and what goes into the audit trail."""

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import typer

from pcare_cli.console import fail
from pcare_cli.operators import add_act, with_database
from pcare_cli.providers import entries
from pcare_cli.providers.entries import Entries
from pcare_cli.providers.words import RefusedError
from pcare_cli.rules_in_force import of_files

Write = Callable[[asyncpg.Connection, int], Awaitable[None]]
"""Writes one thing; takes the number of its act."""


@dataclass(frozen=True, slots=True)
class Step:
    """One act: what it is called, its details, which never hold a secret, and how it is written."""

    what: str
    details: dict[str, Any]
    write: Write


@dataclass(slots=True)
class Plan:
    """What would be done and is said. `afterwards` is said only once it is done: what is shown once stands here."""

    steps: list[Step] = field(default_factory=list)
    says: list[str] = field(default_factory=list)
    afterwards: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something and why; `dry_run`: nothing is changed."""

    who: str
    why: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Now:
    """What a plan is made of: the database in a transaction of its own, the register, and its time."""

    connection: asyncpg.Connection
    entries: Entries
    instant: dt.datetime


Planner = Callable[[Now], Awaitable[Plan]]


def carry_out(planner: Planner, actor: Actor) -> None:
    """Make a plan and carry it out, with its acts, in one transaction, as the only one who does.

    Ends the process with one line and status 1 where the plan is refused; nothing is changed then.
    """
    files = of_files().register

    async def work(connection: asyncpg.Connection) -> Plan:
        async with connection.transaction():
            await entries.lock(connection)
            instant = await connection.fetchval("SELECT clock_timestamp()")
            plan = await planner(Now(connection, await entries.read(connection, files), instant))
            if not actor.dry_run:
                for step in plan.steps:
                    act = await add_act(connection, who=actor.who, what=step.what, why=actor.why, details=step.details)
                    await step.write(connection, act)
            return plan

    try:
        plan = with_database(work)
    except RefusedError as error:
        fail(str(error))
    for line in plan.says:
        typer.echo(line)
    if not plan.steps:
        typer.echo("Nothing was changed.")
    elif actor.dry_run:
        typer.echo("Nothing was done: this was a dry run.")
        return
    for line in plan.afterwards:
        typer.echo(line)
