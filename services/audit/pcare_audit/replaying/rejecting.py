"""What the columns of a rejection must hold, by what was published of it. Pure."""

import datetime as dt
from typing import Any

import msgspec

from pcare_audit.replaying.rechecking import Rejected
from pcare_schemas.log import read_rejected
from pcare_schemas.origin import Origin
from pcare_schemas.topics import provider_of_topic


def unlike_columns(
    origin: Origin, text: bytes, kept: Rejected, received_at: dt.datetime, columns: tuple[Any, ...]
) -> list[str]:
    """Return the columns that hold something else. `columns` are errors, sender, source and id."""
    try:
        published = read_rejected(text)
        sender = provider_of_topic(origin.topic)
    except (msgspec.MsgspecError, ValueError):
        return ["published"]
    errors, *claims = columns
    data = published.data
    said = [{"pointer": one.pointer, "message": one.message, "expected": one.expected} for one in data.errors]
    compared = {
        "origin": (published.origin, str(origin)),
        "reason": (data.reason, kept.reason),
        "errors": (said, errors),
        "sender": (sender, claims[0]),
        "source": (data.event_source, claims[1]),
        "id": (data.event_id, claims[2]),
        "received_at": (published.time, received_at),
        "evidence": (data.evidence, kept.evidence),
        "redacted": (data.redacted, kept.redacted),
        "rules_version": (published.rulesversion, kept.rules_version),
    }
    return [name for name, (expected, found) in compared.items() if expected != found]
