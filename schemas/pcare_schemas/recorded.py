"""The form of an event in the log."""

import datetime as dt
from typing import Any, Final

import orjson

from pcare_schemas.content import content_hash, payload
from pcare_schemas.envelope import Event
from pcare_schemas.instants import utc, utc_milliseconds
from pcare_schemas.origin import Origin

CLOUDEVENTS_HEADERS: Final[list[tuple[str, bytes]]] = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
SUBJECT_LINKED_TYPE: Final = "uk.nhs.ncl.personalised-care.subject-linked.v1"
SUBJECT_LINKED_SOURCE: Final = "urn:ncl:personalised-care:recorder"

__all__ = ["CLOUDEVENTS_HEADERS", "Origin", "content_hash", "recorded_text", "subject_linked_text"]


def recorded_text(
    event: Event,
    *,
    subject: str,
    recorded_at: dt.datetime,
    origin: Origin,
    rules_version: str,
    data: dict[str, Any] | None = None,
) -> bytes:
    """Return the event as recorded: a structured CloudEvent, the same to the byte for the same arguments.

    `subject` takes the place of the pseudonym; `recorded_at` is the broker's timestamp of the submitted record,
    written to the millisecond in UTC; `time` is written in UTC; `data` is as `content_hash` has it,
    which is `payload(event)`: hand it over to spare its making.
    """
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": subject,
        "time": utc(event.time),
        "datacontenttype": "application/json",
    }
    if event.recordedtime is not None:
        envelope["recordedtime"] = utc(event.recordedtime)
    if event.dataschema is not None:
        envelope["dataschema"] = event.dataschema
    if event.traceparent is not None:
        envelope["traceparent"] = event.traceparent
    envelope["recordedat"] = utc_milliseconds(recorded_at)
    envelope["origin"] = str(origin)
    envelope["rulesversion"] = rules_version
    envelope["data"] = payload(event) if data is None else data
    return orjson.dumps(envelope)


def subject_linked_text(
    pseudonym: str, subject: str, *, linked_at: dt.datetime, origin: Origin, rules_version: str
) -> bytes:
    """Return the record that links a pseudonym to a subject id, for the topic of subjects; keyed by the pseudonym.

    `linked_at` and `origin` are those of the submitted record that first named the pseudonym.
    """
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": pseudonym,
            "source": SUBJECT_LINKED_SOURCE,
            "type": SUBJECT_LINKED_TYPE,
            "subject": pseudonym,
            "time": utc_milliseconds(linked_at),
            "datacontenttype": "application/json",
            "origin": str(origin),
            "rulesversion": rules_version,
            "data": {"pseudonym": pseudonym, "subject": subject},
        }
    )
