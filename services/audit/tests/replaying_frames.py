"""What the tests of a replay's parts compare: a frame, records, events."""

import datetime as dt
from typing import Any

import orjson

from pcare_audit.replaying.frame import ACTS, Cursor, Frame, Span, Where
from pcare_schemas.check import Record
from pcare_schemas.envelope import Event, type_of
from pcare_schemas.kinds import EVENT_ADAPTER
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import recorded_text
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBJECTS

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
TOPIC = "interventions.submitted"
PARTITION = Where(TOPIC, 0)
SOURCE = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
PSEUDONYM = "person:k1:" + "a" * 32
PERSON = "person:0b7f6c1e-9a43-4c5b-8f3e-0d6a3c1d2e4f"
ANOTHER = "person:5d1f0a52-7f1e-4b8e-9d53-1a2b3c4d5e6f"
RULES = Rules.load()


def frame(**more: Any) -> Frame:
    """Return the frame of one partition whose first hundred offsets are judged and published."""
    usual: dict[str, Any] = {
        "log": "interventions.recorded",
        "places": (TOPIC, ACTS),
        "cursors": {PARTITION: Cursor(0, 100, 1, 0, 0)},
        "published": {PARTITION: 100},
        "merged": {},
        "merges": {},
        "pending": frozenset(),
        "rules": {RULES.version: RULES.document()},
        "taken_at": NOW,
        "subjects": {Where(SUBJECTS, 2): Span(0, 10)},
    }
    return Frame(**(usual | more))


def origin(offset: int) -> Origin:
    """Return an origin in the partition."""
    return Origin(TOPIC, 0, offset)


def sent(kind: str = "pam-scored", subject: str = PSEUDONYM, name: str = "e-1", **data: Any) -> Record:
    """Return a submitted record; a PAM score unless said otherwise."""
    score = {"score": 50.0, "level": 2, "instrument": "PAM-13", "cut_points": "classic", "borough": "E09000007"}
    document = {
        "specversion": "1.0",
        "id": name,
        "source": SOURCE,
        "type": type_of(kind),
        "subject": subject,
        "time": "2026-11-01T10:00:00Z",
        "data": data if kind != "pam-scored" else score | data,
    }
    return Record(orjson.dumps(document), subject.encode(), TOPIC, NOW)


def retraction(of: str, name: str = "r-1", subject: str = PSEUDONYM) -> Record:
    """Return a submitted retraction."""
    return sent("event-retracted", subject, name, retracts=of, reason="entered_in_error")


def event_of(record: Record) -> Event:
    """Return the event of a record."""
    return EVENT_ADAPTER.validate_json(record.value or b"")


def published(record: Record, offset: int, subject: str = PERSON) -> bytes:
    """Return what the recorder publishes of a record."""
    return recorded_text(
        event_of(record), subject=subject, recorded_at=NOW, origin=origin(offset), rules_version=RULES.version
    )
