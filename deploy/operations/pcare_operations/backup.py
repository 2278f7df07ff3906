"""`make backup`: one file that has all of PostgreSQL that is pcare's, read back before it is called done."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pcare_operations import statements
from pcare_operations.archive import OWNER_ONLY, Archive, ArchiveWriter, digest_of, in_chunks
from pcare_operations.errors import OperationError
from pcare_operations.server import MAINTENANCE, Server

DUMP, ROLES, ABOUT = "database.dump", "roles.sql", "about.json"
FORMAT = 1
REHEARSAL = "pcare_rehearsal"

Say = Callable[[str], None]


def back_up(server: Server, directory: Path, *, now: dt.datetime, rehearse: bool, say: Say) -> Path:
    """Write a backup into a directory, and return its file. Takes no lock that would hold up the recorder.

    All is of one instant: the dump and the numbers of rows beside it. With `rehearse` it is restored into a database
    of its own and counted, which takes room and time. Raises OperationError where anything is not as it should be.
    """
    path = directory / f"pcare-{now:%Y%m%dT%H%M%SZ}.tar"
    with ArchiveWriter(path) as writer, server.session() as session:
        session.do("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        about = statements.contents(session) | {"format": FORMAT, "made_at": now.isoformat()}
        snapshot = session.ask("SELECT pg_export_snapshot()")
        words = ("--format=custom", f"--snapshot={snapshot}", f"--dbname={server.database}")
        with server.reading("pg_dump", *words) as dump:
            size = writer.add(DUMP, in_chunks(dump))
        writer.add(ROLES, [statements.roles(server).encode()])
        writer.add(ABOUT, [json.dumps(about, indent=2).encode()])
    check(server, path)
    if rehearse:
        restore_into(server, path, REHEARSAL)
        statements.drop(server, REHEARSAL)
    _write_sum(path)
    rows = about["rows"]
    say(
        f"{path}: {size:,} bytes of dump; migration {about['migration']:04d}, {rows['interventions']:,} events, "
        f"{rows.get('rejections', 0):,} rejections, {rows.get('acts', 0):,} acts; "
        + ("restored once beside the database and counted." if rehearse else "read back, checksums hold.")
    )
    return path


def check(server: Server, path: Path) -> dict[str, Any]:
    """Read a whole backup, as pg_restore would, and return what it says about itself."""
    archive = Archive(path)
    archive.check()
    about: dict[str, Any] = json.loads(archive.read(ABOUT))
    if about["format"] != FORMAT:
        raise OperationError(
            f"{path} is of form {about['format']}, this release reads {FORMAT}. Use the one that made it."
        )
    with server.writing("pg_restore", "--file=/dev/null") as sink:
        for chunk in archive.chunks(DUMP):
            sink.write(chunk)
    return about


def restore_into(server: Server, path: Path, database: str) -> dict[str, Any]:
    """Make a new database of a backup, and compare its numbers of rows with those in the backup. Return those.

    Nothing else is touched. Raises OperationError where they differ, and leaves the database for whoever looks.
    """
    archive = Archive(path)
    about: dict[str, Any] = json.loads(archive.read(ABOUT))
    statements.create(server, database)
    variables = {"database": database}
    server.query(archive.read(ROLES).decode(), database=MAINTENANCE, variables=variables)
    with server.writing("pg_restore", "--exit-on-error", f"--dbname={database}") as sink:
        for chunk in archive.chunks(DUMP):
            sink.write(chunk)
    server.query("ANALYZE", database=database)
    with server.session(database) as session:
        found = statements.contents(session)["rows"]
    if found != about["rows"]:
        differing = sorted(name for name in about["rows"] if found.get(name) != about["rows"][name])
        raise OperationError(f"{path} was restored into {database}, but not whole: {', '.join(differing)} differ.")
    return about


def keep_newest(directory: Path, number: int, say: Say) -> None:
    """Remove all but the newest backups of a directory."""
    for path in sorted(directory.glob("pcare-[0-9]*.tar"))[:-number]:
        path.unlink()
        path.with_name(path.name + ".sha256").unlink(missing_ok=True)
        say(f"removed {path}, as there are {number} newer ones")


def _write_sum(path: Path) -> None:
    """Put down the checksum of the whole file as `sha256sum --check` reads it, for whoever copies it."""
    with path.open("rb") as stream:
        digest = digest_of(stream)
    beside = path.with_name(path.name + ".sha256")
    beside.touch(mode=OWNER_ONLY)
    beside.write_text(f"{digest}  {path.name}\n")
