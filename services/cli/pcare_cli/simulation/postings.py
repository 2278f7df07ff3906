"""What goes over the wire: an event, or what should have been one, with what is expected to become of it."""

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pcare_cli.simulation.organisations import Organisation, Way
from pcare_cli.simulation.teller import Told
from pcare_schemas.rejections import Reason


class Expected(Enum):
    """What should become of a posting. Exactness is judged without it: it only describes the mixture."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Posting:
    """One message. `value` are its bytes; `key` is the record's key on the Kafka way, None over HTTP.

    `source` and `id` are the event's, if it can be read. `alone`: it cannot travel in a batch. `last`: it makes sense
    only after all others have been answered. `reason` is the rejection to expect.
    """

    organisation: Organisation
    value: bytes = field(repr=False)
    key: bytes | None
    source: str | None
    id: str | None
    expected: Expected = Expected.RECORDED
    reason: Reason | None = None
    alone: bool = False
    last: bool = False

    @property
    def way(self) -> Way:
        """How it travels."""
        return self.organisation.way


def as_text(document: dict[str, Any], *, spaced: bool = False) -> bytes:
    """Return a document as JSON. `spaced` writes the same content in other bytes, as another library would."""
    if spaced:
        turned_round = dict(reversed(document.items()))
        return json.dumps(turned_round, indent=1, ensure_ascii=True).encode()
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def posting(told: Told, **changes: Any) -> Posting:
    """Return an event as its organisation sends it; `changes` are fields of the posting that differ."""
    fields: dict[str, Any] = {
        "organisation": told.organisation,
        "value": as_text(told.document),
        "key": key_of(told) if told.organisation.way is Way.KAFKA else None,
        "source": told.document["source"],
        "id": told.document["id"],
    }
    return Posting(**{**fields, **changes})


def key_of(told: Told) -> bytes:
    """Return the key that a record of this event must have."""
    return str(told.document["subject"]).encode()
