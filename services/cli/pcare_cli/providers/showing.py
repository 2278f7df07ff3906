"""`pcare providers list | show`: who is registered, and by which credentials."""

import json
from collections.abc import Sequence
from typing import Any

import asyncpg
import typer

from pcare_cli.console import fail
from pcare_cli.operators import with_database
from pcare_cli.providers import credentials, entries
from pcare_cli.providers.changing import described
from pcare_cli.providers.credentials import Credential, Form, State
from pcare_cli.providers.entries import Entries, Row
from pcare_cli.rules_in_force import of_files
from pcare_schemas.instants import utc_milliseconds

LATEST_ACTS = 20


def show_list(*, everyone: bool, as_json: bool) -> None:
    """List who is registered here, or everyone of the register. Ends with status 1 where there is nobody."""
    files = of_files().register

    async def read(connection: asyncpg.Connection) -> tuple[Entries, list[Credential]]:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await entries.read(connection, files), await credentials.of(connection)

    found, held = with_database(read)
    sources = {*found.rows, *(found.files.by_source if everyone else ())}
    rows = [row for source in sorted(sources) if (row := found.row_of(source)) is not None]
    by_source = {row["source"]: [one for one in held if one.source == row["source"]] for row in rows}
    if as_json:
        typer.echo(json.dumps([_document(row, by_source[row["source"]], found) for row in rows], indent=2))
    else:
        for line in table(rows, by_source) if rows else ["Nobody is registered here yet: `pcare providers add`."]:
            typer.echo(line)
    if not rows:
        raise typer.Exit(1)


def show_one(text: str, *, as_json: bool) -> None:
    """Show an entry, its credentials, and who changed what and why. Ends with status 1 where there is none."""
    files = of_files().register

    async def read(connection: asyncpg.Connection) -> tuple[Entries, str | None, list[Credential], list[Any]]:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = await entries.read(connection, files)
            source = found.source_of(text)
            if source is None:
                return found, None, [], []
            acts = await connection.fetch(
                "SELECT number, at, who, what, why FROM pcare.acts WHERE details ->> 'source' = $1 "
                "ORDER BY number DESC LIMIT $2",
                source,
                LATEST_ACTS,
            )
            return found, source, await credentials.of(connection, source), list(acts)

    found, source, held, acts = with_database(read)
    row = None if source is None else found.row_of(source)
    if source is None or row is None:
        fail(f"No organisation of the register is called {text}: `pcare providers list --all`.")
    if as_json:
        told = [{**dict(act), "at": utc_milliseconds(act["at"])} for act in acts]
        typer.echo(json.dumps({**_document(row, held, found), "acts": told}, indent=2))
        return
    registered = "registered here" if source in found.rows else "in the register of files only"
    typer.echo(f"{code(row)}  {row['name']}")
    typer.echo(f"  source       {source}  ({registered})")
    typer.echo(f"  entry        {', '.join(described(row))}")
    for one in held:
        typer.echo(f"  credential   {in_words(one)}")
    if not held:
        typer.echo("  credential   none: it cannot send over HTTP where credentials are asked for")
    for act in acts:
        typer.echo(f"  {utc_milliseconds(act['at'])}  {act['what']} by {act['who']}: {act['why']}")


def table(rows: Sequence[Row], held: dict[str, list[Credential]]) -> list[str]:
    """Return a head, and a line an organisation."""
    lines = [["code", "name", "entry", "credentials"]]
    for row in rows:
        live = [one for one in held[row["source"]] if one.state is State.live]
        said = ", ".join(f"{one.id} ({_FORMS[one.form]})" for one in live) or "-"
        lines.append([code(row), str(row["name"]), ", ".join(described(row)), said])
    widths = [max(len(line[place]) for line in lines) for place in range(3)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, [*widths, 0], strict=True)) for line in lines]


def in_words(one: Credential) -> str:
    """Return a credential as people read it."""
    words = [f"{one.id}  {_FORMS[one.form]}, {one.state}, from {utc_milliseconds(one.valid_from)}"]
    words += [f"until {utc_milliseconds(one.expires_at)}"] if one.expires_at else []
    words += [f"revoked {utc_milliseconds(one.revoked_at)}"] if one.revoked_at else []
    words += [f"keys {', '.join(one.key_ids)}"] if one.keys else []
    return ", ".join(words)


_FORMS = {Form.api_key: "API key", Form.private_key_jwt: "signs by keys"}


def code(row: Row) -> str:
    """Return the code of an organisation."""
    return str(row["source"]).replace("/", ":").rsplit(":", 1)[-1]


def _document(row: Row, held: Sequence[Credential], found: Entries) -> dict[str, Any]:
    return {
        "code": code(row),
        **entries.document(row),
        "registered_here": row["source"] in found.rows,
        "credentials": [one.document() for one in held],
    }
