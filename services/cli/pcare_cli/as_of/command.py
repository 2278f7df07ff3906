"""The command: which question is asked, and how the answer is printed."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer

from pcare_audit.changes import Cell
from pcare_audit.knowledge import as_exact_as_the_log
from pcare_audit.log_reading import LogUnreadableError
from pcare_audit.portions import MergedMeanwhileError
from pcare_cli import audit_reading, console
from pcare_cli.as_of import formats, showing
from pcare_cli.as_of.counting import Answer, Question, count
from pcare_cli.audit_choosing import area_named, catalogue_of, kpis_named, year_named
from pcare_cli.audit_record import MergesPendingError, sha256_of
from pcare_cli.console import fail
from pcare_cli.kpis.command import files
from pcare_cli.kpis.reading import ALL_YEARS, ReadingError
from pcare_common.clock import SystemClock
from pcare_kpi_aggregator.years import LONDON, midnight, moment_of, year_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. `form` is "table", "json" or "csv"."""

    day: str
    known_at: str | None = None
    kpis: tuple[str, ...] = ()
    borough: str | None = None
    year: str | None = None
    events: bool = False
    form: str = "table"


def answer(wanted: Wanted, *, who: str | None = None, why: str | None = None) -> None:
    """Print what the KPIs were. Ends with status 1 where the ways of counting differ, 2 where nobody can be meant."""
    now = as_exact_as_the_log(SystemClock().now())
    try:
        scope, question = understood(wanted, now)
    except ReadingError as error:
        fail(str(error), status=2)
    options = console.kafka_options()
    audit_reading.put_down("audit-as-of", scope.details(), who=who, why=why)
    with console.kafka_errors():
        found = _count(options, question)
    if wanted.form == "json":
        typer.echo(formats.as_json(scope, question, found), nl=False)
    elif wanted.form == "csv":
        typer.echo(formats.as_csv(scope, question, found), nl=False)
    else:
        typer.echo(showing.table(scope, found))
    if found.troubles:
        fail("\n".join([*found.troubles[: showing.MOST_TROUBLES], showing.what_to_do(found.troubles)]))


def understood(wanted: Wanted, now: dt.datetime) -> tuple[showing.Scope, Question]:
    """Return what is asked for as typed values. Raises ReadingError for what is not there."""
    catalogue, _ = files()
    at = _end_of("The day", wanted.day, now)
    known_at = now if wanted.known_at is None else _end_of("--known-at", wanted.known_at, now)
    kpis = kpis_named(catalogue, wanted.kpis)
    area = None if wanted.borough is None else area_named(wanted.borough)
    year = year_named(wanted.year, year_of(midnight(dt.date.fromisoformat(wanted.day))))
    scope = showing.Scope(
        day=wanted.day,
        known_at=wanted.known_at,
        kpis=kpis,
        area=area,
        year=None if year == ALL_YEARS else year,
        events=wanted.events,
        version=catalogue.version,
        catalogue_sha256=sha256_of(catalogue.document()),
    )

    def listed(cell: Cell) -> bool:
        return wanted.events and scope.has(cell)

    return scope, Question(catalogue_of(catalogue, kpis), at, known_at, now, listed)


def _end_of(what: str, text: str, now: dt.datetime) -> dt.datetime:
    """Return the instant at which a London day ended."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as error:
        raise ReadingError(f"{text!r} is not a day: write it as 2024-03-31.") from error
    if day >= now.astimezone(LONDON).date():
        raise ReadingError(f"{what} has not ended in London: name a day before today.")
    return moment_of(midnight(day + dt.timedelta(days=1)))


def _count(options: Mapping[str, Any], question: Question) -> Answer:
    try:
        return audit_reading.read(lambda connection: count(connection, options, question))
    except (MergesPendingError, LogUnreadableError) as error:
        fail(f"{str(error).rstrip('.')}. Nothing was counted.")
    except MergedMeanwhileError:
        fail("Two persons were merged while the log was read. Run this again.")
