"""The database schema: numbered SQL files, applied in order, each once; and what the KPIs in SQL go by.

`python -m pcare_recorder.migrate` brings a database up to date and may be run again, and by several at once: after a
change of the catalogue or the targets it makes the database follow. The recorder itself only checks: it never changes
a schema behind an operator's back.
"""

import asyncio
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from pcare_common import settings
from pcare_common.errors import EXIT_CONFIGURATION, OperatorError
from pcare_common.postgres import tls_trouble
from pcare_recorder import acts, kpi_reference
from pcare_recorder.kpi_reference import KpiReference
from pcare_recorder.settings import MigrationSettings

COMMAND = "python -m pcare_recorder.migrate"
WHY = "brought up to date"
LOCK = 0x70636172  # "pcar": whoever migrates this database holds it

_TABLE = """
CREATE SCHEMA IF NOT EXISTS pcare;
CREATE TABLE IF NOT EXISTS pcare.schema_migrations (
    number      integer     PRIMARY KEY,
    name        text        NOT NULL,
    sha256      text        NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of migrations/: `0001_record.sql` is number 1, name `record`."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Return the checksum that is stored when the file is applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Applied:
    """What the database says was applied."""

    number: int
    name: str
    sha256: str


def migrations() -> tuple[Migration, ...]:
    """Return the migrations of this release, in order."""
    folder = files("pcare_recorder") / "migrations"
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return tuple(
        Migration(int(entry.name[:4]), entry.name[5:].removesuffix(".sql"), entry.read_text(encoding="utf-8"))
        for entry in found
    )


def pending(known: Sequence[Migration], applied: Sequence[Applied]) -> tuple[Migration, ...]:
    """Return what `applied` lacks of `known`.

    Raises OperatorError when the database was migrated by another or a changed release: its schema is then not the
    one this release was tested with, and guessing would risk the record.
    """
    by_number = {migration.number: migration for migration in known}
    for row in applied:
        migration = by_number.get(row.number)
        if migration is None:
            raise OperatorError(
                f"The database is newer than this release: it has migration {row.number:04d}_{row.name}. "
                "Run the release that made it, or a later one."
            )
        if migration.sha256 != row.sha256:
            raise OperatorError(
                f"Migration {row.number:04d}_{row.name} was applied with other content than this release has. "
                "Run the release that applied it; an applied migration is never edited."
            )
    done = {row.number for row in applied}
    return tuple(migration for migration in known if migration.number not in done)


async def apply(
    connection: asyncpg.Connection, reference: KpiReference | None = None, by: acts.By | None = None
) -> tuple[Migration, ...]:
    """Apply what is missing, each file in a transaction of its own, and return it; then write the reference.

    Without one, the built-in. With `by`, the audit trail tells of each change, and of a new database by one line.
    One at a time: a second caller waits, then finds nothing to do. Raises OperatorError as `pending` does, and where
    the database cannot hold every character.
    """
    await _refuse_other_encodings(connection)
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute(_TABLE)
        new = not await _applied(connection)
        missing = await _apply_missing(connection, migrations(), None if new else by)
        async with connection.transaction():
            reference = reference or KpiReference.load()
            changed = await kpi_reference.write(connection, reference)
            if by is not None and (new or changed):
                what = "database-made" if new else "kpi-reference-changed"
                await acts.add(connection, by, what, {"catalogue": reference.version, "migration": len(migrations())})
        return missing
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)


async def _apply_missing(
    connection: asyncpg.Connection, known: Sequence[Migration], by: acts.By | None = None
) -> tuple[Migration, ...]:
    await connection.execute(_TABLE)
    missing = pending(known, await _applied(connection))
    for migration in missing:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO pcare.schema_migrations (number, name, sha256) VALUES ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.sha256,
            )
            if by is not None:
                details = {"migration": f"{migration.number:04d}_{migration.name}", "sha256": migration.sha256}
                await acts.add(connection, by, "database-migrated", details)
    return missing


async def admit_analysts(connection: asyncpg.Connection) -> str | None:
    """Let the role pcare_analyst read the views of `analysis`; return what an administrator has to run, if anything.

    The role is the server's, not the database's, so making it may be more than this user is allowed to do.
    """
    return await _admit(connection, "SELECT pcare.admit_analysts()")


async def admit_providers(connection: asyncpg.Connection) -> str | None:
    """Let the role pcare_provider read the views of `desk`; return likewise."""
    return await _admit(connection, "SELECT pcare.admit_providers()")


async def admit_edge(connection: asyncpg.Connection) -> str | None:
    """Let the role pcare_edge, a login of ingest's, read the schema `edge`; return likewise."""
    return await _admit(connection, "SELECT pcare.admit_edge()")


async def admit_roles(connection: asyncpg.Connection) -> str | None:
    """Let the roles of recorder, operators, auditors and Grafana do what `pcare.rights` says; return likewise.

    And auditors add to the audit trail. What is returned makes the roles; then this has to be called again.
    """
    by_hand = await _admit(connection, "SELECT pcare.admit_roles()")
    await _admit(connection, "SELECT pcare.admit_auditors()")
    return by_hand


async def _admit(connection: asyncpg.Connection, statement: str) -> str | None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        by_hand: str | None = await connection.fetchval(statement)
    return by_hand


async def check(connection: asyncpg.Connection) -> None:
    """Raise OperatorError, naming the command to run, unless the database is at this release's schema."""
    await _refuse_other_encodings(connection)
    exists = await connection.fetchval("SELECT to_regclass('pcare.schema_migrations') IS NOT NULL")
    missing = pending(migrations(), await _applied(connection) if exists else ())
    if missing:
        names = ", ".join(f"{migration.number:04d}_{migration.name}" for migration in missing)
        raise OperatorError(f"The database lacks {names}. Run `{COMMAND}`, then start again.")


async def _refuse_other_encodings(connection: asyncpg.Connection) -> None:
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":  # it would refuse good events for their letters, and they would be rejected
        raise OperatorError(
            f"The database keeps text as {encoding}, which lacks letters that events may hold. Make one with ENCODING "
            "'UTF8' and name it in PCARE_POSTGRES_DSN."
        )


async def _applied(connection: asyncpg.Connection) -> list[Applied]:
    rows = await connection.fetch("SELECT number, name, sha256 FROM pcare.schema_migrations ORDER BY number")
    return [Applied(row["number"], row["name"], row["sha256"]) for row in rows]


async def _run(dsn: str, reference: KpiReference, by: acts.By) -> None:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        for migration in await apply(connection, reference, by):
            sys.stdout.write(f"applied {migration.number:04d}_{migration.name}\n")
        for readers, by_hand in (
            ("analysts", await admit_analysts(connection)),
            ("providers", await admit_providers(connection)),
            ("copies of ingest", await admit_edge(connection)),
        ):
            if by_hand is not None:
                sys.stdout.write(
                    f"{readers} have no role yet, and this user may not create roles. For them to read the views, an "
                    f"administrator has to run, in this database: {by_hand}\n"
                )
        missing = await admit_roles(connection)
        if missing is not None:
            sys.stdout.write(
                "some programs have no role yet, and this user may not create roles. An administrator has to run: "
                f"{missing} Then run `pcare migrate` again, which grants them what they need.\n"
            )
        sys.stdout.write("the database is up to date\n")
    finally:
        await connection.close()


def main(who: str | None = None, why: str | None = None) -> None:
    """Bring the database of PCARE_POSTGRES_DSN up to date; exit 78 and say why when that cannot be done.

    `who` does it and `why` is for the audit trail.
    """
    given = settings.load(MigrationSettings)
    try:
        reference = KpiReference.load(given.kpi_catalogue, given.kpi_targets)
        asyncio.run(_run(given.postgres_dsn.get_secret_value(), reference, acts.By.said(who, why, WHY)))
    except (OperatorError, OSError, asyncpg.PostgresError) as error:
        sys.stderr.write(f"Cannot migrate the database: {tls_trouble(error) or error}\n")
        raise SystemExit(EXIT_CONFIGURATION) from error


if __name__ == "__main__":
    main()
