"""How the audit's commands reach the system: they read, and leave nothing behind but a line in the audit trail.

What reads cannot write, whatever login it is given: its sessions are read-only to PostgreSQL, and its consumers have
no group and commit no offset. The line in the trail has a connection of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson

from pcare_cli.operators import CONNECT_SECONDS, Result, database_errors, refuse_numbers, with_database
from pcare_common.postgres import PostgresSettings
from pcare_common.settings import load
from pcare_recorder.acts import By

DEFAULT_WHY = "an audit"


@asynccontextmanager
async def read_only(dsn: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the database of PCARE_POSTGRES_DSN, or of `dsn`, in a session that can change nothing."""
    connection = await asyncpg.connect(
        dsn or load(PostgresSettings).postgres_dsn.get_secret_value(),
        timeout=CONNECT_SECONDS,
        server_settings={
            "application_name": "pcare audit",
            "timezone": "UTC",
            "default_transaction_read_only": "on",
        },
    )
    try:
        yield connection
    finally:
        await connection.close()


def read(work: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
    """Connect to the database of PCARE_POSTGRES_DSN as `read_only` does, and do `work`.

    Ends the process with one line and status 1 when PostgreSQL does not answer or refuses.
    """

    async def connected() -> Result:
        async with read_only() as connection:
            return await work(connection)

    with database_errors():
        return asyncio.run(connected())


def put_down(what: str, details: dict[str, Any], *, who: str | None = None, why: str | None = None) -> int:
    """Add what an auditor did to the audit trail, and return the number of the act.

    `what` begins with `audit-`; `details` hold no identifier of a person. Ends the process with one line where the
    trail cannot be written: an audit that nobody can see afterwards is none.
    """
    by = By.said(who, why, DEFAULT_WHY)
    refuse_numbers(by.who, by.why)

    async def add(connection: asyncpg.Connection) -> int:
        async with connection.transaction():
            # an auditor's login begins as read only, beside what its role may do
            await connection.execute("SET TRANSACTION READ WRITE")
            number: int = await connection.fetchval(
                "SELECT pcare.put_down_audit($1, $2, $3, $4)", by.who, what, by.why, orjson.dumps(details).decode()
            )
        return number

    return with_database(add)
