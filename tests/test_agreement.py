"""The rules are written twice, in Python and in SQL. Where they lean on the calendar, they must read it alike."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from backends import Backend
from pcare_kpi_aggregator.years import instant_of, moment_of, months_later, year_of
from pcare_recorder import migrate
from pcare_schemas.kpis.year_labels import label

pytestmark = pytest.mark.integration

CLOCK_CHANGES = [
    *(datetime(year, 3, 31, 1, tzinfo=UTC) for year in (2019, 2024, 2030)),
    *(datetime(year, 10, 27, 1, tzinfo=UTC) for year in (2019, 2024, 2030)),
]
LEAP_DAYS = [datetime(2024, 2, 29, 12, tzinfo=UTC), datetime(2028, 2, 28, 23, tzinfo=UTC)]


def instants() -> list[datetime]:
    """Every half hour of the days around a change of the clocks, a year before and after it, and around leap days."""
    centres = [
        change + timedelta(days=days) for change in [*CLOCK_CHANGES, *LEAP_DAYS] for days in (-366, -365, 0, 365)
    ]
    return [centre + timedelta(minutes=30 * half) for centre in centres for half in range(-96, 97)]


@pytest.fixture
async def connection(backend: Backend):
    name = "pcare_agreement"
    server = await asyncpg.connect(backend.dsn)
    await server.execute(f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(f"{backend.dsn.rsplit('/', 1)[0]}/{name}")
    await migrate.apply(connection)
    yield connection
    await connection.close()
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


async def test_twelve_months_later_is_the_same_instant_in_python_and_in_sql(connection: asyncpg.Connection):
    rows = await connection.fetch(
        "SELECT i, pcare.twelve_months_after(i) FROM unnest($1::timestamptz[]) AS i", instants()
    )
    differing = [(row[0], row[1]) for row in rows if moment_of(months_later(instant_of(row[0]), 12)) != row[1]]
    assert not differing


async def test_the_financial_year_is_the_same_in_python_and_in_sql(connection: asyncpg.Connection):
    turns = [
        datetime(year, 3, 31, 22, tzinfo=UTC) + timedelta(minutes=5 * n)
        for year in range(2015, 2031)
        for n in range(40)
    ]
    rows = await connection.fetch(
        "SELECT i, pcare.financial_year(i) FROM unnest($1::timestamptz[]) AS i", [*turns, *instants()]
    )
    assert not [row for row in rows if label(year_of(instant_of(row[0]))) != row[1]]
