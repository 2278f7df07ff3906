"""A database that an earlier version filled: brought to this one, its services go on with it, and nothing is missing.

`tests/earlier/0009.tar` is a backup of a system that ran at migration 0009, with made-up events. When a migration
changes stored rows, add one of the version before it.
"""

import asyncio
import datetime as dt
import json
from pathlib import Path

import pytest

from losing import by_dsn, lose_postgres, republish
from pcare_operations import backup, restore
from pcare_operations.archive import Archive
from pcare_recorder import migrate
from system import System

pytestmark = pytest.mark.integration

EARLIER = sorted((Path(__file__).parent / "earlier").glob("*.tar"))
NOW = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
TEXTS = "SELECT published::text FROM pcare.published ORDER BY 1"


@pytest.mark.parametrize("path", EARLIER, ids=lambda path: path.stem)
async def test_a_database_of_an_earlier_version_goes_on_under_this_one(
    path: Path, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = by_dsn(system, monkeypatch)
    held = json.loads(Archive(path).read(backup.ABOUT))
    assert held["migration"] < len(migrate.migrations())
    assert held["rows"]["interventions"] > 100
    await lose_postgres(system, leave_empty=False)

    said: list[str] = []
    await asyncio.to_thread(lambda: restore.restore(deployment, path, now=NOW, say=said.append, log=False))
    before = await system.fetch(TEXTS)
    assert len(before) == held["rows"]["published"]
    await republish(system)

    await system.start("kpi-aggregator", "recorder", "ingest")
    old = await system.report()
    assert old.exact, old.faults()
    assert sum(row.sql.value or 0 for row in old.kpis if row.kpi == "sp_referrals") > 0
    report = await system.report(await system.simulate(300, seed=91))
    assert report.exact, report.faults()
    after = {row[0] for row in await system.fetch(TEXTS)}
    assert {row[0] for row in before} < after
    acts = [row[0] for row in await system.fetch("SELECT what FROM pcare.acts ORDER BY number")]
    assert (acts[0], acts[-1]) == ("database-restored", "log-republished")
    assert {"database-migrated", "kpi-reference-changed"} >= set(acts[1:-1])
