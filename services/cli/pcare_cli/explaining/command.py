"""The command: which number is meant, how it is counted, and how it is told."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import asyncpg
import typer

from pcare_audit.knowledge import as_exact_as_the_log, as_told
from pcare_audit.log_reading import LogUnreadableError, countable
from pcare_audit.portions import MergedMeanwhileError, Portions
from pcare_audit.provenance import Provenance
from pcare_audit.sums import kinds_read
from pcare_cli import audit_reading, console
from pcare_cli.audit_choosing import area_named, catalogue_of, kpis_named, year_named
from pcare_cli.audit_record import MergesPendingError, read_merges, read_providers, sha256_of
from pcare_cli.console import fail
from pcare_cli.explaining import showing
from pcare_cli.explaining.showing import Explained, Number
from pcare_cli.kpis.command import files
from pcare_cli.kpis.database import count_past
from pcare_cli.kpis.reading import ALL_YEARS, ReadingError
from pcare_cli.replaying.commit import commit
from pcare_common.clock import SystemClock
from pcare_kpi_aggregator.years import instant_of, start_of, year_of
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.targets import Targets
from pcare_schemas.kpis.year_labels import year_from_label
from pcare_schemas.topics import RECORDED


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, as it was typed."""

    kpi: str
    borough: str = "NCL"
    year: str | None = None
    events: bool = False
    as_json: bool = False


def explain(wanted: Wanted, *, who: str | None = None, why: str | None = None) -> None:
    """Print where a number comes from. Ends with status 1 where the ways of counting differ, 2 for a number unknown."""
    now = as_exact_as_the_log(SystemClock().now())
    in_use = files()
    try:
        number = _meant(wanted, in_use[0], now)
    except ReadingError as error:
        fail(str(error), status=2)
    options = console.kafka_options()
    details = {"kpi": number.kpi, "borough": number.area, "year": number.year, "events": wanted.events}
    audit_reading.put_down("audit-explain", details, who=who, why=why)
    with console.kafka_errors():
        explained = _read(options, in_use, number, now)
    if wanted.as_json:
        typer.echo(showing.as_json(explained, events=wanted.events))
    else:
        typer.echo(showing.as_text(explained, events=wanted.events))
    if not explained.equal:
        fail(showing.differs(explained))


def _meant(wanted: Wanted, catalogue: Catalogue, now: dt.datetime) -> Number:
    (kpi,) = kpis_named(catalogue, [wanted.kpi])
    year = year_named(wanted.year, year_of(instant_of(now)))
    if year == ALL_YEARS:
        raise ReadingError("A number is of one year: write it as 2023/24.")
    if start_of(year_from_label(year)) >= instant_of(now):
        raise ReadingError(f"The financial year {year} has not begun.")
    return Number(kpi, area_named(wanted.borough), year)


def _read(
    options: Mapping[str, Any], files_in_use: tuple[Catalogue, Targets], number: Number, now: dt.datetime
) -> Explained:
    try:
        return audit_reading.read(lambda connection: count(connection, options, files_in_use, number, now))
    except (MergesPendingError, LogUnreadableError) as error:
        fail(f"{str(error).rstrip('.')}. Nothing was counted.")
    except MergedMeanwhileError:
        fail("Two persons were merged while the log was read. Run this again.")


async def count(
    connection: asyncpg.Connection,
    options: Mapping[str, Any],
    files_in_use: tuple[Catalogue, Targets],
    number: Number,
    now: dt.datetime,
    *,
    log: str = RECORDED,
) -> Explained:
    """Count a number from the log and by SQL, from what was recorded before `now`, and for that instant.

    Raises MergesPendingError, MergedMeanwhileError and LogUnreadableError: then nothing can be said.
    """
    catalogue, targets = files_in_use
    merges = await read_merges(connection)
    kpi = catalogue[number.kpi]
    portions = Portions(options, kinds_read(kpi, catalogue), merges.gone, recorded_before=as_told(now), topic=log)
    provenance = Provenance(catalogue, number.kpi, number.area, number.year, now)

    def read() -> None:
        for lines in portions:
            with countable():
                provenance.add(lines, merges.gone)
        with countable():
            provenance.finish()

    await asyncio.to_thread(read)
    some = catalogue_of(catalogue, [number.kpi])
    at = instant_of(now)
    rows = (await count_past(connection, some, targets, at, at)).rows
    return Explained(
        number=number,
        kpi=kpi,
        catalogue=catalogue,
        at=now,
        provenance=provenance,
        row=next((row for row in rows if (row.kpi, row.area, row.year) == tuple(number)), None),
        providers=await read_providers(connection),
        stretches=tuple(portions.stretches),
        program={"version": version("pcare-cli"), "commit": commit()},
        catalogue_sha256=sha256_of(catalogue.document()),
        targets_sha256=sha256_of(targets.model_dump(mode="json")),
        note=targets.note(number.kpi, number.area),
    )
