"""`pcare kpis` as a programme lead runs it, against a running system: of now, of a past day, published, and changed."""

import asyncio
import csv
import io
import json
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pcare_cli.demo.supervisor import Service, Supervisor
from pcare_cli.kpis.database import read_past
from pcare_cli.kpis.stream import read_now
from pcare_kpi_aggregator.years import LONDON
from pcare_schemas.kpis import catalogue, targets
from pcare_schemas.kpis.areas import NCL
from system import System

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[1] / "docs" / "programme-lead.md"
Rows = dict[tuple[str, str, str], dict[str, Any]]


def yesterday() -> str:
    """Return the last day that has ended in London."""
    return (datetime.now(UTC).astimezone(LONDON).date() - timedelta(days=1)).isoformat()


async def pcare(system: System, *arguments: str, status: int = 0) -> str:
    """Run the command as a process of its own and return what it prints: what it says of an error, if it ends so."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pcare_cli", *arguments,
        env={**os.environ, **system.environment}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, said = await process.communicate()
    assert process.returncode == status, (printed + said).decode()
    return (said if status else printed).decode()


async def rows(system: System, *arguments: str) -> Rows:
    document = json.loads(await pcare(system, "kpis", "--json", "--year", "all", *arguments))
    return {(row["kpi"], row["borough"], row["year"]): row for row in document["kpis"]}


async def tell_a_history(system: System, events: int) -> list[str]:
    ledger = system.directory / "history.jsonl"
    since = (datetime.now(UTC) - timedelta(days=600)).date().isoformat()
    arguments = ["-m", "pcare_cli", "simulate", "--ingest", system.one("ingest").address, "--seed", "7"]
    arguments += ["--events", str(events), "--since", since, "--ledger", str(ledger)]
    supervisor = Supervisor(system.environment)
    await supervisor.run_to_end(Service("simulate", arguments, system.directory / "logs" / "history.log"))
    return ledger.read_text().splitlines()


async def test_the_numbers_of_now_of_a_past_day_and_of_the_public(system: System):
    day = yesterday()
    await system.start("kpi-aggregator", "recorder", "ingest")
    report = await system.report(await tell_a_history(system, 1_500))
    assert report.exact, report.faults()
    address = ("--address", system.one("kpi-aggregator").address)

    now = await rows(system, *address)
    async with system.client("kpi-aggregator") as client:
        answered = (await client.get("/kpis")).json()["kpis"]
    assert {key: row["value"] for key, row in now.items()} == {
        (row["kpi"], row["borough"], row["year"]): row["value"] for row in answered
    }
    assert len({year for _, _, year in now}) >= 2
    table = await pcare(system, "kpis", *address)
    assert "Personal health budgets" in table
    assert re.search(r"short of the trajectory; at the\s+present\s+rate", table)

    await past_days(system, address, now)
    if day != yesterday():
        pytest.skip("a day has ended meanwhile: what the test recorded is yesterday's now, and may be published")
    await published(system)


async def past_days(system: System, address: tuple[str, ...], now: Rows) -> None:
    """PostgreSQL says the same as the stream, of its instant and of closed years: numbers, lines and words."""
    kpis = catalogue.load()
    live = await asyncio.to_thread(read_now, address[1])
    counted = await read_past(system.dsn, kpis, targets.load(None, kpis.ids), live.at, None)
    assert set(counted.rows) == set(live.rows)

    then = await rows(system, "--as-of", yesterday())
    closed = {key: row for key, row in then.items() if key[2] != max(year for _, _, year in then)}
    assert closed
    assert closed == {key: now[key] for key in closed}
    long_ago = await pcare(system, "kpis", "--as-of", "2015-01-01", status=1)
    assert "Nothing is counted yet" in long_ago


async def published(system: System) -> None:
    """Below NCL nobody can be told, and what is sent today changes nothing."""
    assert "by the end of yesterday" in await pcare(system, "kpis", "--publish", status=1)
    connection = await asyncpg.connect(system.dsn)
    try:
        await connection.execute("UPDATE pcare.interventions SET recorded_at = recorded_at - interval '2 days'")
    finally:
        await connection.close()
    exact, public = await rows(system, "--as-of", yesterday()), await rows(system, "--publish")
    assert exact.keys() == public.keys()
    kpis = catalogue.load()
    suppressed = 0
    for (kpi, area, _), row in public.items():
        whole = exact[kpi, area, row["year"]]
        if area == NCL or not kpis[kpi].personal:
            assert row == whole
            continue
        suppressed += row["suppressed"]
        assert [row[name] for name in ("trajectory", "gap", "forecast", "words")] == [None] * 4
        assert all(row[name] in {None, 0} or row[name] >= 8 for name in ("numerator", "denominator"))
        assert all(row[name] is None or row[name] % 5 == 0 for name in ("numerator", "denominator"))
    assert suppressed > 10

    await system.simulate(200, seed=8)
    await system.report()
    assert await rows(system, "--publish") == public
    printed = await pcare(system, "kpis", "--publish", "--csv")
    assert "*" in {row["value"] for row in csv.DictReader(io.StringIO(printed))}
    assert "never from live numbers" in (await pcare(system, "kpis", "--publish")).replace("\n", " ")


async def test_a_kpi_and_its_target_are_added_without_code_as_the_page_says(system: System):
    """The example of docs/programme-lead.md: edit the copies, migrate, restart, and see it."""
    await system.start("recorder", "ingest")
    ledger = await tell_a_history(system, 800)
    entry, goals = (re.search(rf"```yaml\n(# {name}.*?)```", PAGE.read_text(), re.DOTALL)[1] for name in
                    ("catalogue", "targets"))  # fmt: skip
    own = {name: system.directory / f"{name}.yaml" for name in ("catalogue", "targets")}
    own["catalogue"].write_text(catalogue.BUILT_IN.read_text() + entry)
    own["targets"].write_text(targets.BUILT_IN.read_text().replace("targets:\n", "targets:\n" + goals, 1))
    system.environment |= {f"PCARE_KPI_{name.upper()}": str(path) for name, path in own.items()}

    await pcare(system, "migrate")
    (aggregator,) = await system.start("kpi-aggregator")
    await system.report(ledger)
    chosen = ("--kpi", "phb_dementia")
    live = await rows(system, "--address", aggregator.address, *chosen)
    whole = {year: row["value"] for (_, area, year), row in live.items() if area == NCL}
    assert sum(whole.values()) > 0
    assert live["phb_dementia", NCL, max(whole)]["target"] is not None
    for (kpi, area, year), row in (await rows(system, "--as-of", yesterday(), *chosen)).items():
        if year != max(whole):
            assert row == live[kpi, area, year]

    own["catalogue"].write_text(own["catalogue"].read_text().replace("cohorts: [dementia]", "cohort: [dementia]"))
    said = await pcare(system, "kpis", "--address", aggregator.address, status=78)
    assert re.search(r"catalogue\.yaml, line \d+: kpis/17/rule/where/cohort: .*did you mean 'cohorts'", said)
