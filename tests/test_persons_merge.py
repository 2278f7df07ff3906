"""Two NHS numbers turn out to be one person's, in the running system: the person counts once, and stays one."""

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from events import BARNET, CAMDEN, event, pam, referral, retraction
from pcare_cli.accounting import Report
from pcare_cli.demo.supervisor import Service, Supervisor
from pcare_cli.main import app
from pcare_cli.simulation.people import number_for_tests
from pcare_common.errors import OperatorError
from pcare_recorder import migrate
from pcare_recorder.database import REBUILDING, connect
from system import System

pytestmark = pytest.mark.integration

MANY = {"content-type": "application/cloudevents-batch+json"}
KEPT, GONE, OTHER, UNSEEN = (number_for_tests(number) for number in (41_000, 42_000, 43_000, 44_000))
RUNNER = CliRunner()


def life_of(number: str, borough: str, *, score: float = 50.0) -> list[dict[str, Any]]:
    """Return what happened to somebody: in part under references that another number has, too."""
    about = {"subject": f"nhs-number:{number}"}
    mistaken = referral("mistaken", **about)
    lived = [
        referral("shared", **about),
        referral(f"own-{borough}", **about),
        pam(score, **about),
        event("care-plan-agreed", {"plan_ref": "plan", "plan_kind": "frailty"}, **about),
        mistaken,
        retraction(mistaken),
    ]
    for one in lived:
        if "borough" in one["data"]:
            one["data"]["borough"] = borough
    return lived


def as_operator(system: System) -> dict[str, str]:
    return system.environment | {"PCARE_POSTGRES_DSN": system.logins["operator"]}


async def send(system: System, *events: dict[str, Any]) -> None:
    async with system.client("ingest") as client:
        answer = await client.post("/events", content=json.dumps(events), headers=MANY)
    assert answer.status_code == 202, [one["problem"] for one in answer.json() if "problem" in one][:2]


async def merge(system: System, directory: Path, *numbers: str, status: int = 0) -> str:
    """Type the command; the numbers are in a file."""
    file = directory / "numbers.txt"
    file.write_text("\n".join(numbers) + "\n")
    arguments = ["persons", "merge", "--file", str(file), "--ingest", system.one("ingest").address]
    arguments += ["--who", "an operator", "--why", "the registry merged them"]
    done = await asyncio.to_thread(RUNNER.invoke, app, arguments, env=as_operator(system))
    assert done.exit_code == status, f"{done.exit_code}: {done.output} {done.exception!r}"
    assert not [number for number in numbers if number in done.output]
    return str(done.output)


def counted(report: Report) -> dict[tuple[str, str], int]:
    """Return the numerators of the year, as all three ways have them."""
    assert report.exact, report.faults()
    return {(row.kpi, row.borough): row.stream.numerator for row in report.kpis if row.stream.numerator}


async def people(system: System) -> int:
    ((found,),) = await system.fetch(
        "SELECT count(DISTINCT subject) FROM pcare.interventions WHERE subject ~ '^person'"
    )
    return int(found)


async def test_the_person_counts_once_and_stays_one(system: System, tmp_path: Path) -> None:
    await system.start("kpi-aggregator", "recorder", "ingest")
    kept, gone, other = life_of(KEPT, CAMDEN), life_of(GONE, BARNET, score=52.0), life_of(OTHER, CAMDEN)
    await send(system, *kept, *gone, *other)
    before = counted(await system.report())
    assert before["sp_people", "NCL"] == before["pam_people", "NCL"] == before["pcsp_active", "NCL"] == 3
    assert before["sp_referrals", "NCL"] == 6

    said = await merge(system, tmp_path, KEPT, GONE)
    assert "that is kept: somebody is known by it" in said
    assert "that is gone: somebody is known by it" in said
    assert "6 events were moved" in said
    assert "It is published" in said
    after = counted(await system.report())
    assert after["sp_people", "NCL"] == after["pam_people", "NCL"] == after["pcsp_active", "NCL"] == 2
    assert after["sp_referrals", "NCL"] == 5  # one reference of the two was the same referral
    assert await people(system) == 2
    assert "one person already" in await merge(system, tmp_path, KEPT, GONE)

    # retries of everything are duplicates, a retraction under either number acts, and new events are the person's
    recorded = (await system.report()).accounting.total("recorded")
    await send(system, *kept, *gone, *other)
    again = await system.report()
    assert counted(again) == after
    assert again.accounting.total("recorded") == recorded
    await send(system, retraction(gone[2]), pam(40.0, 1, subject=f"nhs-number:{GONE}"))
    await send(system, retraction(kept[2], subject=f"nhs-number:{GONE}"))
    lived = counted(await system.report())
    assert lived["pam_people", "NCL"] == 2
    assert lived["sp_people", "NCL"] == 2

    # a number that nobody was ever seen under
    assert "that is gone: nobody is known by it" in await merge(system, tmp_path, OTHER, UNSEEN)
    await send(system, pam(subject=f"nhs-number:{UNSEEN}"))
    assert await people(system) == 2
    assert counted(await system.report()) == lived

    acts = await system.fetch("SELECT details::text FROM pcare.acts WHERE what = 'persons-merged' ORDER BY number")
    assert [json.loads(act[0])["linked"] for act in acts] == [0, 1]
    everything = system.logs() + json.dumps([tuple(act) for act in acts])
    assert not [number for number in (KEPT, GONE, OTHER, UNSEEN) if number in everything]

    await lose_the_database_and_rebuild(system)
    assert counted(await system.report()) == lived
    assert await people(system) == 2
    await send(system, *kept, *gone, *other)
    assert counted(await system.report()) == lived


async def lose_the_database_and_rebuild(system: System) -> None:
    """Lose every row, restore them from the topics, and let a recorder go on."""
    tables = "SELECT t::text FROM pcare.{} AS t ORDER BY 1"
    names = ("interventions", "published", "subjects", "cursors")
    before = {name: await system.fetch(tables.format(name)) for name in names}
    recorder = system.one("recorder")
    assert recorder.terminate() == 0
    connection = await asyncpg.connect(system.dsn)
    try:
        await connection.execute("DROP SCHEMA pcare CASCADE; DROP SCHEMA IF EXISTS edge CASCADE")
        await connection.execute("DROP SCHEMA IF EXISTS analysis CASCADE; DROP SCHEMA IF EXISTS desk CASCADE")
        await migrate.apply(connection)
        await migrate.admit_roles(connection)
    finally:
        await connection.close()
    log = system.layout.log("rebuild")
    await Supervisor(as_operator(system)).run_to_end(Service("rebuild", ["-m", "pcare_recorder.rebuild"], log))
    assert "restored 2 merges of two subjects" in log.read_text()
    assert {name: await system.fetch(tables.format(name)) for name in names} == before
    recorder.start()
    await recorder.ready()


async def connect_alone(system: System) -> asyncpg.Connection:
    """Connect as a rebuild does, as soon as PostgreSQL has noticed that the recorder is gone."""
    for _ in range(100):
        try:
            return await connect(system.dsn, REBUILDING)
        except OperatorError:
            await asyncio.sleep(0.1)
    raise AssertionError("the recorder's lock is held for ever")


async def test_a_merge_without_a_recorder_is_published_by_the_next_one(
    system: System, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("pcare_cli.merging.PUBLISHED_WITHIN_SECONDS", 1.0)
    await system.start("kpi-aggregator", "recorder", "ingest")
    await send(system, *life_of(KEPT, CAMDEN), *life_of(GONE, BARNET))
    assert counted(await system.report())["sp_people", "NCL"] == 2
    recorder = system.one("recorder")
    recorder.kill()
    rebuilding = await connect_alone(system)
    assert "is being rebuilt" in await merge(system, tmp_path, KEPT, GONE, status=1)
    await rebuilding.close()
    said = await merge(system, tmp_path, KEPT, GONE, status=1)
    assert "a recorder has not published it yet" in said
    recorder.start()
    await recorder.ready()
    after = counted(await system.report())
    assert after["sp_people", "NCL"] == 1
    assert after["pcsp_active", "NCL"] == 1


async def test_nobody_is_made_of_two_numbers_that_nobody_is_known_by(system: System, tmp_path: Path) -> None:
    await system.start("ingest")
    assert "Nobody is known" in await merge(system, tmp_path, KEPT, GONE, status=1)
    assert "no pseudonyms" in await merge(system, tmp_path, KEPT, "1234567890", status=1)
    assert "Two NHS numbers are needed" in await merge(system, tmp_path, KEPT, status=2)
    assert await system.fetch("SELECT * FROM pcare.acts WHERE what = 'persons-merged'") == []
