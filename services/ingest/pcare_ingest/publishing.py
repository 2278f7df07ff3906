"""What ingest asks of whatever publishes its events, said without a client library.

An event is either acknowledged by every in-sync replica, or it is not, and then the answer says whether it may have
been stored all the same. Both kinds of failure are safe to send again with the same id; neither is answered 202.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from pcare_common.health import Health


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to publish: `key` is the event's subject, `value` the exact bytes that were checked.

    `trace` are headers beside those that each record has, where its way is followed.
    """

    key: bytes
    value: bytes
    trace: Sequence[tuple[str, bytes]] = ()


class Failure(StrEnum):
    """Why an event was not acknowledged."""

    NOT_SENT = "not_sent"  # it never left this process
    UNKNOWN = "unknown"  # it left, and no acknowledgement came: it may or may not be on the topic


class Stored(NamedTuple):
    """Where an event stands that every in-sync replica has acknowledged.

    `offset` is None where the broker did not say: it had the batch already, and no longer knew from when.
    """

    topic: str
    partition: int
    offset: int | None


Outcome = Failure | Stored


class Publisher(Protocol):
    """Publishes events, keyed by subject, and says of each whether it was acknowledged.

    Called on the event loop's thread alone. Nothing here blocks.
    """

    def publish(self, records: Sequence[Outgoing]) -> asyncio.Future[list[Outcome]]:
        """Hand over `records`. The future yields one outcome a record, in order. It never raises and always ends."""
        ...

    def health(self) -> Health:
        """Say whether events can be published now, and what is missing if not."""
        ...


class Group:
    """The records of one call of `publish`, whose answer waits for the last of them."""

    __slots__ = ("_left", "_outcomes", "future")

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self.future: asyncio.Future[list[Outcome]] = loop.create_future()
        self._outcomes: list[Outcome] = [Failure.UNKNOWN] * size
        self._left = size
        if not size:
            self.future.set_result(self._outcomes)

    def settle(self, index: int, outcome: Outcome) -> None:
        """Note the outcome of one record. Each record is settled once."""
        self._outcomes[index] = outcome
        self._left -= 1
        if not self._left and not self.future.done():  # a caller that was cancelled took its future with it
            self.future.set_result(self._outcomes)


def not_sent(size: int, loop: asyncio.AbstractEventLoop) -> asyncio.Future[list[Outcome]]:
    """Return the finished answer for `size` records that could not be handed over."""
    answer: asyncio.Future[list[Outcome]] = loop.create_future()
    answer.set_result([Failure.NOT_SENT] * size)
    return answer
