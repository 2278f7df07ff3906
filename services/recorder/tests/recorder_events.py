"""Made-up events and submitted records for the recorder's tests."""

import copy
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from pcare_recorder.verdicts import Checked, Submitted
from pcare_schemas.check import Record, check
from pcare_schemas.examples import VALID, WHITTINGTON, person
from pcare_schemas.origin import Origin
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED

RULES = Rules.load()
RECEIVED = datetime(2024, 6, 30, 12, tzinfo=UTC)
ALEX, SAM, KIM = person("Alex"), person("Sam"), person("Kim")


def event(
    kind: str = "pam-scored",
    *,
    subject: str = ALEX,
    source: str = WHITTINGTON,
    time: str = "2024-05-01T10:00:00Z",
    id: str | None = None,  # noqa: A002
    **data: Any,
) -> dict[str, Any]:
    """Return a valid event of a kind, with a fresh id unless one is given; `data` replaces fields of its payload."""
    made = copy.deepcopy(VALID[kind])
    made |= {"id": id or str(uuid.uuid4()), "subject": subject, "source": source, "time": time}
    made.pop("recordedtime", None)
    made["data"] |= data
    made["data"] = {name: value for name, value in made["data"].items() if value is not None}
    return made


def retraction(of: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the retraction of an event; `changes` replaces what `event` takes."""
    given: dict[str, Any] = {"subject": of["subject"], "source": of["source"], "retracts": of["id"]}
    return event("event-retracted", **given | changes)


def submitted(
    value: dict[str, Any] | bytes | None,
    offset: int = 0,
    *,
    partition: int = 0,
    topic: str = SUBMITTED,
    key: bytes | None = None,
) -> Submitted:
    """Return a record that holds the event or these bytes, with the event's subject as its key."""
    if isinstance(value, dict):
        key = key or str(value.get("subject")).encode()
        value = json.dumps(value).encode()
    return Submitted(Origin(topic, partition, offset), Record(value=value, key=key, topic=topic, timestamp=RECEIVED))


def checked(*values: dict[str, Any] | bytes | Submitted, first: int = 0) -> list[Checked]:
    """Return a batch of records at consecutive offsets, each with the verdict of `check`."""
    records = [
        value if isinstance(value, Submitted) else submitted(value, offset)
        for offset, value in enumerate(values, start=first)
    ]
    return [(record, check(record.record, RULES)) for record in records]
