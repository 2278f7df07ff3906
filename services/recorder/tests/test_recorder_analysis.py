"""What analysts read: exactly what is recorded and stands, through a role that can read nothing else."""

import json
import random
import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from recorder_events import ALEX, RULES, SAM, checked, event, retraction

from pcare_recorder import acts, migrate, rebuild_rows, register_store, rows, store
from pcare_recorder.cursors import Partition
from pcare_recorder.database import connect
from pcare_recorder.faults import NoFaults
from pcare_recorder.kpi_reference import KpiReference
from pcare_recorder.recording import Page, persist
from pcare_recorder.store import Span
from pcare_recorder.verdicts import Recorded, judge
from pcare_schemas.examples import ROYAL_FREE, VALID, WHITTINGTON
from pcare_schemas.kinds import KINDS
from pcare_schemas.topics import SUBMITTED

pytestmark = pytest.mark.integration

P0 = Partition(SUBMITTED, 0)
GUIDE = Path(__file__).parents[3] / "docs" / "analyse.md"
DENIED = asyncpg.InsufficientPrivilegeError
ABOUT = {
    "pcn": "U12345",
    "practice": "F83004",
    "age_band": "65-69",
    "sex": "male",
    "ethnic_category": "H",
    "imd_decile": 3,
}


async def record(connection: asyncpg.Connection, *events: dict[str, Any]) -> None:
    cursors = await store.read_cursors(connection, [P0])
    if P0 not in cursors:
        await store.create_cursors(connection, {P0: 0})
    first = cursors[P0].next_offset if P0 in cursors else 0
    batch = checked(*events, first=first)
    page = Page((Span(P0, first, first + len(events)),), tuple(record for record, _ in batch))
    persisted = await persist(connection, page, batch, rules_version=RULES.version, faults=NoFaults())
    assert persisted.verdicts.rejections == []


@pytest.fixture
async def recorder(database: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the recorder."""
    connection = await connect(database)
    await register_store.remember_rules(connection, RULES)
    yield connection
    await connection.close()


@pytest.fixture
async def analyst(database: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect as whoever has the role of an analyst, and nothing else."""
    name = f"anna_{uuid.uuid4().hex[:8]}"
    administrator = await asyncpg.connect(database)
    assert await migrate.admit_analysts(administrator) is None
    await administrator.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE pcare_analyst")
    connection = await asyncpg.connect(database, user=name, password="secret")
    yield connection
    await connection.close()
    await administrator.execute(f"DROP ROLE {name}")
    await administrator.close()


# ---- columns


def put_together(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return the payload that a row says."""
    same = {name: row[name] for name in rows.INTERVENTION_COLUMNS[5:18]}
    starts = None if row["starts"] is None else row["starts"].isoformat()
    ref = {rows.REF_FIELDS[kind]: row["ref"]} if row["ref"] is not None else {}
    given = row["ref_source"] if row["ref_source"] != row["source"] else None
    said = same | {"starts": starts, "ref_source": given} | ref | json.loads(row["details"] or "{}")
    return {name: value for name, value in said.items() if value is not None}


def shortened(kind: str, chance: random.Random) -> dict[str, Any]:
    """Return an example of a kind with optional fields added or left out by chance."""
    fields = KINDS[kind].model_fields["data"].annotation.model_fields  # type: ignore[union-attr]
    data = dict(VALID[kind]["data"]) | {name: value for name, value in ABOUT.items() if name in fields}
    if "ref_source" in fields:
        data["ref_source"] = ROYAL_FREE
    dropped = {name for name in data if not fields[name].is_required() and chance.random() < 0.4}
    if "snomed_code" in dropped:
        dropped.add("snomed_version")
    return event(kind, source=WHITTINGTON, subject=VALID[kind]["subject"], **dict.fromkeys(dropped), **{
        name: value for name, value in data.items() if name not in dropped
    })  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_columns_and_the_details_of_a_row_are_its_payload(kind: str) -> None:
    chance = random.Random(kind)
    for _ in range(50):
        (new,) = judge(checked(shortened(kind, chance)), Recorded(), lambda: f"person:{uuid.uuid4()}").events
        message = rows.event_message(new, RULES.version)
        row = rows.event_row(new, message.value.decode(), RULES.version)
        assert put_together(kind, dict(zip(rows.EVENT_COLUMNS, row, strict=True))) == json.loads(message.value)["data"]
        assert rebuild_rows.event_row(message.value) == row


async def test_rows_of_an_earlier_release_get_their_columns(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("DROP SCHEMA pcare CASCADE; DROP SCHEMA analysis CASCADE")
    known = migrate.migrations()
    await migrate._apply_missing(connection, known[:3])
    chance = random.Random(4)
    batch = checked(*(shortened(kind, chance) for kind in sorted(KINDS) for _ in range(5)))
    new_events = judge(batch, Recorded(), lambda: f"person:{uuid.uuid4()}").events
    written = []
    for new in new_events:
        text = rows.event_message(new, RULES.version).value.decode()
        written.append(dict(zip(rows.EVENT_COLUMNS, rows.event_row(new, text, RULES.version), strict=True)))
    before = [
        row["column_name"]
        for row in await connection.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'interventions'"
        )
    ]
    await connection.copy_records_to_table(
        "interventions",
        schema_name="pcare",
        columns=before,
        records=[[row[name] for name in before] for row in written],
    )
    await migrate._apply_missing(connection, known)
    names = ", ".join(rows.INTERVENTION_COLUMNS)
    found = await connection.fetch(
        f"SELECT {names}, published, traceparent FROM pcare.interventions"  # noqa: S608
        " JOIN pcare.published USING (origin_topic, origin_partition, origin_offset) ORDER BY origin_offset"
    )
    await connection.close()
    assert len(written) == len(KINDS) * 5

    def read(row: Any) -> dict[str, Any]:
        return dict(row) | {"details": None if row["details"] is None else json.loads(row["details"])}

    assert [read(row) for row in found] == [read(row) for row in written]


# ---- the view

RENAMED = {"score": "pam_score", "level": "pam_level"}
HIDDEN = {
    "referral_ref", "conversation_ref", "plan_ref", "budget_ref", "ref_source", "snomed_code", "snomed_version",
    "instrument", "cut_points", "review_due", "next_review_due", "management", "standards_met", "team", "employer",
}  # fmt: skip
"""References of an organisation, which lead to its own records, and what nobody breaks down by."""

KIND_COLUMNS = (
    "cohorts", "reasons", "setting", "situation", "starts", "one_off", "integrated", "annual_value_pence", "referrer",
    "outcome", "programme", "plan_kind", "reason", "decision", "decision_aid", "elective", "via_ers",
    "choice_exercised", "providers_offered", "pam_score", "pam_level", "understand", "listen", "include", "wte",
)  # fmt: skip


def plain(value: Any) -> Any:
    """Return a value of a column or of JSON in one form."""
    if isinstance(value, list):
        return sorted(value)
    return float(value) if isinstance(value, Decimal) else value.isoformat() if isinstance(value, date) else value


async def test_the_view_holds_exactly_what_stands(recorder: asyncpg.Connection, analyst: asyncpg.Connection) -> None:
    chance = random.Random(3)
    events = [
        event(chance.choice(("pam-scored", "sp-referral")), subject=chance.choice((ALEX, SAM))) for _ in range(120)
    ]
    taken = chance.sample(events, 40)
    early, late = taken[:20], taken[20:]
    elsewhere = [retraction(value, source=ROYAL_FREE) for value in events if value not in taken]
    await record(recorder, *(retraction(value) for value in early))
    await record(recorder, *events, *elsewhere)
    await record(recorder, *(retraction(value) for value in (*late, *early)))
    seen = {(row["source"], row["event_id"]) for row in await analyst.fetch("SELECT * FROM analysis.interventions")}
    assert seen == {(value["source"], value["id"]) for value in events if value not in taken}
    assert await analyst.fetchval("SELECT count(*) FROM analysis.interventions") == 80


async def test_the_view_says_what_the_events_say(recorder: asyncpg.Connection, analyst: asyncpg.Connection) -> None:
    await record(recorder, *(value for kind, value in VALID.items() if kind != "event-retracted"))
    found = {row["kind"]: dict(row) for row in await analyst.fetch("SELECT * FROM analysis.interventions")}
    assert set(found) == set(KINDS) - {"event-retracted"}
    for kind, row in found.items():
        assert row["component"] == KINDS[kind].COMPONENT
        said = VALID[kind]["data"]
        assert set(said) - set(row) - set(RENAMED) <= HIDDEN
        shown = {name: row[RENAMED.get(name, name)] for name in said if RENAMED.get(name, name) in row}
        assert {name: plain(value) for name, value in shown.items()} == {name: plain(said[name]) for name in shown}
        others = set(KIND_COLUMNS) - set(shown) - {RENAMED.get(name, name) for name in shown}
        assert {name for name in others if row[name]} == set()
    referral = found["sp-referral"]
    assert (referral["provider"], referral["provider_name"]) == ("RKE", "Whittington Health NHS Trust")
    assert (referral["provider_kind"], referral["borough_name"]) == ("trust", "Islington")
    assert referral["ethnic_category_name"] == "White - British"
    assert (referral["financial_year"], referral["month"].isoformat()) == ("2024/25", "2024-04-01")
    conversation = found["sdm-conversation"]
    assert (conversation["situation_name"], conversation["priority_area"]) == ("Knee pain", "musculoskeletal")
    assert referral["subject"].startswith("person:")
    assert (await analyst.fetchval("SELECT count(*) FROM analysis.interventions WHERE subject LIKE 'person:k%'")) == 0


async def test_month_and_year_are_those_of_london(recorder: asyncpg.Connection, analyst: asyncpg.Connection) -> None:
    times = ("2024-03-31T22:59:59.999999Z", "2024-03-31T23:00:00Z", "2023-12-31T23:59:59Z", "2024-01-01T00:00:00Z")
    await record(recorder, *(event(time=time, id=f"e{number}") for number, time in enumerate(times)))
    found = await analyst.fetch("SELECT financial_year, month::text FROM analysis.interventions ORDER BY event_id")
    assert [tuple(row) for row in found] == [
        ("2023/24", "2024-03-01"), ("2024/25", "2024-04-01"), ("2023/24", "2023-12-01"), ("2023/24", "2024-01-01"),
    ]  # fmt: skip


async def test_the_stored_year_is_the_year_of_the_kpis(recorder: asyncpg.Connection) -> None:
    chance = random.Random(5)
    turns = [datetime(year, 3, 31, 22, 59, 59, 999_999, tzinfo=UTC) for year in range(2015, 2025)]
    times = [turn + timedelta(hours=chance.uniform(-2, 2)) for turn in turns for _ in range(3)]
    times += [turn + timedelta(days=chance.uniform(-365, 0)) for turn in turns[1:] for _ in range(3)]
    await record(recorder, *(event(time=time.isoformat()) for time in (*turns[1:], *times[3:])))
    different = await recorder.fetch(
        "SELECT occurred_at, financial_year FROM pcare.interventions"
        " WHERE financial_year <> pcare.financial_year(occurred_at)"
    )
    assert different == []


async def test_a_provider_that_only_events_tell_of_has_its_code(
    recorder: asyncpg.Connection, analyst: asyncpg.Connection
) -> None:
    await record(recorder, event(), event(id="charity"), event(source=ROYAL_FREE))
    await recorder.execute("UPDATE pcare.interventions SET source = 'urn:ncl:provider:a-charity' WHERE id = 'charity'")
    await recorder.execute("DELETE FROM pcare.providers WHERE code <> 'RAL'; SELECT pcare.add_missing_providers()")
    found = await analyst.fetch("SELECT provider, provider_name FROM analysis.interventions ORDER BY 1")
    assert [tuple(row) for row in found] == [
        ("RAL", "Royal Free London NHS Foundation Trust"), ("RKE", None), ("a-charity", None),
    ]  # fmt: skip


async def test_every_column_is_explained(analyst: asyncpg.Connection) -> None:
    unexplained = await analyst.fetch(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'analysis'::regnamespace AND a.attnum > 0"
        " AND col_description(c.oid, a.attnum) IS NULL AND c.relname = 'interventions'"
    )
    assert unexplained == []


async def test_names_are_looked_up_only_for_who_asks(analyst: asyncpg.Connection) -> None:
    plan = await analyst.fetch("EXPLAIN SELECT pcn, month, count(*) FROM analysis.interventions GROUP BY 1, 2")
    text = "\n".join(row[0] for row in plan)
    assert "interventions" in text
    assert "code_list" not in text
    assert "providers" not in text


# ---- the role


async def test_an_analyst_reads_the_views_and_nothing_else(
    recorder: asyncpg.Connection, analyst: asyncpg.Connection
) -> None:
    await record(recorder, *VALID.values())
    tables = await recorder.fetch(
        "SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables"
        " WHERE table_schema = 'pcare'"
    )
    assert {"pcare.subjects", "pcare.rejections", "pcare.published", "pcare.interventions"} <= {
        r["name"] for r in tables
    }
    for row in tables:
        with pytest.raises(DENIED):
            await analyst.execute(f"SELECT FROM {row['name']}")
    with pytest.raises(DENIED):
        await analyst.execute("SELECT * FROM pcare.facts()")
    for view in await analyst.fetch(
        "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relnamespace = 'analysis'::regnamespace"
    ):
        await analyst.fetch(f"SELECT * FROM {view['name']}")  # noqa: S608


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM analysis.interventions",
        "UPDATE analysis.interventions SET pcn = 'U00000'",
        "INSERT INTO analysis.interventions (kind) VALUES ('pam-scored')",
        "CREATE TABLE analysis.own (a integer)",
        "CREATE VIEW analysis.own AS SELECT 1 AS a",
        "CREATE TABLE pcare.own (a integer)",
        "DROP VIEW analysis.interventions",
        "SELECT pcare.admit_analysts()",
    ],
)
async def test_an_analyst_writes_nothing(analyst: asyncpg.Connection, statement: str) -> None:
    with pytest.raises((DENIED, asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.FeatureNotSupportedError)):
        await analyst.execute(statement)


async def test_analysts_are_admitted_again_and_again(database: str, another_database: str) -> None:
    for dsn in (database, another_database, database):
        connection = await asyncpg.connect(dsn)
        assert await migrate.admit_analysts(connection) is None
        await connection.execute("SET ROLE pcare_analyst")
        assert await connection.fetchval("SELECT count(*) FROM analysis.interventions") == 0
        await connection.close()


BY = acts.By("a test", "an operator")


async def test_who_may_not_create_roles_is_told_what_an_administrator_has_to_run(
    another_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    administrator = await asyncpg.connect(another_database)
    name = f"owner_{uuid.uuid4().hex[:8]}"
    await administrator.execute(
        "DROP ROLE IF EXISTS pcare_analyst; DROP ROLE IF EXISTS pcare_provider;"
        " DROP ROLE IF EXISTS pcare_edge; DROP ROLE IF EXISTS pcare_recorder; DROP ROLE IF EXISTS pcare_operator;"
        " DROP ROLE IF EXISTS pcare_auditor; DROP ROLE IF EXISTS pcare_grafana; DROP ROLE IF EXISTS pcare_sealer;"
        " DROP SCHEMA pcare CASCADE;"
        " DROP SCHEMA analysis CASCADE; DROP SCHEMA desk CASCADE; DROP SCHEMA edge CASCADE;"
        " DROP SCHEMA dashboards CASCADE;"
        f"CREATE ROLE {name} LOGIN PASSWORD 'secret'"
    )
    base = another_database.rsplit("/", 1)[1]
    await administrator.execute(f"ALTER DATABASE {base} OWNER TO {name}")
    theirs = re.sub("//[^@]*@", f"//{name}:secret@", another_database)
    await migrate._run(theirs, KpiReference.load(), BY)
    told = [line for line in capsys.readouterr().out.splitlines() if "administrator" in line]
    *views, roles = told
    assert [line.split(" have no role yet")[0] for line in views] == ["analysts", "providers", "copies of ingest"]
    for line in views:
        await administrator.execute(line.split("in this database: ")[1])
    await administrator.execute(roles.partition("has to run: ")[2].partition(" Then run `pcare migrate` again")[0])
    for role, view in (
        ("pcare_analyst", "analysis.interventions"),
        ("pcare_provider", "desk.rejections"),
        ("pcare_edge", "edge.recorded"),
    ):
        await administrator.execute(f"SET ROLE {role}")
        assert await administrator.fetchval(f"SELECT count(*) FROM {view}") == 0  # noqa: S608
        await administrator.execute("RESET ROLE")
    await migrate._run(theirs, KpiReference.load(), BY)
    assert "administrator" not in capsys.readouterr().out
    for role, table in (
        ("pcare_recorder", "cursors"),
        ("pcare_operator", "acts"),
        ("pcare_auditor", "credentials"),
        ("pcare_sealer", "published"),
    ):
        may = "SELECT has_table_privilege($1, 'pcare.' || $2::text, 'SELECT')"
        assert await administrator.fetchval(may, role, table)
    await administrator.execute(
        f"ALTER DATABASE {base} OWNER TO current_user; REASSIGN OWNED BY {name} TO current_user"
    )
    await administrator.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
    await administrator.close()


# ---- the guide


def queries() -> list[str]:
    return re.findall(r"```sql\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


async def test_every_query_of_the_guide_runs_as_an_analyst(
    recorder: asyncpg.Connection, analyst: asyncpg.Connection
) -> None:
    await record(recorder, *VALID.values())
    found = queries()
    assert len(found) >= 10
    for query in found:
        rows_of_it = await analyst.fetch(query)
        assert rows_of_it, f"no example answers\n{query}"


def test_the_guide_names_every_column_of_the_view() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    view = (files_of_migrations() / "0006_analysis.sql").read_text(encoding="utf-8")
    columns = re.findall(r"COMMENT ON COLUMN analysis.interventions\.(\w+)", view)
    assert len(columns) > 40
    assert [name for name in columns if f"`{name}`" not in text] == []


def files_of_migrations() -> Path:
    return Path(migrate.__file__).parent / "migrations"
