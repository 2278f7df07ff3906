"""The one verdict on an event, at the edge and in the recorder alike. Pure: it reads no clock and no network."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from pcare_schemas.envelope import Event
from pcare_schemas.identifiers import holds_one
from pcare_schemas.judge import judge
from pcare_schemas.kinds import EVENT_ADAPTER
from pcare_schemas.rejections import MAX_EVENT_BYTES, FieldError, Reason, Rejection, rejection
from pcare_schemas.repeated_names import repeated_name
from pcare_schemas.rules import Rules
from pcare_schemas.unreadable import identifiable, unreadable


@dataclass(frozen=True, slots=True)
class Record:
    """A submitted record. `timestamp` is the broker's, aware; at the edge, before there is one, the moment itself.

    No verdict looks at `headers`: they say by which way an event came, not what it says.
    """

    value: bytes | None
    key: bytes | None
    topic: str
    timestamp: dt.datetime
    headers: Sequence[tuple[str, bytes | None]] = ()


def check(record: Record, rules: Rules) -> Event | Rejection:
    """Return the event if it may be recorded, else why not. Takes any bytes and never raises for them.

    The first that applies: identifiable_data, too_large, not_json, not_cloudevent, unknown_type, invalid_data,
    time_out_of_range, unknown_provider, source_not_allowed, kind_not_allowed, key_mismatch, unknown_code.
    """
    found = _check(record, rules)
    # The key of an event that is taken is its subject, and that was searched with the rest of it.
    if isinstance(found, Rejection) and _identifies(record.key, rules):
        return identifiable(record.value)
    return found


def _check(record: Record, rules: Rules) -> Event | Rejection:
    value = record.value
    if value is None:
        return rejection(None, Reason.not_json, FieldError("", "The record has no value.", "one JSON document"))
    if _identifies(value, rules):
        return identifiable(value)
    if len(value) > MAX_EVENT_BYTES:
        size = FieldError("", f"The event has {len(value)} bytes.", f"at most {MAX_EVENT_BYTES} bytes")
        return rejection(value, Reason.too_large, size)
    try:
        event = EVENT_ADAPTER.validate_json(value)
    except ValidationError as error:
        return unreadable(value, error)
    twice = repeated_name(value, event)
    if twice is not None:
        error_twice = FieldError(twice, "This name stands twice in one object.", "each name once")
        return refuse(record, event, Reason.invalid_data, error_twice)
    found = judge(event, key=record.key, topic=record.topic, timestamp=record.timestamp, rules=rules)
    return event if found is None else refuse(record, event, *found)


def refuse(record: Record, event: Event, reason: Reason, *errors: FieldError) -> Rejection:
    """Make the rejection of an event that reads well: also for a verdict that needs what is recorded already."""
    return rejection(record.value, reason, *errors, source=event.source, id=event.id)


def _identifies(data: bytes | None, rules: Rules) -> bool:
    return data is not None and holds_one(data, besides=rules.codes_like_nhs_numbers)
