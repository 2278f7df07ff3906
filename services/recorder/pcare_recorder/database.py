"""The recorder's one connection to PostgreSQL, made anew whenever it is lost."""

import contextlib

import asyncpg

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 60.0

_SESSION = {
    "application_name": "pcare-recorder",
    # A copy that is stopped in the middle of a transaction must not hold its locks against the one that takes over.
    "idle_in_transaction_session_timeout": "30s",
    "lock_timeout": "40s",
    "statement_timeout": "50s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
    # Every statement of the recorder is a lookup by key. Before the first statistics are there, the planner takes a
    # table for small, and the plan that it then keeps would read all of it for each batch.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


async def connect(dsn: str) -> asyncpg.Connection:
    """Open a connection with the recorder's session settings. Raises what asyncpg raises."""
    return await asyncpg.connect(
        dsn, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS, server_settings=_SESSION
    )


class Database:
    """Hands out one connection. Nothing here retries: a lost connection shows as an error of the statement in hand."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None

    async def connection(self) -> asyncpg.Connection:
        """Return the open connection, or open one. Raises what asyncpg raises when that fails."""
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
