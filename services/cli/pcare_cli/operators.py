"""What the commands share that change the record by hand: who does it and why, the database, the audit trail."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import asyncpg
import orjson
import typer
from pydantic import Field, SecretStr

from pcare_cli.console import fail
from pcare_cli.postgres_errors import in_words, not_countable
from pcare_common.errors import OperatorError
from pcare_common.postgres import PostgresSettings, tls_trouble
from pcare_common.settings import Settings, load
from pcare_recorder import acts
from pcare_recorder.acts import By
from pcare_recorder.database import WRITERS
from pcare_schemas import identifiers

Result = TypeVar("Result")

CONNECT_SECONDS = 10.0


class _PerhapsPostgres(Settings):
    postgres_dsn: SecretStr | None = Field(None, description="see `pcare_common.postgres`, which checks it")


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
    refuse_numbers(name, str(why))
    return name, str(why).strip()


def said_if_any(who: str | None, why: str | None) -> tuple[str | None, str | None]:
    """Return both as they were said, for a command that has words of its own for who says nothing."""
    refuse_numbers(who or "", why or "")
    return who, why


def refuse_numbers(*texts: str) -> None:
    """End the process with status 2 where what is about to go into the audit trail holds an NHS number."""
    if identifiers.find("\n".join(texts)):
        fail(
            "--who or --why holds an NHS number, which the audit trail would keep for ever. Say it without; and take "
            "this command out of your shell's history.",
            status=2,
        )


def with_database(work: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
    """Connect to the database of PCARE_POSTGRES_DSN and do `work`.

    Ends the process with one line and status 1 when PostgreSQL does not answer or refuses.
    """
    dsn = load(PostgresSettings).postgres_dsn.get_secret_value()
    with database_errors():
        return asyncio.run(_connected(dsn, work))


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn an error of PostgreSQL, or of the way to it, into one line and exit status 1."""
    try:
        yield
    except asyncpg.DataError as error:
        fail(not_countable(error))
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        fail("The database is not up to date. Run `pcare migrate`, then try again.")
    except asyncpg.InsufficientPrivilegeError as error:
        fail(
            f"PostgreSQL refuses: {error}. A provider's login lists, shows and counts its own rejections, and can do "
            "nothing else; the rest is the operators', whose logins have the role pcare_operator."
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if (told := tls_trouble(error)) is not None:
            fail(told)
        fail(f"PostgreSQL did not do it: {in_words(error)}. Is PCARE_POSTGRES_DSN right, does it run?")


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
    return await acts.add(connection, By(why, who), what, details)


def note_down(what: str, details: dict[str, Any], who: str | None, why: str | None, *, otherwise: str) -> None:
    """Write into the audit trail what was done to Kafka, where there is a database; `otherwise` is why, by default.

    What makes a system may be run before there is a database: it then says on standard error what was not put down.
    """
    by = acts.By.said(who, why, otherwise)
    dsn = load(_PerhapsPostgres).postgres_dsn

    async def work(connection: asyncpg.Connection) -> None:
        await acts.add(connection, by, what, details)

    try:
        if dsn is None:
            raise OperatorError("PCARE_POSTGRES_DSN is not set")  # noqa: TRY301 - said in one place
        asyncio.run(_connected(dsn.get_secret_value(), work))
    except (OperatorError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        told = str(error) if isinstance(error, OperatorError) else tls_trouble(error) or in_words(error)
        said = f"{what} {orjson.dumps(details).decode()}"
        typer.echo(f"Not in the audit trail ({told}). Keep this line: {said}", err=True)
