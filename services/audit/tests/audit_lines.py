"""Lines of the log, made for a test."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from pcare_audit.replay import replay_kpis
from pcare_schemas.envelope import type_of
from pcare_schemas.instants import utc
from pcare_schemas.kpis.catalogue import Catalogue, load
from pcare_schemas.log import LogLine

CAMDEN, BARNET, ENFIELD = "E09000007", "E09000003", "E09000010"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
_NUMBER = count(1)


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/London")).astimezone(UTC)


def line(kind: str, time: str, subject: str = "person:1", source: str = "urn:a", **data: Any) -> LogLine:
    """Make a line; the time is a wall time in London unless it has an offset."""
    moment = datetime.fromisoformat(time)
    moment = london(time) if moment.tzinfo is None else moment
    return LogLine(
        id=data.pop("id", f"e-{next(_NUMBER)}"),
        source=source,
        type=type_of(kind),
        subject=subject,
        time=utc(moment),
        data=data,
        origin="interventions.submitted/0@0",
        recordedat=utc(NOW),
        rulesversion="1-test",
    )


def retraction(of: LogLine, **other: Any) -> LogLine:
    what = {"subject": of.subject, "source": of.source, "retracts": of.id} | other
    return line("event-retracted", "2026-01-01", **what)


def numbers(
    kpi: str, lines: Iterable[LogLine], at: datetime = NOW, catalogue: Catalogue | None = None
) -> dict[tuple[str, str], int]:
    """Count one KPI: its numerators that are not 0, by area and year."""
    counts = replay_kpis(lines, catalogue or load(), at)
    return {key[1:]: counted.numerator for key, counted in counts.items() if key[0] == kpi and counted.numerator}


def shares(
    kpi: str, lines: Iterable[LogLine], at: datetime = NOW
) -> dict[tuple[str, str], tuple[Any, int, int | None]]:
    """Count one share or mean, by area and year: what is shown as text, and of what it is made."""
    counts = replay_kpis(lines, load(), at)
    return {
        key[1:]: (_shown(one.value), one.numerator, one.denominator) for key, one in counts.items() if key[0] == kpi
    }


def one_kpi(rule: dict[str, Any], **more: Any) -> Catalogue:
    """Make a catalogue of one KPI, `x`."""
    kpi = {"id": "x", "component": "all", "title": "x", "unit": "people", "personal": True, "rule": rule}
    kpi |= {"additive": True, "dimensions": ["borough", "year"], "words": None} | more
    return Catalogue.model_validate({"kpis": [kpi]})


def _shown(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
