"""What the commands share that change the record by hand: who does it and why, the database, the audit trail."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
import orjson

from pcare_cli.console import fail
from pcare_common.postgres import PostgresSettings
from pcare_common.settings import load
from pcare_recorder.database import WRITERS
from pcare_schemas import identifiers

Result = TypeVar("Result")

CONNECT_SECONDS = 10.0


def who_and_why(who: str | None, why: str | None) -> tuple[str, str]:
    """Return who does something and why; ends the process with status 2 where that is not said."""
    if not (why or "").strip():
        fail("Say why, for the audit trail: --why '...'.", status=2)
    try:
        name = (who or getpass.getuser()).strip()
    except (KeyError, OSError):  # a container may run under a number that has no name
        name = ""
    if not name:
        fail("Say who does it, for the audit trail: --who NAME.", status=2)
    if identifiers.find(f"{name}\n{why}"):
        fail(
            "--who or --why holds an NHS number, which the audit trail would keep for ever. Say it without; and take "
            "this command out of your shell's history.",
            status=2,
        )
    return name, str(why).strip()


def with_database(work: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
    """Connect to the database of PCARE_POSTGRES_DSN and do `work`.

    Ends the process with one line and status 1 when PostgreSQL does not answer or refuses.
    """
    dsn = load(PostgresSettings).postgres_dsn.get_secret_value()
    try:
        return asyncio.run(_connected(dsn, work))
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        fail("The database is not up to date. Run `pcare migrate`, then try again.")
    except asyncpg.InsufficientPrivilegeError as error:
        fail(
            f"PostgreSQL refuses: {error}. A provider's login lists, shows and counts its own rejections, and can do "
            "nothing else; the rest is the operators'."
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        fail(f"PostgreSQL did not do it: {type(error).__name__}: {error}. Is PCARE_POSTGRES_DSN right, does it run?")


async def _connected(dsn: str, work: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
    connection = await asyncpg.connect(
        dsn, timeout=CONNECT_SECONDS, server_settings={"application_name": "pcare", "timezone": "UTC"}
    )
    try:
        return await work(connection)
    finally:
        await connection.close()


async def not_while_rebuilding(connection: asyncpg.Connection) -> None:
    """Let no rebuild begin until the transaction ends; ends the process with status 1 where one is under way.

    What is changed beside a rebuild may be made of half of the rows.
    """
    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock_shared($1)", WRITERS):
        fail("The database is being rebuilt. Try again when that has ended. Nothing was changed.")


async def add_act(connection: asyncpg.Connection, *, who: str, what: str, why: str, details: dict[str, Any]) -> int:
    """Write into the audit trail what a person does, and return its number. Call it in the transaction that does it."""
    number: int = await connection.fetchval(
        "INSERT INTO pcare.acts (who, what, why, details) VALUES ($1, $2, $3, $4) RETURNING number",
        who,
        what,
        why,
        orjson.dumps(details).decode(),
    )
    return number
