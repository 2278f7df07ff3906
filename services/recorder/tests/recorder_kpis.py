"""Facts with short names, and the KPIs that SQL makes of them: what the tests of the KPIs in SQL share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import asyncpg
import orjson
from recorder_events import RULES, event, submitted

from pcare_recorder import store
from pcare_recorder.cursors import Partition
from pcare_recorder.database import connect
from pcare_recorder.faults import NoFaults
from pcare_recorder.recording import Page, check_all, persist
from pcare_recorder.store import Span
from pcare_schemas.check import Record
from pcare_schemas.topics import SUBMITTED

LONDON = ZoneInfo("Europe/London")
BARNET, CAMDEN, ENFIELD, HARINGEY, ISLINGTON = "E09000003", "E09000007", "E09000010", "E09000014", "E09000019"
P0 = Partition(SUBMITTED, 0)
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
"""When everything was received unless a test says otherwise: late enough for every fact here."""

Rule = dict[str, Any]


def london(text: str) -> datetime:
    """Return the instant of a wall clock time in London."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


class Finished(NamedTuple):
    """What SQL says of a KPI in a year and an area."""

    value: Decimal | None
    numerator: int
    denominator: int | None


class Kpis:
    """Records facts, and asks for the KPIs at an instant."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self._next = 0

    async def record(self, *events: dict[str, Any], received: datetime = NOW) -> None:
        first, self._next = self._next, self._next + len(events)
        records = tuple(_received(submitted(value, n), received) for n, value in enumerate(events, start=first))
        page = Page((Span(P0, first, self._next),), records)
        checked = await check_all(page, RULES)
        persisted = await persist(self.connection, page, checked, rules_version=RULES.version, faults=NoFaults())
        assert persisted.verdicts.rejections == []

    async def finished(
        self, instant: datetime, kpi: str | Rule, *, known_at: datetime | None = None
    ) -> dict[tuple[str, str], Finished]:
        """Return {(year, area): what is finished} of a KPI of the built-in catalogue, or of a rule."""
        if isinstance(kpi, str):
            rows = await self.connection.fetch(
                "SELECT * FROM pcare.kpi_values($1, known_at => $2) WHERE kpi = $3", instant, known_at, kpi
            )
        else:
            document = orjson.dumps({"kpis": [{"id": "tried", "rule": kpi}]}).decode()
            rows = await self.connection.fetch(
                "SELECT * FROM pcare.kpi_values($1, $2, $3)", instant, document, known_at
            )
        assert len({(row["year"], row["borough"]) for row in rows}) == len(rows)
        return {
            (row["year"], row["borough"]): Finished(row["value"], row["numerator"], row["denominator"]) for row in rows
        }

    async def at(
        self, instant: datetime, kpi: str | Rule, *, known_at: datetime | None = None
    ) -> dict[tuple[str, str], int]:
        """Return {(year, area): value} of a KPI that counts. Asserts what holds of all counts."""
        found = await self.finished(instant, kpi, known_at=known_at)
        assert all(one.value == one.numerator != 0 and one.denominator is None for one in found.values())
        return {key: one.numerator for key, one in found.items()}


def _received(record: Any, at: datetime) -> Any:
    old = record.record
    return record._replace(record=Record(value=old.value, key=old.key, topic=old.topic, timestamp=at))


@asynccontextmanager
async def recording(database: str) -> AsyncIterator[Kpis]:
    """Open a database that holds no facts yet."""
    connection = await connect(database)
    await store.create_cursors(connection, {P0: 0})
    try:
        yield Kpis(connection)
    finally:
        await connection.close()


def referral(time: str, borough: str = BARNET, ref: str = "R1", **more: Any) -> dict[str, Any]:
    return event("sp-referral", time=time, borough=borough, referral_ref=ref, **more)


def conversation(
    time: str, ref: str, borough: str = BARNET, situation: str = "knee_pain", **more: Any
) -> dict[str, Any]:
    return event("sdm-conversation", time=time, borough=borough, conversation_ref=ref, situation=situation, **more)


def plan(kind: str, time: str, borough: str = BARNET, ref: str = "P1", **more: Any) -> dict[str, Any]:
    return event(f"care-plan-{kind}", time=time, borough=borough, plan_ref=ref, **more)


def budget(time: str, borough: str = BARNET, ref: str = "B1", **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"starts": None, "plan_ref": None, "one_off": False} | more
    return event("phb-issued", time=time, borough=borough, budget_ref=ref, **given)


def budget_ended(time: str, ref: str = "B1", **more: Any) -> dict[str, Any]:
    return event("phb-ended", time=time, budget_ref=ref, **more)
