"""Ingest follows the register of the real database, with a login that may read nothing more."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator

import asyncpg
import pytest

from backends import Backend
from edge_database import EdgeDatabase, edge_database
from pcare_common.clock import FixedClock, SystemClock
from pcare_ingest.knowledge import Knowledge, UnknownError
from pcare_ingest.rate_limit import Granted, Rate
from pcare_ingest.register_reader import RegisterReader
from pcare_schemas.examples import RECEIVED
from pcare_schemas.register import LOCAL_SOURCE
from pcare_schemas.rules import Rules

pytestmark = pytest.mark.integration

RULES = Rules.load()
COUNCIL = f"{LOCAL_SOURCE}a-council"
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


@pytest.fixture
async def database(backend: Backend) -> AsyncIterator[EdgeDatabase]:
    async with edge_database(backend.dsn) as made:
        yield made


def reader_of(dsn: str, knowledge: Knowledge) -> RegisterReader:
    return RegisterReader(dsn, RULES, knowledge, poll=0.05, granted=Granted(100, 10))


@contextlib.asynccontextmanager
async def looking(dsn: str, knowledge: Knowledge) -> AsyncIterator[RegisterReader]:
    reader = reader_of(dsn, knowledge)
    try:
        yield reader
    finally:
        reader.drop()


@contextlib.asynccontextmanager
async def following(dsn: str, knowledge: Knowledge) -> AsyncIterator[None]:
    task = asyncio.create_task(reader_of(dsn, knowledge).run())
    try:
        yield
        assert not task.done(), "the reader ended by itself"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(knowledge: Knowledge, reason: str | None) -> None:
    """Wait until the reader says `reason`; None: until all is well."""
    async with asyncio.timeout(30):
        while True:
            reasons = knowledge.health().reasons
            if (not reasons) if reason is None else (reasons and reason in reasons[0]):
                return
            await asyncio.sleep(0.02)


async def test_it_reads_providers_rates_and_credentials(database: EdgeDatabase) -> None:
    await database.add_provider(COUNCIL, kind="council", rate=7)
    key = await database.add_key(COUNCIL)
    knowledge = Knowledge(RULES, SystemClock(), stale=60)

    async with looking(database.edge_dsn, knowledge) as reader:
        await reader.look()

    known = knowledge.providers()
    caller = known.caller(known.credentials[key.id], NOW)
    assert caller is not None
    assert (caller.name, caller.sources, caller.rate) == ("a-council", {COUNCIL}, Rate(7, 70))
    assert COUNCIL in knowledge.rules.register.by_source
    assert knowledge.rules.version != RULES.version


async def test_what_has_not_moved_is_seen_to_be_current_and_not_read_again(database: EdgeDatabase) -> None:
    clock = FixedClock(RECEIVED)
    knowledge = Knowledge(RULES, clock, stale=60)
    async with looking(database.edge_dsn, knowledge) as reader:
        await reader.look()
        known = knowledge.providers()
        clock.advance(dt.timedelta(seconds=50))
        await reader.look()

    assert knowledge.providers() is known
    assert knowledge.age() == 0
    assert knowledge.rules.version == RULES.version, "an empty table leaves the rules as they were"


async def test_a_provider_that_joins_and_a_credential_that_is_revoked_are_noticed(database: EdgeDatabase) -> None:
    knowledge = Knowledge(RULES, SystemClock(), stale=60)
    async with looking(database.edge_dsn, knowledge) as reader:
        await reader.look()
        await database.add_provider(COUNCIL)
        key = await database.add_key(COUNCIL)
        await reader.look()
        assert key.id in knowledge.providers().credentials

        await database.revoke(key.id)
        await reader.look()
    assert key.id not in knowledge.providers().credentials


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM pcare.credentials",
        "SELECT * FROM pcare.register",
        "SELECT * FROM pcare.subjects",
        "SELECT * FROM pcare.interventions",
        "SELECT * FROM analysis.interventions",
        "SELECT * FROM desk.acts",
        "UPDATE edge.credentials SET expires_at = NULL",
        "INSERT INTO edge.register (source) VALUES ('x')",
        "SELECT edge.add_act('me', 'provider-added', 'why', '{}')",
    ],
)
async def test_the_login_may_do_nothing_more(database: EdgeDatabase, statement: str) -> None:
    connection = await asyncpg.connect(database.edge_dsn)
    try:
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedTableError)):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_row_that_is_no_provider_stops_no_revocation(database: EdgeDatabase) -> None:
    await database.add_provider(COUNCIL)
    key = await database.add_key(COUNCIL)
    knowledge = Knowledge(RULES, SystemClock(), stale=60)
    async with looking(database.edge_dsn, knowledge) as reader:
        await reader.look()
        await database.add_provider(f"{LOCAL_SOURCE}bad", kind="bakery")
        await database.revoke(key.id)
        with pytest.raises(ValueError, match="bakery"):
            await reader.look()

    assert key.id not in knowledge.providers().credentials
    assert COUNCIL in knowledge.rules.register.by_source


async def test_a_row_that_is_no_provider_stops_nothing_and_is_named(database: EdgeDatabase) -> None:
    await database.add_provider(COUNCIL)
    knowledge = Knowledge(RULES, SystemClock(), stale=0.5)
    async with following(database.edge_dsn, knowledge):
        await until(knowledge, None)
        await database.add_provider(f"{LOCAL_SOURCE}bad", kind="bakery")
        await until(knowledge, "the table pcare.register holds what is not a provider")
        await database.connection.execute("DELETE FROM pcare.register WHERE kind = 'bakery'")
        await until(knowledge, None)

    assert COUNCIL in knowledge.rules.register.by_source


async def test_a_database_that_is_away_is_waited_for(backend: Backend, database: EdgeDatabase) -> None:
    await database.add_provider(COUNCIL)
    knowledge = Knowledge(RULES, SystemClock(), stale=0.5)
    async with following(database.edge_dsn, knowledge):
        await until(knowledge, None)
        try:
            await asyncio.to_thread(backend.kill_postgres)
            await until(knowledge, "PostgreSQL does not answer")
            with pytest.raises(UnknownError):
                knowledge.providers()
        finally:
            await asyncio.to_thread(backend.start_postgres)
        await until(knowledge, None)

    assert COUNCIL in knowledge.providers().register.by_source


async def test_whoever_may_not_read_is_told_what_to_do_and_no_password(
    backend: Backend, database: EdgeDatabase, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = database.dsn_of(database.login, "Wrong0Word0")
    await database.connection.execute(f"CREATE ROLE {database.login}_x LOGIN PASSWORD '{database.password}'")
    try:
        for dsn, advice in (
            (wrong, "Check user and password in PCARE_POSTGRES_DSN"),
            (database.dsn_of(f"{database.login}_x", database.password), "GRANT pcare_edge TO"),
            (backend.dsn, "Run `pcare migrate`"),
            (database.edge_dsn.rsplit("/", 1)[0] + "/nowhere", "Check the name of the database"),
            ("nonsense", "PCARE_POSTGRES_DSN cannot be used"),
        ):
            knowledge = Knowledge(RULES, SystemClock(), stale=60)
            async with following(dsn, knowledge):
                await until(knowledge, advice)
            said = knowledge.health().reasons[0] + "".join(capfd.readouterr())
            assert "Wrong0Word0" not in said
            assert database.password not in said
    finally:
        await database.connection.execute(f"DROP ROLE {database.login}_x")
