"""`pcare rejected list | count | show`: for operators all of it, for a provider's login its own."""

import shutil
import sys

import asyncpg
import orjson
import typer

from pcare_cli.console import fail
from pcare_cli.desk import rejections, showing
from pcare_cli.desk.rejections import Count, Entry, Filter, Redrive
from pcare_cli.operators import with_database
from pcare_schemas.origin import Origin

NOTHING = "Nothing rejected matches."
PLAIN_WIDTH = 240
"""Where the output is no terminal: nothing is cut short."""


def show_list(wanted: Filter, limit: int, *, as_json: bool) -> None:
    """Print the latest rejections; ends with status 1 when there are none."""

    async def read(connection: asyncpg.Connection) -> tuple[list[Entry], int]:
        found = await rejections.newest(connection, wanted, limit)
        if len(found) < limit:
            return found, len(found)
        return found, sum(one.number for one in await rejections.counts(connection, wanted))

    entries, number = with_database(read)
    if as_json:
        _print_json([showing.document(entry) for entry in entries])
    elif entries:
        typer.echo("\n".join(showing.table_of(entries, _width())))
        if number > len(entries):
            typer.echo(f"The latest {len(entries)} of {number:,}; --limit shows more.")
    _end(bool(entries), quiet=as_json)


def show_counts(wanted: Filter, *, as_json: bool) -> None:
    """Print how many there are; ends with status 1 when there are none."""

    async def read(connection: asyncpg.Connection) -> list[Count]:
        return await rejections.counts(connection, wanted)

    counts = with_database(read)
    if as_json:
        _print_json(
            [
                {"provider": one.provider, "reason": one.reason, "state": str(one.state), "number": one.number}
                for one in counts
            ]
        )
    elif counts:
        typer.echo("\n".join(showing.table_of_counts(counts)))
    _end(bool(counts), quiet=as_json)


def show_one(origin: Origin, *, as_json: bool) -> None:
    """Print everything about one rejection; ends with status 1 when there is none of this name."""

    async def read(connection: asyncpg.Connection) -> tuple[Entry | None, list[Redrive]]:
        return await rejections.one(connection, origin), await rejections.redrives(connection, origin)

    entry, redrives = with_database(read)
    if entry is None:
        fail(not_there(origin))
    if as_json:
        _print_json(showing.document(entry, redrives))
    else:
        typer.echo("\n".join(showing.lines_of(entry, redrives)))


def not_there(origin: Origin) -> str:
    """Return what to say where nobody asking can see a rejection of this name."""
    return f"There is no rejection {origin} that this login may see. `pcare rejected list` shows what there is."


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PLAIN_WIDTH


def _print_json(document: object) -> None:
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def _end(found: bool, *, quiet: bool) -> None:
    if not found:
        if not quiet:
            typer.echo(NOTHING, err=True)
        raise typer.Exit(1)
