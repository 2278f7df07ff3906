"""Results of replays for the report's tests, made up: equal, and with differences of every kind."""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import orjson

from pcare_cli.reporting import gathering, months
from pcare_cli.reporting.document import Report
from pcare_cli.reporting.gathering import Made, Plan
from pcare_cli.reporting.meanings import MEANINGS
from pcare_cli.reporting.replayed import Replayed, read
from pcare_cli.reporting.standing_by import Standby
from pcare_kpi_aggregator.finish import Finished
from pcare_kpi_aggregator.years import instant_of
from pcare_schemas.envelope import type_of
from pcare_schemas.kpis.areas import BOROUGHS
from pcare_schemas.kpis.year_labels import label

NOW = datetime(2026, 2, 17, 9, 30, tzinfo=UTC)
MADE = Made("Personalised Care Recorder, North Central London", "2026-02-17T09:31:12Z", "A. Auditor", "yearly audit")
KINDS = tuple(MEANINGS)
REFERENCES = {"sp-referral": "referral_ref", "sdm-conversation": "conversation_ref", "care-plan-agreed": "plan_ref"}
SITUATIONS = ("knee-osteoarthritis", "hip-osteoarthritis", "stable-angina")


def texts(events: int, *, first: datetime, seed: int = 3) -> Iterator[bytes]:
    """Give the record's texts of some kinds of event, spread from `first` to NOW."""
    chance = random.Random(seed)
    for number in range(events):
        when = first + (NOW - first) * (number / events)
        kind = chance.choices([*REFERENCES, "pam-scored"], [6, 3, 2, 2])[0]
        data: dict[str, Any] = {"borough": chance.choice([*BOROUGHS])}
        data[REFERENCES.get(kind, "plan_ref")] = f"r-{number}"
        data |= {"situation": chance.choice(SITUATIONS)} if kind == "sdm-conversation" else {}
        yield orjson.dumps(
            {
                "id": f"e-{number}",
                "source": "urn:nhs:ods:RKE",
                "type": type_of(kind),
                "subject": f"person:{chance.randrange(events)}",
                "time": when.isoformat().replace("+00:00", "Z"),
                "data": data,
            }
        )


@cache
def plan() -> Plan:
    """Return the built-in catalogue and targets."""
    return Plan.load()


@cache
def folded(events: int = 400, *, years: float = 0.8) -> Finished:
    """Count some texts at NOW."""
    first = NOW - timedelta(days=365 * years)
    return months.fold_texts(texts(events, first=first), plan().catalogue, instant_of(NOW))


def rows(finished: Finished) -> list[dict[str, Any]]:
    """Return the KPIs' rows of a result, equal in all three ways."""
    found = []
    for one in finished.values():
        told = {"value": one.value, "numerator": one.numerator, "denominator": one.denominator}
        ways = {"replay": told, "sql": told, "stream": told, "exact": True}
        found.append({"kpi": one.kpi, "borough": one.area, "year": label(one.year), **ways})
    return found


def difference(kind: str, number: int = 1, **other: Any) -> dict[str, Any]:
    """Make a difference of a kind."""
    return {
        "kind": kind,
        "words": f"{MEANINGS[kind].title}, case {number}",
        "event": {"source": "urn:nhs:ods:RKE", "id": f"{kind}-{number}"},
        "place": f"interventions.recorded/{number % 12}/{4711 + number}",
        "field": "borough" if kind == "row-differs" else None,
        "expected": f"expected-{number}",
        "found": None if kind.endswith("missing") else f"found-{number}",
    } | other


def result(finished: Finished | None = None, differences: Iterable[dict[str, Any]] = (), **other: Any) -> bytes:
    """Return a result's file."""
    listed = list(differences)
    at = {"first_time": "2025-04-01T08:00:00Z", "last_time": "2026-02-17T09:29:58Z"}
    stretch = {"topic": "interventions.recorded", "from_offset": 0, **at}
    counts = {"submitted": 1294, "recorded": 1204, "duplicates": 52, "rejected": 38, "log_records": 1209}
    counts |= {"log_repeats": 5, "events": 1204, "rows": 1204, "rejections": 38, "merges": 1, "retractions": 12}
    document = {
        "pcare": {"version": "0.1.0", "commit": "157802d"},
        "catalogue_sha256": "ab" * 32,
        "began": "2026-02-17T09:29:41Z",
        "ended": "2026-02-17T09:30:02Z",
        "scope": {
            "whole": True,
            "topics": [{**stretch, "partition": n, "to_offset": 101 + n, "records": 100 + n} for n in range(12)],
        },
        "rules_versions": [{"version": "1-0123456789ab", "events": 1100}, {"version": "1-ba9876543210", "events": 104}],
        "counts": counts,
        "checks": [_check(kind, listed) for kind in KINDS],
        "differences": listed,
        "differences_total": len(listed),
        "kpis": None if finished is None else {"instant": "2026-02-17T09:30:00Z", "rows": rows(finished)},
        "kpis_why_not": "no aggregator was named" if finished is None else None,
        "troubles": [],
        "equal": not listed,
    }
    return orjson.dumps(document | other)


def report(
    differences: Iterable[dict[str, Any]] = (),
    *,
    events: int = 400,
    years: float = 0.8,
    standby: Standby | None = None,
    **other: Any,
) -> Report:
    """Return a whole report, with months."""
    finished = folded(events, years=years)
    document = result(finished, differences, **other)
    replay: Replayed = read(document)
    return gathering.gather(replay, document, plan(), MADE, finished, standby=standby)


def without_numbers(of: Report, **other: Any) -> Report:
    """Return the report of a replay that counted no KPI."""
    return msgspec.structs.replace(of, numbers=[], **other)


def _check(kind: str, listed: list[dict[str, Any]]) -> dict[str, Any]:
    found = sum(one["kind"] == kind for one in listed)
    words = f"Looked for: {MEANINGS[kind].title.lower()}"
    return {"check": kind, "words": words, "compared": 1204, "differences": found}
