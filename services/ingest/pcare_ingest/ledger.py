"""The audit trail of what ingest gives away: how many pseudonyms, and to whom; never whose.

An entry is written before anything is given. Where it cannot be, nothing is given.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import asyncpg
import orjson

from pcare_common import logs
from pcare_common.postgres import tls_trouble
from pcare_ingest.callers import Caller

CONNECT_SECONDS = 3.0
STATEMENT_SECONDS = 5.0
WAIT_SECONDS = 2.0
"""How long an entry may wait for those before it."""
MAX_WAITING = 64
WHAT = "pseudonyms-given"
WHY = "asked for at POST /pseudonyms"

_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

log = logs.get(__name__)


class NotAuditedError(Exception):
    """What was to be given is in no audit trail, so it must not be given. The message says why, without secrets."""


class Ledger(Protocol):
    """Keeps what was given."""

    async def pseudonyms(self, caller: Caller, number: int) -> None:
        """Write that a caller is given so many pseudonyms. Raises NotAuditedError."""
        ...

    async def close(self) -> None:
        """Let go of what is open."""
        ...


class PostgresLedger:
    """The audit trail in PostgreSQL, by a login of the role pcare_edge, which may only add to it.

    Entries are written one after the other. Only so many wait, and only so long: whoever waits holds a request that
    events need the room of.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def pseudonyms(self, caller: Caller, number: int) -> None:
        """Write it; returns when it is committed."""
        details = {"number": number, "credential": caller.credential}
        async with self._turn():
            try:
                connection = await self._connected()
                await connection.execute(
                    "SELECT edge.add_act($1, $2, $3, $4)", caller.name, WHAT, WHY, orjson.dumps(details).decode()
                )
            except _AWAY as error:
                self._drop()
                raise NotAuditedError(tls_trouble(error) or type(error).__name__) from error
            except RuntimeError as error:
                if "the handler is closed" not in str(error):  # uvloop's word for a connection that was just closed
                    raise
                self._drop()
                raise NotAuditedError(type(error).__name__) from error

    async def close(self) -> None:
        """Close the connection."""
        self._drop()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until nobody else writes. Raises NotAuditedError where that is not soon."""
        if self._waiting >= MAX_WAITING:
            raise NotAuditedError("too many wait for the audit trail")
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._lock.acquire()
        except TimeoutError:
            raise NotAuditedError("the audit trail did not answer those who asked before") from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._lock.release()

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            settings: dict[str, Any] = {"application_name": "pcare-ingest", "timezone": "UTC"}
            self._connection = await asyncpg.connect(
                self._dsn,
                timeout=CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                server_settings=settings,
                statement_cache_size=0,  # a pooler may give each statement another session
            )
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


class LogLedger:
    """The process's own log, where ingest listens on loopback only and has no database.

    Whoever a gateway on this machine lets in comes from loopback too: docs/keys.md says what the operator does then.
    """

    async def pseudonyms(self, caller: Caller, number: int) -> None:
        """Write it to the log, which every gift is written to anyway."""

    async def close(self) -> None:
        """Nothing is open."""


class NoLedger:
    """No audit trail: where others than this machine may ask, and there is no database, nothing is given."""

    async def pseudonyms(self, caller: Caller, number: int) -> None:  # noqa: ARG002 - nobody is given anything
        """Refuse."""
        raise NotAuditedError("PCARE_POSTGRES_DSN is not set")

    async def close(self) -> None:
        """Nothing is open."""


def ledger(dsn: str | None, *, loopback: bool) -> Ledger:
    """Return where ingest writes what it gives away."""
    if dsn is not None:
        return PostgresLedger(dsn)
    return LogLedger() if loopback else NoLedger()
