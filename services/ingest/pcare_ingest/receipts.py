"""What became of one event, as its sender is told. Pure: of what is remembered, and of what was asked."""

import re
from enum import StrEnum
from typing import Any, Final

from pcare_ingest import receipt_links
from pcare_ingest.receipt_store import Recorded, Rejected, Remembered
from pcare_schemas.fields import REF_PATTERN
from pcare_schemas.identifiers import holds_one
from pcare_schemas.instants import utc_milliseconds
from pcare_schemas.origin import Origin
from pcare_schemas.register import SOURCE_PATTERN
from pcare_schemas.rejections import MEANINGS, PROBLEM_PREFIX, Reason
from pcare_schemas.topics import provider_of_topic, slug_of

_SOURCE = re.compile(SOURCE_PATTERN)
_ID = re.compile(REF_PATTERN)
_LARGEST_PARTITION: Final = 2**31 - 1
_LARGEST_OFFSET: Final = 2**63 - 1


class State(StrEnum):
    """What may have become of an event that was accepted."""

    accepted = "accepted"
    recorded = "recorded"
    duplicate = "duplicate"
    rejected = "rejected"
    retracted = "retracted"


DETAILS: Final[dict[State, str]] = {
    State.accepted: "It is stored safely, and waits for the recorder. Ask again in a few seconds.",
    State.recorded: "It is in the record and counts.",
    State.duplicate: "The same event was recorded before: it counts once. Nothing is left to do.",
    State.rejected: "The recorder refused it: `problem` says why. Put it right and send it again.",
    State.retracted: "It was recorded, and taken back by an event-retracted: it does not count.",
}


def may_exist(source: str, id: str) -> bool:  # noqa: A002
    """Whether an event of this source and id could ever have been accepted. What could not is repeated nowhere."""
    return bool(_SOURCE.fullmatch(source) and _ID.fullmatch(id)) and not holds_one(f"{source} {id}".encode())


def place(text: str) -> Origin | None:
    """Return the place that `text` names, topic/partition/offset of a submitted record; None if it names none."""
    try:
        origin = Origin.parse(text)
        provider_of_topic(origin.topic)
    except ValueError:
        return None
    return origin if origin.partition <= _LARGEST_PARTITION and origin.offset <= _LARGEST_OFFSET else None


def may_stand_at(source: str, at: Origin) -> bool:
    """Whether an event of this source can be told of there: on the shared topic, or on the source's own."""
    return provider_of_topic(at.topic) in {None, slug_of(source)}


def receipt(source: str, id: str, at: Origin | None, known: Remembered) -> dict[str, Any] | None:  # noqa: A002
    """Return the receipt of an event, or None where there is nothing to tell of it.

    With `at`, of the event that was accepted there: the same event may have been sent many times. Without, of the
    event as such, and then what was recorded says more than an attempt that was rejected.
    """
    if at is not None:
        return _of_record(source, id, at, known)
    if known.recorded is not None:
        return _document(source, id, _state_of(known.recorded), None, _facts_of(known.recorded))
    if known.rejected is not None:
        return _document(source, id, State.rejected, None, _facts_of_rejection(known.rejected))
    return None


def _of_record(source: str, id: str, at: Origin, known: Remembered) -> dict[str, Any] | None:  # noqa: A002
    if known.next_offset is None or at.offset >= known.next_offset:
        return _document(source, id, State.accepted, at, {})
    if known.rejected is not None:
        if known.rejected.source != source or known.rejected.id != id:
            return None  # another event stood there
        return _document(source, id, State.rejected, at, _facts_of_rejection(known.rejected))
    if known.recorded is None or known.anothers:
        return None
    facts = _facts_of(known.recorded)
    if known.recorded.origin == at:
        return _document(source, id, _state_of(known.recorded), at, facts)
    first = {"status": str(_state_of(known.recorded)), "receipt": receipt_links.to(source, id, known.recorded.origin)}
    return _document(source, id, State.duplicate, at, {**facts, "duplicate_of": first})


def problem_of(rejected: Rejected) -> dict[str, Any]:
    """Return the problem document that the recorder rejected a record with."""
    try:
        meaning = MEANINGS[Reason(rejected.reason)]
    except ValueError:  # a newer recorder's
        meaning = None
    return {
        "type": PROBLEM_PREFIX + rejected.reason,
        "title": "The event was rejected" if meaning is None else meaning.title,
        "status": 422 if meaning is None else meaning.status,
        "detail": "See `reason` and `errors`." if meaning is None else meaning.action,
        "reason": rejected.reason,
        "errors": list(rejected.errors),
    }


def _state_of(recorded: Recorded) -> State:
    return State.retracted if recorded.retracted else State.recorded


def _facts_of(recorded: Recorded) -> dict[str, Any]:
    return {"kind": recorded.kind, "recorded_at": utc_milliseconds(recorded.recorded_at)}


def _facts_of_rejection(rejected: Rejected) -> dict[str, Any]:
    return {"received_at": utc_milliseconds(rejected.received_at), "problem": problem_of(rejected)}


def _document(source: str, id: str, state: State, at: Origin | None, facts: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    links = {"self": receipt_links.to(source, id, at)}
    if at is not None:
        links["event"] = receipt_links.to(source, id)
    if state is State.rejected:
        links["rejections"] = receipt_links.rejections(source)
    return {
        "source": source,
        "id": id,
        "status": str(state),
        "detail": DETAILS[state],
        **({} if at is None else {"at": str(at)}),
        **facts,
        "links": {**links, "documentation": "/docs"},
    }
