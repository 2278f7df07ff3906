"""What the role of each program may do in the database, tried by real logins on every table that there is."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import pytest

from backends import Backend
from database_logins import logins
from pcare_recorder import migrate
from system import database

pytestmark = pytest.mark.integration

SCHEMAS = ("pcare", "analysis", "desk", "edge", "dashboards")
READ_BY = {  # beside the auditor, who reads everything
    "grafana": {"dashboards"},
    "ingest": {"edge"},
    "operator": {"desk"},
    "recorder": set[str](),
    "sealer": set[str](),
}
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
RELATIONS = """
SELECT n.nspname AS schema, c.relname AS name, c.oid
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1::text[]) AND c.relkind IN ('r', 'v', 'm', 'p') ORDER BY 1, 2
"""
OF_COLUMNS = frozenset({"SELECT", "INSERT", "UPDATE", "REFERENCES"})
GRANTED_TO_EVERYBODY = """
SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC' AND table_schema = ANY($1)
"""
CHANGES_THE_SCHEMA = (
    "CREATE TABLE pcare.mine (id integer)",
    "CREATE SCHEMA mine",
    "ALTER TABLE pcare.interventions ADD COLUMN mine text",
    "DROP TABLE pcare.rejections",
    "DROP VIEW analysis.interventions",
    "ALTER TABLE pcare.acts DISABLE TRIGGER append_only",
    "CREATE OR REPLACE FUNCTION edge.mine() RETURNS bigint LANGUAGE sql RETURN 1",
    "SELECT pcare.admit_roles()",
    "SELECT pcare.make_kpi_views()",
    "CREATE ROLE mine",
)


@asynccontextmanager
async def migrated(backend: Backend) -> AsyncIterator[tuple[asyncpg.Connection, dict[str, str]]]:
    """A database of this release: its owner's connection, and the DSN of each program's login."""
    async with database(backend.dsn) as dsn:
        owner = await asyncpg.connect(dsn)
        try:
            await migrate.apply(owner)
            async with logins(dsn) as made:
                yield owner, made
        finally:
            await owner.close()


@asynccontextmanager
async def logged_in(dsn: str, *, may_write: bool = False) -> AsyncIterator[asyncpg.Connection]:
    settings = {"default_transaction_read_only": "off"} if may_write else {}
    connection = await asyncpg.connect(dsn, server_settings=settings)
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def refused(what: str = "it") -> Iterator[None]:
    """Fail unless what is in the block is refused for lack of a right."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError:
        return
    raise AssertionError(f"{what} was allowed")


async def test_every_table_has_its_rights_decided(backend: Backend) -> None:
    async with migrated(backend) as (owner, _):
        tables = {row["name"] for row in await owner.fetch(RELATIONS, ["pcare"])}
        decided = {row["relation"] for row in await owner.fetch("SELECT relation FROM pcare.rights")}
        schemas = {
            row[0] for row in await owner.fetch("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^info'")
        }
    assert tables == decided, (
        "say in the migration that makes a table, by a row of pcare.rights, who may do what with it"
    )
    assert schemas <= {*SCHEMAS, "public"}, "decide in pcare.admit_roles who may read a new schema"


async def test_each_role_may_do_with_each_table_what_was_decided_and_nothing_else(backend: Backend) -> None:
    async with migrated(backend) as (owner, made):
        rights = {row["relation"]: row for row in await owner.fetch("SELECT * FROM pcare.rights")}
        relations = await owner.fetch(RELATIONS, SCHEMAS)
        assert len(relations) > len(rights)
        for name, dsn in made.items():
            async with logged_in(dsn, may_write=True) as connection:
                login = await connection.fetchval("SELECT current_user")
                for schema, relation, oid in relations:
                    decided = _decided(name, schema, rights.get(relation) if schema == "pcare" else None)
                    assert await _granted(owner, login, oid) == decided, f"{name} on {schema}.{relation}"
                    await _try(connection, f"{schema}.{relation}", decided)


def _decided(name: str, schema: str, rights: Mapping[str, str] | None) -> set[str]:
    """Read what was decided, in words of GRANT, as privileges; those of columns with a star."""
    if name == "auditor":
        return {"SELECT"}
    if rights is None or name not in ("recorder", "operator", "sealer"):
        return {"SELECT"} if schema in READ_BY[name] else set()
    grant, found = rights[name], set()
    while grant:
        verb = grant.split(",")[0].split("(")[0].strip()
        rest = grant[len(verb) :].lstrip()
        some = rest.startswith("(")
        found.add(f"{verb}*" if some else verb)
        grant = (rest[rest.index(")") + 1 :] if some else rest).lstrip(", ")
    return found


async def _granted(owner: asyncpg.Connection, login: str, relation: int) -> set[str]:
    """Ask the catalogue what a login may do with a relation, in the same words."""
    found = set()
    for privilege in PRIVILEGES:
        if await owner.fetchval("SELECT has_table_privilege($1::name, $2::oid, $3)", login, relation, privilege):
            found.add(privilege)
        elif privilege in OF_COLUMNS and await owner.fetchval(
            "SELECT has_any_column_privilege($1::name, $2::oid, $3)", login, relation, privilege
        ):
            found.add(f"{privilege}*")
    return found


async def _try(connection: asyncpg.Connection, relation: str, decided: set[str]) -> None:
    """What the catalogue says is what happens."""
    statements = {"SELECT": f"SELECT FROM {relation}", "DELETE": f"DELETE FROM {relation} WHERE false"}  # noqa: S608
    for privilege, statement in statements.items():
        if {privilege, f"{privilege}*"} & decided:
            await connection.execute(statement)
        elif privilege == "SELECT" or relation.startswith("pcare."):  # a view may not be one that rows go from
            with refused():
                await connection.execute(statement)


async def test_no_role_changes_the_schema_or_its_rights(backend: Backend) -> None:
    async with migrated(backend) as (owner, made):
        for name, dsn in made.items():
            async with logged_in(dsn, may_write=True) as connection:
                with contextlib.suppress(
                    asyncpg.InsufficientPrivilegeError
                ):  # else it is a warning, and grants nothing
                    await connection.execute("GRANT ALL ON pcare.subjects TO PUBLIC")
                for statement in CHANGES_THE_SCHEMA:
                    with refused(f"{name}: {statement}"):
                        await connection.execute(statement)
        assert await owner.fetchval(GRANTED_TO_EVERYBODY, SCHEMAS) == 0


async def test_what_is_recorded_is_changed_by_nobody(backend: Backend) -> None:
    async with migrated(backend) as (owner, made):
        change = "UPDATE pcare.interventions SET occurred_at = occurred_at"
        for dsn in made.values():
            async with logged_in(dsn, may_write=True) as connection:
                for statement in (change, "UPDATE pcare.acts SET why = 'another'", "DELETE FROM pcare.interventions"):
                    with refused():
                        await connection.execute(statement)
        async with logged_in(made["operator"]) as operator:
            forged = "INSERT INTO pcare.acts (who, login, what, why) VALUES ('ada', 'somebody', 'x', 'y')"
            with refused():
                await operator.execute(forged)
            await operator.execute("INSERT INTO pcare.acts (who, what, why) VALUES ('ada', 'x', 'y')")
            with refused():
                await operator.fetch("SELECT secret_sha256 FROM pcare.credentials")
            with refused():  # or a revocation could be kept from ingest
                await operator.execute("UPDATE pcare.register_state SET credentials = 0")
        assert str(await owner.fetchval("SELECT login FROM pcare.acts")).startswith("operator_")


async def test_an_auditor_writes_nothing_even_where_somebody_granted_it(backend: Backend) -> None:
    async with migrated(backend) as (owner, made):
        await owner.execute("GRANT INSERT ON pcare.rules TO pcare_auditor")
        write = "INSERT INTO pcare.rules VALUES ('mine', '{}')"
        async with logged_in(made["auditor"]) as auditor:
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await auditor.execute(write)
        await migrate.admit_roles(owner)  # takes back what was not decided
        async with logged_in(made["auditor"], may_write=True) as auditor:
            with refused():
                await auditor.execute(write)


async def test_an_owner_who_may_make_no_roles_is_told_what_an_administrator_runs(backend: Backend) -> None:
    login, missing = f"owner_{secrets.token_hex(4)}", f"pcare_auditor_{secrets.token_hex(4)}"
    async with database(backend.dsn) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(f"CREATE ROLE {login}")
            await connection.execute(f"GRANT CREATE ON DATABASE {dsn.rsplit('/', 1)[1]} TO {login}")
            await connection.execute(f"SET SESSION AUTHORIZATION {login}")
            await migrate.apply(connection)
            # the roles are the server's, and other tests need them: one that there is not stands for one of them
            made = await connection.fetchval("SELECT pg_get_functiondef('pcare.admit_roles'::regproc)")
            await connection.execute(
                made.replace("'pcare_auditor', 'pcare_grafana']", f"'{missing}', 'pcare_grafana']")
            )
            by_hand = await migrate.admit_roles(connection)
            assert by_hand == f"CREATE ROLE {missing} NOLOGIN;"
            may = "SELECT has_table_privilege('pcare_recorder', 'pcare.cursors', 'UPDATE')"
            assert await connection.fetchval(may), "those that are there have what they need all the same"
            await connection.execute("RESET SESSION AUTHORIZATION")
            await connection.execute(by_hand)
            await connection.execute(f"SET SESSION AUTHORIZATION {login}")
            assert await migrate.admit_roles(connection) is None
        finally:
            await connection.execute("RESET SESSION AUTHORIZATION")
            await connection.execute(f"DROP OWNED BY {login} CASCADE; DROP ROLE {login}")
            await connection.execute(f"DROP ROLE IF EXISTS {missing}")
            await connection.close()
