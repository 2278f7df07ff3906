"""`pcare kpis`: reads the numbers, from the stream or from the record, and prints them."""

import asyncio
import datetime as dt
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from pydantic import Field, SecretStr
from rich.console import Console

from pcare_cli.console import fail
from pcare_cli.kpis import formats, publishing, table
from pcare_cli.kpis.database import read_past
from pcare_cli.kpis.reading import Reading, ReadingError, select
from pcare_cli.kpis.stream import read_now
from pcare_common.clock import SystemClock
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_common.postgres import PostgresSettings
from pcare_common.settings import Settings, load
from pcare_schemas.kpis import catalogue, targets
from pcare_schemas.kpis.areas import NCL
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.data_file import DataFileError
from pcare_schemas.kpis.targets import Targets
from pcare_schemas.kpis.year_labels import year_from_label

DSN = "PCARE_POSTGRES_DSN"
PLAIN_WIDTH = 120
"""Where the output is no terminal."""


class KpiSettings(Settings):
    """The KPI files, where they are not the built-in ones; and the record, which only the past asks for."""

    kpi_catalogue: Path | None = Field(None, description="a KPI catalogue instead of the built-in one")
    kpi_targets: Path | None = Field(None, description="targets instead of the built-in ones")
    postgres_dsn: SecretStr | None = Field(None, description="see `pcare_common.postgres`, which checks it")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. `form` is "table", "json" or "csv"."""

    address: str
    year: str | None = None
    kpis: Sequence[str] = ()
    as_of: str | None = None
    publish: bool = False
    form: str = "table"


def show_kpis(wanted: Wanted) -> None:
    """Print the KPIs. Ends with status 1 and one line when there are none to show, 78 when a setting is wrong."""
    try:
        reading = _read(wanted)
    except ReadingError as error:
        fail(str(error))
    if wanted.publish and (warning := publishing.warning(reading)):
        typer.echo(warning, err=True)  # beside what is published, not in it
    if wanted.form == "json":
        typer.echo(formats.as_json(reading))
    elif wanted.form == "csv":
        typer.echo(formats.as_csv(reading), nl=False)
    else:
        _print(reading)


def _read(wanted: Wanted) -> Reading:
    kpis, goals = files()
    if wanted.as_of is None and not wanted.publish:
        reading = select(read_now(wanted.address), wanted.year, wanted.kpis)
        return replace(reading, notes=assumptions(reading, goals))
    at, known_at = publishing.moments(_day(wanted.as_of), publish=wanted.publish, now=SystemClock().now())
    reading = select(asyncio.run(read_past(_dsn(), kpis, goals, at, known_at)), wanted.year, wanted.kpis)
    reading = replace(reading, notes=assumptions(reading, goals))
    return publishing.publish(reading, kpis) if wanted.publish else reading


def assumptions(reading: Reading, goals: Targets) -> tuple[str, ...]:
    """Say which trajectories rest on an assumed baseline, where the reading's targets are those of the file."""
    resting: defaultdict[str, list[str]] = defaultdict(list)
    for kpi in reading.kpis:
        note = goals.note(kpi.id, NCL)
        ours = {
            row.year: row.target == goals.value(kpi.id, NCL, year_from_label(row.year))
            for row in reading.rows
            if (row.kpi, row.area) == (kpi.id, NCL)
        }
        if note and ours and all(ours.values()):
            resting[note].append(kpi.id)
    return tuple(f"{note} ({', '.join(ids)})" for note, ids in resting.items())


def files() -> tuple[Catalogue, Targets]:
    """Return the catalogue and the targets that are in use; ends the process where one is wrong."""
    files = load(KpiSettings)
    try:
        kpis = catalogue.load(files.kpi_catalogue)
        return kpis, targets.load(files.kpi_targets, kpis.ids)
    except DataFileError as error:
        fail(str(error), status=EXIT_CONFIGURATION)


def _dsn() -> str:
    if load(KpiSettings).postgres_dsn is None:
        fail(f"--as-of and --publish count from the record in PostgreSQL: set {DSN}.", status=EXIT_CONFIGURATION)
    return load(PostgresSettings).postgres_dsn.get_secret_value()


def _day(text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError as error:
        raise ReadingError(f"{text!r} is not a day: write it as 2024-03-31.") from error


def _print(reading: Reading) -> None:
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
    for year in reading.years:
        console.print(table.kpi_table(reading, year, console.width))
    console.print(table.foot(reading), markup=False)
