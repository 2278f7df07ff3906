"""How the doctor gets to Kafka, PostgreSQL and HTTP: read-only, with a bound on every answer.

It joins no consumer group, its sessions of PostgreSQL refuse to write, and its requests store nothing.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
from kafka import KafkaAdminClient

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 8.0
MILLISECONDS = 1000

Result = TypeVar("Result")


class UnseenError(Exception):
    """Something could not be looked at. `do` says what would let it; `failed`, that it was meant to be seen."""

    def __init__(self, why: str, do: str = "", *, failed: bool = False) -> None:
        super().__init__(why)
        self.do = do
        self.failed = failed


async def with_admin(options: Mapping[str, Any], work: Callable[[KafkaAdminClient], Result]) -> Result:
    """Connect to Kafka and do `work`, which may block, in a thread. Raises KafkaError."""

    def connected() -> Result:
        admin = KafkaAdminClient(
            client_id="pcare-doctor",
            bootstrap_timeout_ms=int(CONNECT_SECONDS * MILLISECONDS),
            request_timeout_ms=int(ANSWER_SECONDS * MILLISECONDS),
            **options,
        )
        try:
            return work(admin)
        finally:
            admin.close()

    return await in_thread(connected)


async def in_thread(work: Callable[[], Result]) -> Result:
    """Do what blocks in a thread that keeps nobody from ending: a client that hangs is left behind."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # there is one where there is no error

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed over to whoever waits
            failure = error
        with contextlib.suppress(RuntimeError):  # nobody waits any more: the loop is closed
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, daemon=True, name="doctor").start()
    return await done


@asynccontextmanager
async def reading(dsn: str, *, answer_seconds: float = ANSWER_SECONDS) -> AsyncIterator[asyncpg.Connection]:
    """Connect to PostgreSQL for a session that cannot write. Raises OSError and what asyncpg raises."""
    connection = await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=answer_seconds,
        server_settings={
            "application_name": "pcare-doctor",
            "timezone": "UTC",
            "default_transaction_read_only": "on",
            "statement_timeout": str(int(answer_seconds * MILLISECONDS)),
            "lock_timeout": "2s",
        },
    )
    try:
        yield connection
    finally:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            await connection.close(timeout=1.0)
        connection.terminate()


def http_client(
    authority: Path | None,
    *,
    seconds: float = ANSWER_SECONDS,
    base: str = "",
    headers: Mapping[str, str] | None = None,
) -> httpx.AsyncClient:
    """Return a client that trusts the given authority, or those that the machine does. Raises OSError."""
    return httpx.AsyncClient(
        base_url=base,
        headers=headers,
        timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
        verify=ssl.create_default_context(cafile=None if authority is None else str(authority)),
        trust_env=False,
    )
