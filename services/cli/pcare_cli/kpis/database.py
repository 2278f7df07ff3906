"""The numbers of any past instant, counted by PostgreSQL from the record itself."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import asyncpg
import orjson

from pcare_cli.kpis.reading import Reading, ReadingError, Row, Shown
from pcare_cli.postgres_errors import not_countable
from pcare_common.postgres import tls_trouble
from pcare_kpi_aggregator.standing import standing_of
from pcare_kpi_aggregator.years import end_of, moment_of, start_of, year_of
from pcare_schemas.kpis.areas import BOROUGHS, NCL, NCL_ONLY
from pcare_schemas.kpis.catalogue import Catalogue, Kpi
from pcare_schemas.kpis.targets import Targets
from pcare_schemas.kpis.year_labels import label, year_from_label

SECONDS = 600.0
"""Counting millions of events takes its time; nobody waits for ever."""

_QUERY = "SELECT kpi, borough, year, value, numerator, denominator FROM pcare.kpi_values($1, $2::jsonb, $3)"

Key = tuple[str, str, int]
"""KPI, area and financial year."""


class Counted(NamedTuple):
    """A number as PostgreSQL counts it."""

    value: float | None
    numerator: int
    denominator: int | None


class Point(NamedTuple):
    """A value at an instant."""

    instant: int
    value: float | None
    denominator: int | None


async def read_past(dsn: str, catalogue: Catalogue, targets: Targets, at: int, known_at: int | None) -> Reading:
    """Return the state at `at`, as the events tell that had been recorded by `known_at` (None: all).

    Raises ReadingError when the database cannot answer.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            return await count_past(connection, catalogue, targets, at, known_at)
        finally:
            await connection.close()
    except asyncpg.UndefinedFunctionError as error:
        raise ReadingError("The database is not up to date. Run `pcare migrate`, then ask again.") from error
    except asyncpg.DataError as error:
        raise ReadingError(not_countable(error)) from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ReadingError(
            tls_trouble(error) or f"PostgreSQL did not answer: {type(error).__name__}. Is PCARE_POSTGRES_DSN right?"
        ) from error


async def count_past(
    connection: asyncpg.Connection, catalogue: Catalogue, targets: Targets, at: int, known_at: int | None
) -> Reading:
    """Return what `read_past` does, by a connection that is there. PostgreSQL's errors pass through."""
    document = orjson.dumps(catalogue.document()).decode()
    year = year_of(at - 1)
    known = None if known_at is None else moment_of(known_at)
    now = await connection.fetch(_QUERY, moment_of(at), document, known, timeout=SECONDS)
    # a microsecond into the year there is what was carried into it, and nothing else
    opening = await connection.fetch(_QUERY, moment_of(start_of(year) + 1), document, known, timeout=SECONDS)
    rows = rows_of(catalogue, targets, at, counted(catalogue, now), counted(catalogue, opening))
    return Reading(
        kpis=tuple(Shown.from_document(entry) for entry in catalogue.document()["kpis"]),
        rows=tuple(rows),
        at=at,
        version=catalogue.version,
        known_at=known_at,
    )


def counted(catalogue: Catalogue, records: Iterable[Mapping[str, object]]) -> dict[Key, Counted]:
    """Return the rows of pcare.kpi_values by KPI, area and year: whole numbers as such, the others as floats."""
    kinds = {kpi.id: kpi.kind_of_value for kpi in catalogue.kpis}
    numbers: dict[Key, Counted] = {}
    for record in records:
        kpi, area, year, value, numerator, denominator = (record[name] for name in _COLUMNS)
        number = None if value is None else float(str(value))
        if number is not None and kinds[str(kpi)] == "count":
            number = int(number)
        numbers[str(kpi), str(area), year_from_label(str(year))] = Counted(
            number, int(str(numerator)), None if denominator is None else int(str(denominator))
        )
    return numbers


_COLUMNS = ("kpi", "borough", "year", "value", "numerator", "denominator")


def rows_of(
    catalogue: Catalogue, targets: Targets, at: int, now: Mapping[Key, Counted], opening: Mapping[Key, Counted]
) -> list[Row]:
    """Return every KPI's row for NCL and each borough in each year, and for what has no borough where there is any.

    The database gives no row for a zero. There is none at all where nothing was ever counted.
    """
    if not now:
        return []
    years = range(min(year for _, _, year in now), year_of(at - 1) + 1)
    past = _Past(at, now, opening, targets)
    return [
        _row(past, kpi, area, year)
        for kpi in catalogue.kpis
        for year in years
        for area in (NCL, *BOROUGHS, NCL_ONLY)
        if area != NCL_ONLY or (kpi.id, area, year) in now
    ]


class _Past(NamedTuple):
    at: int
    now: Mapping[Key, Counted]
    opening: Mapping[Key, Counted]
    targets: Targets


def _row(past: _Past, kpi: Kpi, area: str, year: int) -> Row:
    number = past.now.get((kpi.id, area, year)) or _nothing(kpi)
    course: Sequence[Point] = [Point(min(past.at, end_of(year)), number.value, number.denominator)]
    if past.at < end_of(year):
        carried = past.opening.get((kpi.id, area, year)) or _nothing(kpi)
        course = [Point(start_of(year), carried.value, carried.denominator), *course]
    target, before = past.targets.value(kpi.id, area, year), past.targets.value(kpi.id, area, year - 1)
    standing = standing_of(kpi, year, target, before, course, at=past.at)
    return Row(
        kpi=kpi.id,
        area=area,
        year=label(year),
        value=number.value,
        numerator=number.numerator,
        denominator=number.denominator,
        target=standing.target,
        trajectory=standing.trajectory,
        gap=standing.gap,
        forecast=standing.forecast,
        words=standing.words,
    )


def _nothing(kpi: Kpi) -> Counted:
    return Counted(0, 0, None) if kpi.kind_of_value == "count" else Counted(None, 0, 0)
