"""The command: what is looked through, and what is said of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import typer

from pcare_cli import console
from pcare_cli.audit_reading import put_down, read
from pcare_cli.console import fail
from pcare_cli.identifying import files, tables, topics
from pcare_cli.identifying.places import MOST_SHOWN, Place, Scanned, UnreadableError
from pcare_cli.identifying.searching import Search
from pcare_schemas.rules import Rules


class _Findings:
    """Prints each place as it is found, up to a bound, and counts them all."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, place: Place) -> None:
        self.number += 1
        if self.number <= MOST_SHOWN:
            typer.echo(f"NHS NUMBER  {place}")


@dataclass(frozen=True, slots=True)
class Where:
    """What is looked through."""

    paths: Sequence[Path]
    topics: bool
    tables: bool
    register: Path | None


def look(where: Where, who: str | None, why: str | None) -> None:
    """Look through topics, tables and files; ends with status 1 if anything is found or cannot be read."""
    try:
        search = Search(Rules.load(where.register).codes_like_nhs_numbers)
    except ValueError as error:
        fail(str(error), status=2)
    if where.tables:  # else there may be no database
        put_down("audit-identifiers", {"topics": where.topics, "logs": len(where.paths)}, who=who, why=why)
    findings = _Findings()
    try:
        for one in files.scan(where.paths, search, findings):
            _say(one, "lines")
        if where.topics:
            with console.kafka_errors():
                for one in topics.scan(console.kafka_options(), search, findings):
                    _say(one, "records")
        if where.tables:
            read(lambda connection: _tables(connection, search, findings))
    except UnreadableError as error:
        fail(f"{error} So it is not known whether an NHS number stands there.")
    if findings.number:
        fail(
            f"{findings.number:,} places hold an NHS number"
            + (f"; the first {MOST_SHOWN:,} are named above." if findings.number > MOST_SHOWN else ".")
            + " docs/audit-by-hand.md says what to do."
        )
    typer.echo("No NHS number was found.")


async def _tables(connection: asyncpg.Connection, search: Search, findings: _Findings) -> None:
    async for one in tables.scan(connection, search, findings):
        _say(one, "rows")


def _say(one: Scanned, things: str) -> None:
    typer.echo(f"{one.what}: {one.number:,} {things}")
