"""Connections to PostgreSQL: the recorder's one, made anew whenever it is lost, and the rebuild's."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from pcare_common.errors import OperatorError

CONNECT_SECONDS = 10.0
WRITERS = 0x70636177  # "pcaw": all recorders hold this lock together, a rebuild holds it alone


@dataclass(frozen=True, slots=True)
class Role:
    """What a connection is for: its session settings, its share of the lock, and what to say when that is not had."""

    settings: Mapping[str, str]
    statement_seconds: float | None
    lock: str
    refused: str


_KEEPALIVE = {
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
    "jit": "off",
}

RECORDING = Role(
    settings=_KEEPALIVE
    | {
        "application_name": "pcare-recorder",
        # A copy that is stopped in the middle of a transaction must not hold its locks against its successor.
        "idle_in_transaction_session_timeout": "30s",
        "lock_timeout": "40s",
        "statement_timeout": "50s",
        # Every statement of the recorder is a lookup by key. Before the first statistics are there, the planner takes
        # a table for small, and the plan that it then keeps would read all of it for each batch.
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
    },
    statement_seconds=60.0,
    lock="SELECT pg_try_advisory_lock_shared($1)",
    refused="The database is being rebuilt. Start the recorder when that has ended.",
)
REBUILDING = Role(
    settings=_KEEPALIVE | {"application_name": "pcare-rebuild"},
    statement_seconds=None,
    lock="SELECT pg_try_advisory_lock($1)",
    refused="A recorder is still connected to this database. Stop it, then rebuild.",
)


async def connect(dsn: str, role: Role = RECORDING) -> asyncpg.Connection:
    """Open a connection that has the role's settings and share of the lock for as long as it is open.

    Raises OperatorError when the lock is held otherwise, and what asyncpg raises.
    """
    connection = await asyncpg.connect(
        dsn, timeout=CONNECT_SECONDS, command_timeout=role.statement_seconds, server_settings=dict(role.settings)
    )
    try:
        if not await connection.fetchval(role.lock, WRITERS):
            raise OperatorError(role.refused)  # noqa: TRY301 - closed in one place, whatever went wrong
    except BaseException:
        connection.terminate()
        raise
    return connection


class Database:
    """Hands out one connection. Nothing here retries: a lost connection shows as an error of the statement in hand."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None

    async def connection(self) -> asyncpg.Connection:
        """Return the open connection, or open one. Raises as `connect` does."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn)
        return self._connection

    def drop(self) -> None:
        """Let go of the connection without asking the server: after an error nothing is known of its state."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """Close the connection in order, or drop it if that takes more than a second."""
        if self._connection is not None:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._connection.close(timeout=1.0)
            self.drop()
