"""The audit trail is a chain that the database makes: whoever writes, in the order of commits."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from backends import Backend
from database_logins import logins
from pcare_recorder import migrate
from pcare_recorder.acts import By
from system import database

pytestmark = pytest.mark.integration

ADD = "INSERT INTO pcare.acts (who, what, why) VALUES ('ada', $1, 'a test') RETURNING number"
CHAIN = """
SELECT c.position, a.what, c.previous, c.hash, pcare.act_hash(c.previous, c.position, a) AS right
FROM pcare.acts_chain AS c JOIN pcare.acts AS a ON a.number = c.act ORDER BY c.position
"""
PUT_DOWN = "SELECT pcare.put_down_audit('ada', $1, 'a test', '{}')"


@pytest.fixture
async def dsn(backend: Backend) -> AsyncIterator[str]:
    async with database(backend.dsn) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            await migrate.apply(connection)
        finally:
            await connection.close()
        yield dsn


async def in_transaction(connection: asyncpg.Connection, statement: str) -> None:
    async with connection.transaction():
        await connection.execute(statement)


async def chain(connection: asyncpg.Connection) -> list[str]:
    """Return what was done in the order of the chain, each of whose links is right."""
    rows = await connection.fetch(CHAIN)
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["previous"] for row in rows] == [bytes(32), *(row["hash"] for row in rows[:-1])][: len(rows)]
    assert all(row["hash"] == row["right"] for row in rows)
    head = await connection.fetch("SELECT * FROM pcare.acts_head()")
    assert [tuple(row) for row in head] == [(row["position"], row["hash"]) for row in rows[-1:]]
    return [row["what"] for row in rows]


async def test_acts_are_chained_in_the_order_in_which_they_are_committed(dsn: str) -> None:
    one, other = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        assert await chain(one) == []
        async with one.transaction():
            first = await one.fetchval(ADD, "first-begun")
            # nobody waits for a transaction that has written its act and goes on
            second = await asyncio.wait_for(other.fetchval(ADD, "first-done"), 5)
        taken_back = one.transaction()
        await taken_back.start()
        await one.fetchval(ADD, "never-done")
        await taken_back.rollback()
        await one.fetchval(ADD, "last")
        assert first < second
        assert await chain(one) == ["first-done", "first-begun", "last"]
    finally:
        await one.close()
        await other.close()


async def test_many_at_once_make_one_chain(dsn: str) -> None:
    async with asyncpg.create_pool(dsn, min_size=8, max_size=8) as pool:
        await asyncio.gather(*(pool.fetchval(ADD, f"done-{number}") for number in range(200)))
        async with pool.acquire() as connection:
            assert sorted(await chain(connection)) == sorted(f"done-{number}" for number in range(200))


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_a_transaction_that_cannot_see_the_head_is_told_to_do_it_again(dsn: str, isolation: str) -> None:
    one, other = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        begun = one.transaction(isolation=isolation)
        await begun.start()
        await one.fetchval("SELECT count(*) FROM pcare.acts")
        await other.fetchval(ADD, "meanwhile")
        await one.fetchval(ADD, "tried")
        with pytest.raises(asyncpg.SerializationError, match="do it again"):
            await begun.commit()
        async with one.transaction(isolation=isolation):
            await one.fetchval(ADD, "tried again")
        assert await chain(one) == ["meanwhile", "tried again"]
    finally:
        await one.close()
        await other.close()


async def test_acts_of_an_earlier_release_are_chained_by_their_numbers(backend: Backend) -> None:
    known = migrate.migrations()
    before = [one.name for one in known].index("trail")
    async with database(backend.dsn) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            await migrate._apply_missing(connection, known[:before])
            for number in range(5):
                await connection.fetchval(ADD, f"done-{number}")
            # each file that is applied is put down in the transaction that applies it
            await migrate.apply(connection, by=By("a test", "ada"))
            later = len(known) - before
            done = [f"done-{number}" for number in range(5)]
            assert await chain(connection) == [*done, *["database-migrated"] * later, "kpi-reference-changed"]
            await migrate.apply(connection, by=By("a test", "ada"))
            assert len(await chain(connection)) == len(done) + later + 1  # nothing was changed
        finally:
            await connection.close()


async def test_nobody_but_the_database_makes_the_chain(dsn: str) -> None:
    owner = await asyncpg.connect(dsn)
    try:
        await owner.fetchval(ADD, "done")
        for change in (
            "UPDATE pcare.acts_chain SET hash = previous",
            "DELETE FROM pcare.acts_chain",
            "TRUNCATE pcare.acts_chain",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await owner.execute(change)
        async with logins(dsn) as made:
            for name, login in made.items():
                connection = await asyncpg.connect(login, server_settings={"default_transaction_read_only": "off"})
                try:
                    for forged in (
                        "INSERT INTO pcare.acts_chain SELECT 2, act, previous, hash FROM pcare.acts_chain",
                        "LOCK TABLE pcare.acts_chain IN SHARE MODE",
                        "SELECT pcare.admit_auditors()",
                    ):
                        with pytest.raises(asyncpg.InsufficientPrivilegeError):
                            await in_transaction(connection, forged)
                    if name == "operator":
                        await connection.fetchval(ADD, "done by an operator")
                finally:
                    await connection.close()
        assert await chain(owner) == ["done", "done by an operator"]
    finally:
        await owner.close()


async def test_auditors_and_operators_put_down_an_audit_and_nothing_else(dsn: str) -> None:
    owner = await asyncpg.connect(dsn)
    try:
        async with logins(dsn) as made:
            for name, login in made.items():
                connection = await asyncpg.connect(login, server_settings={"default_transaction_read_only": "off"})
                try:
                    if name not in ("auditor", "operator"):
                        with pytest.raises(asyncpg.InsufficientPrivilegeError):
                            await connection.fetchval(PUT_DOWN, "audit-replay")
                        continue
                    number = await connection.fetchval(PUT_DOWN, "audit-replay")
                    logged = await owner.fetchval("SELECT login FROM pcare.acts WHERE number = $1", number)
                    assert logged == await connection.fetchval("SELECT session_user")
                    for other in ("keys-rotated", "audit-", "audit-x\nkeys-rotated", ""):
                        with pytest.raises(asyncpg.InsufficientPrivilegeError):
                            await connection.fetchval(PUT_DOWN, other)
                    with pytest.raises(asyncpg.ProgramLimitExceededError):
                        await connection.fetchval(
                            "SELECT pcare.put_down_audit('ada', 'audit-replay', $1, '{}')", "long" * 1000
                        )
                finally:
                    await connection.close()
        assert await chain(owner) == ["audit-replay", "audit-replay"]
    finally:
        await owner.close()
