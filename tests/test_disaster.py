"""PostgreSQL is lost entirely: with a backup or with none, the log has every event, and all three counts agree."""

import asyncio
import datetime as dt
from pathlib import Path

import asyncpg
import pytest

from losing import by_dsn, lose_postgres
from pcare_operations import backup, restore
from pcare_operations.deployments import ByDsn
from system import System

pytestmark = pytest.mark.integration

ACT = "INSERT INTO pcare.acts (who, what, why) VALUES ('ada', $1, 'a test')"


@pytest.fixture
def deployment(system: System, monkeypatch: pytest.MonkeyPatch) -> ByDsn:
    return by_dsn(system, monkeypatch)


async def act(system: System, what: str) -> None:
    connection = await asyncpg.connect(system.dsn)
    await connection.execute(ACT, what)
    await connection.close()


async def go_on(system: System) -> None:
    recorder = system.one("recorder")
    recorder.start()
    await recorder.ready()


async def test_a_database_that_is_lost_without_a_backup_is_made_again_from_the_log(
    system: System, deployment: ByDsn
) -> None:
    await system.start("kpi-aggregator", "recorder", "ingest")
    ledger = await system.simulate(1_000, seed=81)
    before = await system.report(ledger)
    assert before.exact, before.faults()
    tables = "SELECT t::text FROM pcare.{} AS t ORDER BY 1"
    rows = {name: await system.fetch(tables.format(name)) for name in ("interventions", "published", "rejections")}

    assert system.one("recorder").terminate() == 0
    await lose_postgres(system, leave_empty=True)
    await asyncio.to_thread(restore.rebuild, deployment, say=print)
    assert {name: await system.fetch(tables.format(name)) for name in rows} == rows
    await go_on(system)
    after = await system.report(ledger)
    assert after.exact, after.faults()
    assert {row.kpi: row.sql for row in after.kpis} == {row.kpi: row.sql for row in before.kpis}

    report = await system.report(await system.simulate(500, seed=82))
    assert report.exact, report.faults()


async def test_a_lost_database_is_restored_from_an_older_backup_and_completed_from_the_log(
    system: System, deployment: ByDsn, tmp_path: Path
) -> None:
    now = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
    await system.start("kpi-aggregator", "recorder", "ingest")
    first = await system.simulate(600, seed=83)
    await system.report(first)
    await act(system, "provider-added")
    path = await asyncio.to_thread(
        lambda: backup.back_up(deployment.server, tmp_path, now=now, rehearse=False, say=print)
    )
    second = await system.simulate(600, seed=84)
    before = await system.report([*first, *second])
    assert before.exact, before.faults()

    assert system.one("recorder").terminate() == 0
    await lose_postgres(system, leave_empty=False)
    during = await system.simulate(200, seed=85)
    await asyncio.to_thread(lambda: restore.restore(deployment, path, now=now, say=print))
    acts = [row[0] for row in await system.fetch("SELECT what FROM pcare.acts ORDER BY number")]
    restored = ["database-restored", "database-rebuilt", "rebuild-outcome"]
    assert acts == ["database-made", "provider-added", *restored]
    await go_on(system)
    report = await system.report([*first, *second, *during])
    assert report.exact, report.faults()
    assert report.accounting.total("recorded") > before.accounting.total("recorded")
