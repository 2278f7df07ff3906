"""Records of the log, made from facts: the way back from what `decode` does."""

from dataclasses import dataclass

import orjson

from pcare_kpi_aggregator.facts import Fact, Retraction
from pcare_kpi_aggregator.kinds import WITH_REF
from pcare_kpi_aggregator.years import LONDON, iso, moment_of
from pcare_schemas.envelope import type_of


@dataclass(frozen=True)
class Record:
    """A record as a consumer delivers it."""

    offset: int
    value: bytes | None
    timestamp: int = 1_700_000_000_000


def record(subject: str, statement: Fact | Retraction) -> bytes:
    """Return the recorded event that states `statement` of `subject`."""
    if isinstance(statement, Retraction):
        data: dict[str, object] = {"retracts": statement.id, "reason": "entered_in_error"}
        fact = Fact("event-retracted", 0, statement.source, f"retracts-{statement.id}")
        return _event(subject, fact, data)
    data = {"age_band": "60-64"}
    if statement.borough:
        data["borough"] = statement.borough
    if statement.ref:
        data[WITH_REF[statement.kind]] = statement.ref
        data["ref_source"] = statement.ref_source
    if statement.code:
        data["situation"] = statement.code
    if statement.starts is not None:
        data["starts"] = moment_of(statement.starts).astimezone(LONDON).date().isoformat()
    if statement.kind == "phb-issued":
        data["one_off"] = statement.one_off
    return _event(subject, statement, data)


def _event(subject: str, fact: Fact, data: dict[str, object]) -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": fact.id,
            "source": fact.source,
            "type": type_of(fact.kind),
            "subject": subject,
            "time": iso(fact.time),
            "datacontenttype": "application/json",
            "recordedat": "2025-11-01T10:00:00.000Z",
            "origin": "interventions.submitted/0/0",
            "rulesversion": "1-abcdef012345",
            "data": data,
        }
    )
