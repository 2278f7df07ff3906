"""A verdict as the row that is stored and the message that is published. Pure.

Both are made once, from the same values, and the row holds the message: what is published again is the same bytes.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from pcare_recorder.verdicts import PERSON, NewEvent, NewLink, Outcome, Settled, Submitted
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import recorded_text, subject_linked_text
from pcare_schemas.rejections import Rejection, rejected_document
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS, provider_of_topic

INTERVENTION_COLUMNS: Final = (
    "source",
    "id",
    "kind",
    "subject",
    "occurred_at",
    "borough",
    "pcn",
    "practice",
    "age_band",
    "sex",
    "ethnic_category",
    "imd_decile",
    "cohorts",
    "reasons",
    "setting",
    "situation",
    "one_off",
    "retracts",
    "starts",
    "ref_source",
    "ref",
    "details",
    "content_sha256",
    "recorded_at",
    "rules_version",
    "origin_topic",
    "origin_partition",
    "origin_offset",
)
PUBLISHED_COLUMNS: Final = (*INTERVENTION_COLUMNS[-3:], "published", "traceparent")
EVENT_COLUMNS: Final = (*INTERVENTION_COLUMNS, "published", "traceparent")
"""An event's row over the two tables that hold it: it is the row of the one and ends in the row of the other."""
LINK_COLUMNS: Final = (
    "pseudonym",
    "subject_id",
    "linked_at",
    "rules_version",
    "origin_topic",
    "origin_partition",
    "origin_offset",
)
REJECTION_COLUMNS: Final = (
    "origin_topic",
    "origin_partition",
    "origin_offset",
    "reason",
    "errors",
    "sender",
    "source",
    "id",
    "received_at",
    "evidence",
    "redacted",
    "rules_version",
    "published",
    "traceparent",
)

# The ref that makes events one episode. A ref that only points elsewhere (the plan that a score or a budget serves)
# is not here.
REF_FIELDS: Final[Mapping[str, str]] = {
    "choice-offered": "referral_ref",
    "sp-referral": "referral_ref",
    "sp-declined": "referral_ref",
    "sp-closed": "referral_ref",
    "sdm-conversation": "conversation_ref",
    "self-management-referral": "referral_ref",
    "self-management-completed": "referral_ref",
    "care-plan-agreed": "plan_ref",
    "care-plan-reviewed": "plan_ref",
    "care-plan-ended": "plan_ref",
    "care-plan-declined": "plan_ref",
    "phb-issued": "budget_ref",
    "phb-ended": "budget_ref",
}

_DATA_COLUMNS: Final = INTERVENTION_COLUMNS[5:18]
"""The columns that are fields of the payload under the same name and of the same form in JSON."""

_SPREAD: Final = frozenset({*_DATA_COLUMNS, "starts"})
_SPREAD_WITH_REF: Final = {kind: _SPREAD | {ref, "ref_source"} for kind, ref in REF_FIELDS.items()}
"""What is not in `details`, because a column has it."""

Row = tuple[Any, ...]


class Message(NamedTuple):
    """One record for a topic. `traceparent` is a header of it, where it is followed."""

    topic: str
    key: bytes
    value: bytes
    traceparent: str | None = None


def event_row(new: NewEvent, text: str, rules_version: str, traceparent: str | None = None) -> Row:
    """Return the row of a new event, in the order of EVENT_COLUMNS. `text` and `traceparent` are published."""
    event, (origin, record) = new.event, new.submitted
    return (
        event.source,
        event.id,
        event.kind,
        new.subject,
        event.time,
        *data_columns(event.kind, event.source, new.data),
        new.content_sha256,
        record.timestamp,
        rules_version,
        origin.topic,
        origin.partition,
        origin.offset,
        text,
        traceparent,
    )


def data_columns(kind: str, source: str, data: Mapping[str, Any]) -> Row:
    """Return what the columns from `borough` to `details` hold of an event's data as in the log."""
    ref = data.get(REF_FIELDS.get(kind, ""))
    spread = _SPREAD if ref is None else _SPREAD_WITH_REF[kind]
    details = {name: value for name, value in data.items() if name not in spread}
    starts = data.get("starts")
    return (
        *map(data.get, _DATA_COLUMNS),
        None if starts is None else dt.date.fromisoformat(starts),
        None if ref is None else data.get("ref_source") or source,
        ref,
        orjson.dumps(details).decode() if details else None,
    )


def event_message(new: NewEvent, rules_version: str, traceparent: str | None = None) -> Message:
    """Return what is published of a new event, keyed by its subject."""
    text = recorded_text(
        new.event,
        subject=new.subject,
        recorded_at=new.submitted.record.timestamp,
        origin=new.submitted.origin,
        rules_version=rules_version,
        data=new.data,
    )
    return Message(RECORDED, new.subject.encode(), text, traceparent)


def link_row(new: NewLink, rules_version: str) -> Row:
    """Return the row of a new link, in the order of LINK_COLUMNS."""
    origin, record = new.submitted
    return (
        new.pseudonym,
        subject_id(new.subject),
        record.timestamp,
        rules_version,
        origin.topic,
        origin.partition,
        origin.offset,
    )


def link_message(row: Row) -> Message:
    """Return what is published of a link, keyed by the pseudonym. It is made of the row alone."""
    pseudonym, subject, linked_at, rules_version, *origin = row
    text = subject_linked_text(
        pseudonym,
        f"{PERSON}{subject}",
        linked_at=linked_at,
        origin=Origin(*origin),
        rules_version=rules_version,
    )
    return Message(SUBJECTS, pseudonym.encode(), text)


def rejection_row(
    submitted: Submitted, rejection: Rejection, text: str, rules_version: str, traceparent: str | None = None
) -> Row:
    """Return the row of a rejection, in the order of REJECTION_COLUMNS. `text` and `traceparent` are published."""
    origin, record = submitted
    errors = [{"pointer": e.path, "message": e.message, "expected": e.expected} for e in rejection.errors]
    return (
        origin.topic,
        origin.partition,
        origin.offset,
        str(rejection.reason),
        orjson.dumps(errors).decode(),
        provider_of_topic(origin.topic),
        storable(rejection.source),
        storable(rejection.id),
        record.timestamp,
        rejection.evidence,
        rejection.redacted,
        rules_version,
        text,
        traceparent,
    )


def rejection_message(
    submitted: Submitted, rejection: Rejection, rules_version: str, traceparent: str | None = None
) -> Message:
    """Return what is published of a rejection, keyed by its origin."""
    text = rejected_document(
        rejection,
        origin=submitted.origin,
        received_at=submitted.record.timestamp,
        rules_version=rules_version,
    )
    return Message(REJECTED, str(submitted.origin).encode(), text, traceparent)


def settled_message(settled: Settled) -> Message:
    """Return what was published, or was about to be, of a verdict that stands already."""
    topic = RECORDED if settled.outcome is Outcome.RECORDED else REJECTED
    return Message(topic, settled.key.encode(), settled.text.encode(), settled.traceparent)


def subject_id(subject: str) -> UUID:
    """Return the id in a person's subject as in the log, `person:<uuid>`. Raises ValueError for any other subject."""
    return UUID(subject.removeprefix(PERSON))


def storable(claim: str | None) -> str | None:
    """Return a claimed name without what a text column cannot hold, and no longer than anybody would read."""
    if claim is None:
        return None
    return claim.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:256]
