"""The watcher's connections to PostgreSQL: they read, and give up before they burden it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

CONNECT_SECONDS = 10.0
MARGIN_SECONDS = 5.0  # the server is to give up first: it then says so, and the connection is well


@dataclass(frozen=True, slots=True)
class Database:
    """Where the record is, and how long a statement may take."""

    dsn: str
    statement_seconds: float

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Connect for one look. What asyncpg raises goes on to the look."""
        connection = await asyncpg.connect(
            self.dsn,
            timeout=CONNECT_SECONDS,
            command_timeout=self.statement_seconds + MARGIN_SECONDS,
            server_settings={
                "application_name": "pcare-watch",
                "timezone": "UTC",
                "default_transaction_read_only": "on",
                "statement_timeout": f"{int(self.statement_seconds * 1000)}ms",
                "idle_in_transaction_session_timeout": "60s",
                "lock_timeout": "5s",
            },
        )
        try:
            yield connection
        finally:
            connection.terminate()
