"""Events gathered into batches that the service takes."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from pcare_client.event import Event

MAX_BATCH_EVENTS = 1_000
MAX_BATCH_BYTES = 8 * 1024 * 1024
BATCH_EVENTS = 500
"""How many events go into a request unless told otherwise: what is fastest."""

_BRACKETS = 2


class Gathering:
    """Holds events until they are a batch."""

    def __init__(self, most: int, most_bytes: int = MAX_BATCH_BYTES) -> None:
        if not 1 <= most <= MAX_BATCH_EVENTS:
            raise ValueError(f"a batch has 1 to {MAX_BATCH_EVENTS} events")
        self._most = most
        self._most_bytes = most_bytes
        self._events: list[Event] = []
        self._bytes = _BRACKETS

    def add(self, event: Event) -> list[Event]:
        """Take an event; return the batch that is complete without it, or nothing."""
        size = len(event.body) + 1
        full = len(self._events) >= self._most or self._bytes + size > self._most_bytes
        complete = self.rest() if full else []
        self._events.append(event)
        self._bytes += size
        return complete

    def rest(self) -> list[Event]:
        """Return what is held, and hold nothing any more."""
        events, self._events, self._bytes = self._events, [], _BRACKETS
        return events


def batches(events: Iterable[Event], most: int = BATCH_EVENTS) -> Iterator[list[Event]]:
    """Yield the events in batches, in order; never holds more than one."""
    gathering = Gathering(most)
    for event in events:
        complete = gathering.add(event)
        if complete:
            yield complete
    last = gathering.rest()
    if last:
        yield last


async def async_batches(
    events: Iterable[Event] | AsyncIterable[Event], most: int = BATCH_EVENTS
) -> AsyncIterator[list[Event]]:
    """Yield the events in batches, in order, whichever way they come."""
    if not isinstance(events, AsyncIterable):
        for batch in batches(events, most):
            yield batch
        return
    gathering = Gathering(most)
    async for event in events:
        complete = gathering.add(event)
        if complete:
            yield complete
    last = gathering.rest()
    if last:
        yield last
