"""Why an event is not recorded: one form for HTTP, for the topic and for the database."""

import base64
import datetime as dt
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

from pcare_schemas.identifiers import holds_one, redact
from pcare_schemas.instants import utc_milliseconds
from pcare_schemas.origin import Origin

MAX_EVENT_BYTES: Final = 262_144
"""An event larger than this is not read."""

MAX_EVIDENCE_BYTES: Final = 65_536
"""A rejection carries the bytes up to this size; above, their SHA-256."""

REJECTION_TYPE: Final = "uk.nhs.ncl.personalised-care.rejection.v1"
REJECTION_SOURCE: Final = "urn:ncl:personalised-care:recorder"
PROBLEM_PREFIX: Final = "urn:ncl:personalised-care:problem:"


class Reason(StrEnum):
    """The reason codes, all of them."""

    not_json = "not_json"
    not_cloudevent = "not_cloudevent"
    unknown_type = "unknown_type"
    invalid_data = "invalid_data"
    unknown_code = "unknown_code"
    unknown_provider = "unknown_provider"
    source_not_allowed = "source_not_allowed"
    kind_not_allowed = "kind_not_allowed"
    key_mismatch = "key_mismatch"
    identifiable_data = "identifiable_data"
    time_out_of_range = "time_out_of_range"
    id_reused = "id_reused"
    not_retractable = "not_retractable"
    retraction_mismatch = "retraction_mismatch"
    unlinked_pseudonym = "unlinked_pseudonym"
    too_large = "too_large"


class Meaning(NamedTuple):
    """What a reason code says, and what its reader does next."""

    title: str
    status: int
    action: str


MEANINGS: Final[dict[Reason, Meaning]] = {
    Reason.not_json: Meaning(
        "The event is not JSON", 400, "Send one JSON document in UTF-8, as application/cloudevents+json."
    ),
    Reason.not_cloudevent: Meaning(
        "The event is not a CloudEvent",
        400,
        'Send a JSON object with specversion "1.0", id, source and type (CloudEvents 1.0, structured mode).',
    ),
    Reason.unknown_type: Meaning(
        "The event is of a type that is not recorded here", 422, "Send one of the types of the event catalogue."
    ),
    Reason.invalid_data: Meaning(
        "The event breaks the rules of its type", 422, "Put right the fields listed, and send it again."
    ),
    Reason.unknown_code: Meaning(
        "The event holds a code that was not valid at its time",
        422,
        "Use a code that was valid on the day of the event, and send it again.",
    ),
    Reason.unknown_provider: Meaning(
        "The organisation was not in the provider register at the time of the event",
        422,
        "Check the source; ask the programme to register an organisation that is new.",
    ),
    Reason.source_not_allowed: Meaning(
        "The event was sent in the name of another organisation",
        403,
        "Send events with your own source only, to your own topic or over HTTP.",
    ),
    Reason.kind_not_allowed: Meaning(
        "The organisation may not send events of this kind",
        403,
        "Send the kinds that were agreed; to send more, ask the programme to change your entry in its register.",
    ),
    Reason.key_mismatch: Meaning(
        "The record's key is not the event's subject", 422, "Use the subject, to the byte, as the record's key."
    ),
    Reason.identifiable_data: Meaning(
        "The event holds an NHS number",
        422,
        "Take the NHS number out; name the person by the pseudonym that the programme gives, or over HTTP by a subject "
        "nhs-number:<10 digits>. What was kept of the event has its digits masked.",
    ),
    Reason.time_out_of_range: Meaning(
        "The event's time cannot be right",
        422,
        "Send the time at which the intervention took place: not before 2015, and not in the future.",
    ),
    Reason.id_reused: Meaning(
        "Another event of this source has this id",
        409,
        "Give every event an id of its own. To correct an event, retract it and send a new one.",
    ),
    Reason.not_retractable: Meaning(
        "A retraction cannot be retracted", 422, "Send the event that was retracted again, under a new id."
    ),
    Reason.retraction_mismatch: Meaning(
        "The event to retract is about another subject",
        422,
        "Use the subject of the event to retract, to the letter.",
    ),
    Reason.unlinked_pseudonym: Meaning(
        "The pseudonym's key is not the one by which persons are told apart, and nobody is known by it",
        422,
        "Ask POST /pseudonyms for the person's pseudonyms of today: send `pseudonyms` as the subject and, where it "
        "answers with `previous` too, that as `subjectprev`. Over HTTP, an NHS number as the subject does both.",
    ),
    Reason.too_large: Meaning("The event is too large", 413, f"Send one event of at most {MAX_EVENT_BYTES} bytes."),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong where. `path` is a JSON Pointer, "" for the whole; no text here ever repeats what was sent."""

    path: str
    message: str
    expected: str | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A verdict against an event. `source` and `id` are as claimed, where they can be read and do not identify."""

    reason: Reason
    errors: tuple[FieldError, ...]
    source: str | None
    id: str | None
    evidence: bytes | None
    """The original bytes, digits masked if `redacted`; None if withheld: too large, or not provably masked."""
    redacted: bool
    size: int
    sha256: str | None
    """Only where bytes are withheld for their size and hold no NHS number."""


def rejection(
    value: bytes | None,
    reason: Reason,
    *errors: FieldError,
    source: str | None = None,
    id: str | None = None,  # noqa: A002
    mask: bool = False,
) -> Rejection:
    """Make the rejection of these bytes. Decides what may be kept of them.

    `mask` masks what looks like an NHS number, as identifiable_data always does.
    """
    identifiable = mask or reason is Reason.identifiable_data
    kept, sha256 = value, None
    if value is not None and len(value) > MAX_EVIDENCE_BYTES:
        kept = None
        sha256 = None if identifiable else hashlib.sha256(value).hexdigest()
    elif value is not None and identifiable:
        kept = redact(value)
    return Rejection(
        reason=reason,
        errors=errors,
        source=_harmless(source),
        id=_harmless(id),
        evidence=kept,
        redacted=identifiable and kept != value,
        size=0 if value is None else len(value),
        sha256=sha256,
    )


def problem(refused: Rejection) -> dict[str, Any]:
    """Return the rejection as a problem document (RFC 9457), its status included."""
    meaning = MEANINGS[refused.reason]
    return {
        "type": PROBLEM_PREFIX + refused.reason,
        "title": meaning.title,
        "status": meaning.status,
        "detail": meaning.action,
        "reason": str(refused.reason),
        "errors": [
            {"pointer": error.path, "message": error.message, "expected": error.expected} for error in refused.errors
        ],
    }


def rejected_document(refused: Rejection, *, origin: Origin, received_at: dt.datetime, rules_version: str) -> bytes:
    """Return the CloudEvent for the topic of rejections: the problem, who claims to have sent what, and the bytes.

    Its id and subject are the origin, so a repeat is recognised; the same arguments give the same bytes.
    """
    evidence = None if refused.evidence is None else base64.b64encode(refused.evidence).decode("ascii")
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": str(origin),
            "source": REJECTION_SOURCE,
            "type": REJECTION_TYPE,
            "subject": str(origin),
            "time": utc_milliseconds(received_at),
            "datacontenttype": "application/json",
            "origin": str(origin),
            "rulesversion": rules_version,
            "data": {
                **problem(refused),
                "event_source": refused.source,
                "event_id": refused.id,
                "evidence": evidence,
                "redacted": refused.redacted,
                "size": refused.size,
                "sha256": refused.sha256,
            },
        }
    )


def _harmless(claim: str | None) -> str | None:
    return None if claim is None or holds_one(claim.encode("utf-8", "surrogatepass")) else claim
