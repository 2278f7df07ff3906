"""What an event says, as one hash: how a retry is told from a second event under the same id."""

import hashlib
from typing import Any

import orjson

from pcare_schemas.envelope import Event
from pcare_schemas.instants import utc


def payload(event: Event) -> dict[str, Any]:
    """Return `data` as it stands in the log: defaults written out, what is absent left out."""
    return event.data.model_dump(mode="json", exclude_none=True)


def content_hash(event: Event, subject: str) -> bytes:
    """Return the SHA-256 of the canonical JSON (RFC 8785) of type, subject, time in UTC and data with defaults.

    `subject` is the one in the log, so that the log alone is enough to compute it again, and a new pseudonym key
    does not turn a retry into a conflict. Formatting does not count: order of fields and of sets, white space, the
    offset of the time, 47 or 47.0, a default written or left out. Nor do `traceparent`, `recordedtime`, `dataschema`.
    """
    return hash_of(event.type, subject, utc(event.time), payload(event))


def hash_of(type: str, subject: str, time: str, data: dict[str, Any]) -> bytes:  # noqa: A002
    """Return the same hash from the parts of a log record."""
    content = {"type": type, "subject": subject, "time": time, "data": _made_whole(data)}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def _made_whole(data: dict[str, Any]) -> dict[str, Any]:
    """Write 47.0 as 47, as RFC 8785 does.

    All else orjson writes as RFC 8785 would: the contract has only ASCII text, fields sort alike in UTF-8 and UTF-16,
    integers are below 2^53, and other floats lie between 0.01 and 100, where the shortest form has no exponent.
    """
    whole = {name: int(value) for name, value in data.items() if type(value) is float and value.is_integer()}
    return data | whole if whole else data
