"""Records of the log, as the recorder writes them, from what tests say."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from pcare_kpi_aggregator.years import iso
from pcare_schemas.envelope import type_of


@dataclass(frozen=True)
class Record:
    """A record as a consumer delivers it."""

    offset: int
    value: bytes | None
    timestamp: int = 1_700_000_000_000
    headers: tuple[tuple[str, bytes], ...] = ()


class Said(NamedTuple):
    """What one event says. `time` is an instant."""

    kind: str
    time: int
    source: str
    id: str
    data: dict[str, Any]


class Taken(NamedTuple):
    """That an event is taken back."""

    source: str
    id: str


def pam(time: int, number: str, borough: str | None = "E09000007", **more: Any) -> Said:
    """Return a PAM: what tests say when it does not matter what."""
    return Said("pam-scored", time, "s", number, placed(borough, score=50.0, level=2, **more))


def placed(borough: str | None, **data: Any) -> dict[str, Any]:
    """Return a payload in a borough, or without one."""
    return data if borough is None else {"borough": borough, **data}


def record(subject: str, said: Said | Taken) -> bytes:
    """Return the recorded event that says so of `subject`."""
    if isinstance(said, Taken):
        data = {"retracts": said.id, "reason": "entered_in_error"}
        said = Said("event-retracted", 0, said.source, f"retracts-{said.id}", data)
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": said.id,
            "source": said.source,
            "type": type_of(said.kind),
            "subject": subject,
            "time": iso(said.time),
            "datacontenttype": "application/json",
            "recordedat": "2025-11-01T10:00:00.000Z",
            "origin": "interventions.submitted/0/0",
            "rulesversion": "1-abcdef012345",
            "data": said.data,
        }
    )
