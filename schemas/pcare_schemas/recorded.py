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
SUBJECTS_MERGED_TYPE: Final = "uk.nhs.ncl.personalised-care.subjects-merged.v1"

__all__ = [
    "CLOUDEVENTS_HEADERS",
    "SUBJECTS_MERGED_TYPE",
    "Origin",
    "content_hash",
    "moved_text",
    "recorded_text",
    "subject_linked_text",
    "subjects_merged_text",
]


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


def subjects_merged_text(gone: str, kept: str, *, merged_at: dt.datetime, act: int, rules_version: str) -> bytes:
    """Return the record that says that two subjects are one person; keyed by the one that is gone.

    Whatever is said of `gone`, wherever and whenever it is read, is said of `kept`. `act` is the number of the act in
    the audit trail, and stands for an origin: no submitted record said so.
    """
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": gone,
            "source": SUBJECT_LINKED_SOURCE,
            "type": SUBJECTS_MERGED_TYPE,
            "subject": gone,
            "time": utc_milliseconds(merged_at),
            "datacontenttype": "application/json",
            "recordedat": utc_milliseconds(merged_at),
            "origin": str(Origin("pcare.acts", 0, act)),
            "rulesversion": rules_version,
            "data": {"gone": gone, "kept": kept},
        }
    )


def moved_text(text: bytes, gone: str, kept: str) -> bytes:
    """Return an event as recorded, about `kept` in place of `gone`; not a byte else is changed."""
    return text.replace(f'"subject":"{gone}"'.encode(), f'"subject":"{kept}"'.encode(), 1)
