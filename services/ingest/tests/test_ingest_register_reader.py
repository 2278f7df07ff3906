"""Following the register, with a PostgreSQL that answers what a test says; the real one is in tests/."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from credential_support import LONG_AGO, RKE
from ingest_support import RULES

from pcare_common.clock import FixedClock
from pcare_ingest import register_reader
from pcare_ingest.knowledge import Knowledge, UnknownError
from pcare_ingest.rate_limit import Granted
from pcare_ingest.register_reader import RegisterReader
from pcare_schemas.examples import RECEIVED
from pcare_schemas.register import LOCAL_SOURCE

COUNCIL = f"{LOCAL_SOURCE}a-council"


def provider(source: str = COUNCIL, kind: str = "council", rate: int | None = None) -> dict[str, Any]:
    ends: dict[str, Any] = dict.fromkeys(("valid_from", "valid_to", "successor", "kinds"))
    return {"source": source, "name": "of Dr Nobody", "kind": kind, **ends, "events_per_second": rate}


def api_key(id_: str, source: str = RKE) -> dict[str, Any]:
    kept = {"form": "api_key", "secret_sha256": bytes(32), "jwks": None, "valid_from": LONG_AGO, "expires_at": None}
    return {"id": id_, "source": source, **kept}


class Database:
    """What stands in the schema edge, behind every connection that is made. `error` is raised in place of an answer."""

    def __init__(self) -> None:
        self.state = (1, 1)
        self.register: list[dict[str, Any]] = []
        self.credentials: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.connections: list[Connection] = []

    async def connect(self, *_arguments: Any, **_settings: Any) -> "Connection":
        self.connections.append(Connection(self))
        return self.connections[-1]


class Connection:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.closed = False

    async def fetchrow(self, _statement: str) -> dict[str, int]:
        if self._database.error is not None:
            raise self._database.error
        register, credentials = self._database.state
        return {"register": register, "credentials": credentials}

    async def fetch(self, statement: str) -> list[dict[str, Any]]:
        return self._database.register if "edge.register" in statement else self._database.credentials

    @contextlib.asynccontextmanager
    async def transaction(self, **_settings: Any) -> AsyncIterator[None]:
        yield

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        self.closed = True


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    made = Database()
    monkeypatch.setattr(register_reader.asyncpg, "connect", made.connect)
    return made


def following() -> tuple[RegisterReader, Knowledge, FixedClock]:
    clock = FixedClock(RECEIVED)
    knowledge = Knowledge(RULES, clock, stale=60)
    return RegisterReader("postgresql://x/y", RULES, knowledge, poll=1, granted=Granted(100, 10)), knowledge, clock


async def test_a_credential_is_revoked_although_a_row_of_the_register_cannot_be_read(database: Database) -> None:
    reader, knowledge, clock = following()
    database.register, database.credentials = [provider(rate=7)], [api_key("lost"), api_key("good", COUNCIL)]
    await reader.look()
    rules = knowledge.rules

    clock.advance(dt.timedelta(seconds=50))
    database.state = (2, 2)
    database.register, database.credentials = [provider(kind="bakery")], [api_key("good", COUNCIL), api_key("new")]
    for _ in range(2):
        with pytest.raises(ValueError, match="bakery"):
            await reader.look()

    known = knowledge.providers()
    assert known.credentials.keys() == {"good", "new"}
    assert knowledge.rules is rules
    caller = known.caller(known.credentials["good"], clock.now())
    assert caller is not None
    assert (caller.name, caller.rate) == ("a-council", Granted(100, 10).rate(7)), "the last good register stays"
    assert knowledge.age() == 50
    clock.advance(dt.timedelta(seconds=11))
    with pytest.raises(UnknownError):
        knowledge.providers()

    database.register = [provider()]
    await reader.look()
    assert knowledge.age() == 0


async def test_credentials_alone_let_nobody_in_while_no_register_was_read(database: Database) -> None:
    reader, knowledge, _ = following()
    database.register, database.credentials = [provider(kind="bakery")], [api_key("new")]

    with pytest.raises(ValueError, match="bakery"):
        await reader.look()
    with pytest.raises(UnknownError):
        knowledge.providers()


def _dropped(reader: RegisterReader, _connection: Connection) -> None:
    reader.drop()


def _closed(_reader: RegisterReader, connection: Connection) -> None:
    connection.closed = True


@pytest.mark.parametrize("lose", [_dropped, _closed])
async def test_what_another_database_counts_alike_is_read(
    database: Database, lose: Callable[[RegisterReader, Connection], None]
) -> None:
    reader, knowledge, _ = following()
    database.credentials = [api_key("one")]
    await reader.look()
    database.credentials = [api_key("other")]
    await reader.look()
    assert knowledge.providers().credentials.keys() == {"one"}, "nothing moved, so nothing is read"

    lose(reader, database.connections[-1])
    await reader.look()

    assert len(database.connections) == 2
    assert knowledge.providers().credentials.keys() == {"other"}


class Lines:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.said = ""

    def info(self, event: str, **fields: Any) -> None:
        self.said += f"{event} {fields}\n"

    warning = info


async def told(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Let the reader run until it waits. Return what the readiness probe tells, and what the log says."""
    lines, waiting = Lines(), asyncio.Event()
    reader, knowledge, _ = following()

    async def sleep(_seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(register_reader, "log", lines)
    monkeypatch.setattr(register_reader.asyncio, "sleep", sleep)
    task = asyncio.create_task(reader.run())
    await waiting.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return knowledge.health().reasons[0], lines.said


async def test_health_tells_what_to_do_and_the_log_alone_what_the_database_said(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.error = asyncpg.InsufficientPrivilegeError("permission denied for the view of Dr Nobody")

    reason, said = await told(monkeypatch)

    assert "InsufficientPrivilegeError, SQLSTATE 42501" in reason
    assert "GRANT pcare_edge" in reason
    assert "Nobody" not in reason
    assert "permission denied for the view of Dr Nobody" in said


async def test_health_tells_what_to_do_and_the_log_alone_what_the_row_holds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.register = [provider(kind="bakery of Dr Nobody")]

    reason, said = await told(monkeypatch)

    assert "the table pcare.register holds what is not a provider" in reason
    assert "`pcare providers`" in reason
    assert "Nobody" not in reason
    assert "bakery of Dr Nobody" in said
