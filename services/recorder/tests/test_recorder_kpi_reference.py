"""Catalogue, targets and code lists in the database, the views that are made from them, and how they get there."""

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from recorder_events import event
from recorder_kpis import BARNET, CAMDEN, NOW, Kpis, london, plan, recording, referral

from pcare_common.errors import EXIT_CONFIGURATION, OperatorError
from pcare_recorder import kpi_reference, migrate
from pcare_recorder.kpi_reference import KpiReference
from pcare_schemas.examples import COMMUNITY, ICB
from pcare_schemas.kpis import catalogue, targets

if TYPE_CHECKING:
    from backends import Backend

pytestmark = pytest.mark.integration

TABLES = ("code_list", "kpi_catalogue", "kpi_targets")
LONELY = """
  - id: sp_lonely
    component: social prescribing
    title: Referrals for loneliness
    unit: referrals
    personal: true
    rule: {count: episodes, of: sp-referral, where: {reasons: lonely_or_isolated}}
    additive: true
    dimensions: [borough, year]
    words: null
"""


@pytest.fixture
async def kpis(database: str) -> AsyncIterator[Kpis]:
    async with recording(database) as made:
        yield made


async def contents(connection: asyncpg.Connection) -> dict[str, list[Any]]:
    """Return every row of the tables with the transaction that wrote it, and every view with its id."""
    found = {
        table: [tuple(row) for row in await connection.fetch(f"SELECT xmin, t.* FROM pcare.{table} AS t ORDER BY t")]  # noqa: S608
        for table in TABLES
    }
    views = "SELECT oid, relname, relacl FROM pg_class WHERE relnamespace = 'analysis'::regnamespace ORDER BY 2"
    return found | {"views": [tuple(row) for row in await connection.fetch(views)]}


def files(folder: Path, *, added: str = "", target: int = 30) -> tuple[Path, Path]:
    """Write the built-in files with a KPI more and another target for situations."""
    mine, aims = folder / "catalogue.yaml", folder / "targets.yaml"
    mine.write_text(catalogue.BUILT_IN.read_text() + added)
    aims.write_text(targets.BUILT_IN.read_text().replace("value: 30,", f"value: {target},"))
    return mine, aims


async def test_writing_the_same_again_touches_no_row_and_no_view(kpis: Kpis) -> None:
    before = await contents(kpis.connection)
    assert len(before["kpi_catalogue"]) == 1
    assert all(before.values())
    assert await migrate.apply(kpis.connection) == ()
    assert await contents(kpis.connection) == before


async def test_what_a_catalogue_adds_is_counted_with_no_code(kpis: Kpis, tmp_path: Path) -> None:
    await kpis.record(
        referral("2024-05-01T10:00:00Z", CAMDEN, "R1", reasons=["lonely_or_isolated"]),
        referral("2024-05-01T10:00:00Z", CAMDEN, "R2", reasons=["mental_health"]),
    )
    await kpi_reference.write(kpis.connection, KpiReference.load(*files(tmp_path, added=LONELY, target=31)))
    assert await kpis.at(NOW, "sp_lonely") == {("2024/25", CAMDEN): 1, ("2024/25", "NCL"): 1}
    rows = await kpis.connection.fetch("SELECT borough_name, value FROM analysis.kpi_sp_lonely WHERE year = '2024/25'")
    assert dict(rows) == {
        "Barnet": 0, "Camden": 1, "Enfield": 0, "Haringey": 0, "Islington": 0, "North Central London": 1,
    }  # fmt: skip
    aim = "SELECT value FROM pcare.kpi_targets WHERE kpi = 'sdm_situations' AND area = 'NCL' AND year = '2023/24'"
    assert await kpis.connection.fetchval(aim) == 31

    await migrate.apply(kpis.connection)  # the built-in files again
    assert await kpis.connection.fetchval("SELECT to_regclass('analysis.kpi_sp_lonely')") is None
    assert await kpis.at(NOW, "sp_lonely") == {}
    assert await kpis.connection.fetchval(aim) == 30


async def test_every_kpi_has_a_view_that_shows_what_is_counted_now_and_the_target(kpis: Kpis) -> None:
    at = "2023-05-01T10:00:00Z"
    await kpis.record(
        referral(at, CAMDEN),
        event("sdm-conversation", time=at, borough=CAMDEN),
        event("choice-offered", time=at, borough=BARNET, elective=True),
        event("choice-standards-assessed", time=at, subject="commissioner:93C", source=ICB),
        event("link-worker-joined", time=at, subject="link-worker:RYX:lw-1", source=COMMUNITY),
        event("collaborate-scored", time=at, subject="team:RKE:t1", team="t1"),
        event(time=at, borough=CAMDEN, plan_ref="P1"),
        plan("agreed", at, CAMDEN),
        event("phb-issued", time=at, borough=BARNET, starts=None, one_off=False),
    )
    for kpi in catalogue.load().kpis:
        rows = await kpis.connection.fetch(f"SELECT * FROM analysis.kpi_{kpi.id} WHERE numerator + value > 0")  # noqa: S608
        counted = await kpis.connection.fetch(
            "SELECT year, borough, value, numerator, denominator FROM pcare.kpi_values(now())"
            " WHERE kpi = $1 AND numerator + value > 0",
            kpi.id,
        )
        assert {tuple(row)[:2] + tuple(row)[3:6] for row in rows} == {tuple(row) for row in counted}, kpi.id
    situations = await kpis.connection.fetch(
        "SELECT year, target FROM analysis.kpi_sdm_situations WHERE borough = 'NCL'"
    )
    assert situations == []  # one conversation reaches nothing, so there is no first year yet
    people = await kpis.connection.fetch("SELECT year, target FROM analysis.kpi_pam_people WHERE borough = 'NCL'")
    assert dict(people)["2023/24"] == dict(people)["2024/25"] == 21619


async def test_analysts_read_the_views_and_none_of_what_is_behind_them(kpis: Kpis) -> None:
    await kpis.record(referral("2024-05-01T10:00:00Z", CAMDEN))
    assert await migrate.admit_analysts(kpis.connection) is None
    await kpis.connection.execute("SET ROLE pcare_analyst")
    try:
        assert await kpis.connection.fetchval("SELECT sum(value) FROM analysis.kpi_sp_people") == 2
        for forbidden in ("pcare.kpi_values(now())", "pcare.kpi_now('sp_people')", "pcare.kpi_catalogue"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await kpis.connection.execute(f"SELECT * FROM {forbidden}")  # noqa: S608
    finally:
        await kpis.connection.execute("RESET ROLE")


async def test_a_database_of_the_former_release_comes_along_with_its_data(backend: "Backend") -> None:
    name = f"recorder_{uuid.uuid4().hex[:8]}"
    server = await asyncpg.connect(backend.dsn)
    await server.execute(f"CREATE DATABASE {name}")
    try:
        connection = await asyncpg.connect(f"{backend.dsn.rsplit('/', 1)[0]}/{name}")
        await migrate._apply_missing(connection, migrate.migrations()[:3])
        data = {"borough": CAMDEN, "referral_ref": "R1", "referrer": "gp", "reasons": ["mental_health"]}
        await _insert_as_of_old(connection, "1", "sp-referral", data, ref="R1")
        await _insert_as_of_old(connection, "2", "link-worker-joined", {"pcn": "U12345", "borough": BARNET})
        await _insert_as_of_old(
            connection, "3", "phb-issued", {"borough": CAMDEN, "budget_ref": "B", "starts": "2024-05-09"}, ref="B"
        )
        await _insert_as_of_old(connection, "4", "pam-scored", {"borough": CAMDEN})
        await _insert_as_of_old(connection, "5", "event-retracted", {"retracts": "4"}, retracts="4")
        applied = await migrate.apply(connection)
        assert [migration.number for migration in applied] == [one.number for one in migrate.migrations()[3:]]
        at = london("2024-05-09T00:00:00").astimezone(UTC).replace(microsecond=1)
        rows = await connection.fetch("SELECT kpi, value FROM pcare.kpi_values($1) WHERE borough = 'NCL'", at)
        assert {row[0]: int(row[1]) for row in rows} == {
            "sp_referrals": 1, "sp_people": 1, "sp_link_workers": 1, "phb_people": 1, "phb_active": 1,
            "phb_with_plan": 0, "upc_people": 1,
        }  # fmt: skip
        assert await migrate.apply(connection) == ()
        await connection.close()
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


async def _insert_as_of_old(
    connection: asyncpg.Connection, name: str, kind: str, data: dict[str, Any], *, ref: str | None = None,
    retracts: str | None = None,
) -> None:  # fmt: skip

    subject = "link-worker:RYX:1" if kind.startswith("link") else "person:00000000-0000-4000-8000-000000000001"
    await connection.execute(
        """
        INSERT INTO pcare.interventions (
            source, id, kind, subject, occurred_at, borough, ref_source, ref, retracts, content_sha256, recorded_at,
            rules_version, origin_topic, origin_partition, origin_offset, published
        ) VALUES (
            'urn:a', $1, $2, $3, '2024-05-01T10:00:00Z', $4, CASE WHEN $5::text IS NOT NULL THEN 'urn:a' END, $5, $6,
            sha256($1::bytea), '2024-05-02T10:00:00Z', '1', 't', 0, $1::integer, json_build_object('data', $7::json)
        )
        """.replace("$1::integer", name).replace("$1::bytea", f"'{name}'"),
        name, kind, subject, data.get("borough"), ref, retracts, json.dumps(data),
    )  # fmt: skip


# ---- the command


def command(dsn: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pcare_recorder.migrate"],
        env=os.environ | {"PCARE_POSTGRES_DSN": dsn} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


async def test_the_command_takes_the_files_that_the_environment_names(database: str, tmp_path: Path) -> None:
    mine, aims = files(tmp_path, added=LONELY, target=31)
    given = {"PCARE_KPI_CATALOGUE": str(mine), "PCARE_KPI_TARGETS": str(aims)}
    ended = await asyncio.to_thread(command, database, **given)
    assert ended.returncode == 0, ended.stderr
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("SELECT to_regclass('analysis.kpi_sp_lonely')") is not None
    assert await connection.fetchval("SELECT version FROM pcare.kpi_catalogue") == catalogue.load(mine).version
    await connection.close()


async def test_the_command_refuses_a_wrong_catalogue_with_its_line_and_reason(database: str, tmp_path: Path) -> None:
    mine, _ = files(tmp_path, added=LONELY.replace("reasons:", "reason:"))
    ended = await asyncio.to_thread(command, database, PCARE_KPI_CATALOGUE=str(mine))
    assert ended.returncode == EXIT_CONFIGURATION
    assert f"{mine}, line " in ended.stderr
    assert "'reason' is not a field of sp-referral" in ended.stderr


def test_a_target_of_no_kpi_is_refused(tmp_path: Path) -> None:
    aims = tmp_path / "targets.yaml"
    aims.write_text(targets.BUILT_IN.read_text().replace("kpi: sp_people, area: NCL", "kpi: sp_peple, area: NCL"))
    with pytest.raises(OperatorError, match="sp_peple"):
        KpiReference.load(None, aims)
