"""What ingest asks of whatever remembers what became of events, said without a client library."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pcare_schemas.origin import Origin


class ReceiptsAwayError(Exception):
    """What became of events cannot be looked up now. The message is for an operator; the request may be repeated."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event that was recorded: where the record stood that it was recorded from."""

    kind: str
    recorded_at: dt.datetime
    origin: Origin
    retracted: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was rejected. `errors` are the members of the problem document; who claims to have sent what."""

    source: str | None
    id: str | None
    reason: str
    errors: Sequence[dict[str, Any]]
    received_at: dt.datetime
    origin: Origin


@dataclass(frozen=True, slots=True)
class Remembered:
    """All that is known of an event at one instant.

    `next_offset` is up to where the recorder has judged the partition that was asked for; None: nothing of it yet.
    `rejected` is the rejection of the record that was asked for; where none was, the last one of such an event.
    `anothers`: the record that was asked for was rejected, and is not the provider's.
    """

    next_offset: int | None
    recorded: Recorded | None
    rejected: Rejected | None
    anothers: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in the order of a provider's rejections: when the broker took the record in, and where."""

    received_at: dt.datetime
    origin: Origin


class ReceiptStore(Protocol):
    """Looks up what became of events. Each call takes a bounded time; raises ReceiptsAwayError."""

    async def remembered(self, source: str, id: str, at: Origin | None) -> Remembered:  # noqa: A002
        """Return what is known of the event, and of the record at `at` if that is given."""
        ...

    async def rejections(self, source: str, after: Place, limit: int) -> list[Rejected]:
        """Return the first `limit` rejections behind `after` that belong to the provider `source`, in order."""
        ...
