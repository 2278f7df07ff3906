"""What Grafana reads of the database: views alone, which tell of messages and of no person."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from recorder_events import ALEX, RULES, checked, event

from pcare_recorder import migrate, register_store, store
from pcare_recorder.cursors import Partition
from pcare_recorder.database import connect
from pcare_recorder.faults import NoFaults
from pcare_recorder.recording import Page, persist
from pcare_recorder.store import Span
from pcare_schemas.examples import WHITTINGTON
from pcare_schemas.topics import SUBMITTED

pytestmark = pytest.mark.integration

P0 = Partition(SUBMITTED, 0)
DENIED = asyncpg.InsufficientPrivilegeError
TELLS_OF_A_PERSON_OR_AN_EVENT = {
    *(
        "subject",
        "subject_id",
        "pseudonym",
        "id",
        "event_id",
        "ref",
        "ref_source",
        "practice",
        "pcn",
        "age_band",
        "sex",
    ),
    *(
        "ethnic_category",
        "imd_decile",
        "cohorts",
        "reasons",
        "details",
        "published",
        "evidence",
        "errors",
        "who",
        "why",
    ),
    *("secret_sha256", "jwks", "content_sha256", "retracts"),
}


async def record(connection: asyncpg.Connection, *events: dict[str, Any]) -> int:
    """Let the recorder judge events; return how many it rejects."""
    cursors = await store.read_cursors(connection, [P0])
    if P0 not in cursors:
        await store.create_cursors(connection, {P0: 0})
    first = cursors[P0].next_offset if P0 in cursors else 0
    batch = checked(*events, first=first)
    page = Page((Span(P0, first, first + len(events)),), tuple(record for record, _ in batch))
    persisted = await persist(connection, page, batch, rules_version=RULES.version, faults=NoFaults())
    return len(persisted.verdicts.rejections)


@pytest.fixture
async def recorder(database: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the recorder."""
    connection = await connect(database)
    await register_store.remember_rules(connection, RULES)
    yield connection
    await connection.close()


@pytest.fixture
async def grafana(database: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect as a login of Grafana's role, and nothing else."""
    name = f"grafana_{uuid.uuid4().hex[:8]}"
    administrator = await asyncpg.connect(database)
    assert await migrate.admit_roles(administrator) is None
    await administrator.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE pcare_grafana")
    connection = await asyncpg.connect(database, user=name, password="secret")
    yield connection
    await connection.close()
    await administrator.execute(f"DROP ROLE {name}")
    await administrator.close()


def pam(number: int, **more: Any) -> dict[str, Any]:
    return event("pam-scored", id=f"pam-{number}", source=WHITTINGTON, subject=ALEX, **more)


async def test_grafana_reads_the_views_for_dashboards_and_nothing_else(grafana: asyncpg.Connection) -> None:
    relations = await grafana.fetch(
        "SELECT n.nspname, c.relname, c.relkind, has_schema_privilege(n.oid, 'USAGE') "
        "AND has_table_privilege(c.oid, 'SELECT') AS read, "
        "has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') AS changed "
        "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN ('pcare', 'analysis', 'desk', 'edge', 'dashboards') AND c.relkind IN ('r', 'p', 'v', 'm')"
    )
    assert len(relations) > 40
    assert {row["nspname"] for row in relations if row["read"]} == {"dashboards"}
    assert not any(row["changed"] for row in relations)
    of_dashboards = [row for row in relations if row["nspname"] == "dashboards"]
    assert all(row["read"] and row["relkind"] == b"v" for row in of_dashboards)
    for row in of_dashboards:
        await grafana.fetch(f"SELECT * FROM dashboards.{row['relname']}")  # noqa: S608 - names of views
    with pytest.raises(DENIED):
        await grafana.fetch("SELECT * FROM pcare.interventions")


async def test_no_view_tells_of_a_person_or_names_an_event(grafana: asyncpg.Connection) -> None:
    columns = await grafana.fetch(
        "SELECT c.relname, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid "
        "WHERE c.relnamespace = 'dashboards'::regnamespace AND a.attnum > 0"
    )
    assert len(columns) > 30
    assert [row for row in columns if row["attname"] in TELLS_OF_A_PERSON_OR_AN_EVENT] == []


async def test_what_happened_to_people_is_rounded_and_small_numbers_are_not_told(
    recorder: asyncpg.Connection, grafana: asyncpg.Connection
) -> None:
    for exact, told in ((7, None), (8, 10), (12, 10), (13, 15)):
        known = await recorder.fetchval("SELECT count(*) FROM pcare.interventions")
        await record(recorder, *(pam(number) for number in range(known, exact)))
        assert await grafana.fetch("SELECT provider, kind, events FROM dashboards.kinds_by_month") == [
            ("RKE", "pam-scored", told)
        ]
        delays = await grafana.fetch("SELECT median_seconds FROM dashboards.delay_by_day")
        assert len(delays) == (exact >= 8)
        # a message is a message: these have to add up
        assert await grafana.fetchval("SELECT sum(events) FROM dashboards.recorded_by_day") == exact


async def test_a_refusal_is_its_owners_and_is_mended_when_the_same_event_was_right(
    recorder: asyncpg.Connection, grafana: asyncpg.Connection
) -> None:
    wrong = pam(1) | {"time": "yesterday"}
    assert await record(recorder, wrong, pam(2) | {"time": "tomorrow"}) == 2
    refused = "SELECT provider, reason, events, recorded_since FROM dashboards.refused_by_day"
    assert await grafana.fetch(refused) == [("RKE", "invalid_data", 2, 0)]
    assert await record(recorder, pam(1)) == 0
    assert await grafana.fetch(refused) == [("RKE", "invalid_data", 2, 1)]


async def test_when_an_organisation_was_last_heard_of_is_found_however_long_ago(
    recorder: asyncpg.Connection, grafana: asyncpg.Connection
) -> None:
    await record(recorder, pam(1), pam(2), pam(3))
    await record(recorder, pam(4) | {"time": "yesterday"})
    last_heard = "SELECT recorded_at, refused_at FROM dashboards.last_heard WHERE provider = 'RKE'"
    now = datetime.now(UTC).replace(microsecond=0)
    for ago in (timedelta(hours=1), timedelta(days=20), timedelta(days=500)):
        await recorder.execute(
            "UPDATE pcare.interventions SET recorded_at = $1::timestamptz - interval '2 days'", now - ago
        )
        await recorder.execute("UPDATE pcare.interventions SET recorded_at = $1 WHERE id = 'pam-2'", now - ago)
        recorded_at, refused_at = await grafana.fetchrow(last_heard)
        assert recorded_at == now - ago
        assert refused_at is not None
    assert await grafana.fetchrow(last_heard.replace("RKE", "RAL")) == (None, None)


async def test_rows_and_cursors_are_of_one_instant(recorder: asyncpg.Connection, grafana: asyncpg.Connection) -> None:
    await record(recorder, pam(1), pam(1), pam(2) | {"time": "yesterday"})
    row = await grafana.fetchrow("SELECT * FROM dashboards.rows_and_cursors")
    assert tuple(row) == (1, 1, 1, 1, 1)
    cursors = await grafana.fetch("SELECT next_offset, recorded, duplicates, rejected, other FROM dashboards.cursors")
    assert cursors == [(3, 1, 1, 1, 0)]
    await recorder.execute("DELETE FROM pcare.rejections")
    row = await grafana.fetchrow("SELECT refused_rows - refused_by_cursors FROM dashboards.rows_and_cursors")
    assert row == (-1,)
