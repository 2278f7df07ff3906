"""How much ingest may have in hand at once.

Kafka's clients buffer without a bound. What is let in is therefore bounded here, from the first byte read of a
request to its answer, so that a broker that is away or a flood of requests ends in 503s and not in a full memory.
"""

from types import TracebackType


class OverloadedError(Exception):
    """There is too much in hand to take this as well. The sender should wait a little and send again."""


class Admission:
    """The count of what is in hand. Touched on the event loop's thread alone."""

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self.events = 0
        self.bytes = 0

    def take(self, *, events: int = 0, size: int = 0) -> None:
        """Take `events` more events and `size` more bytes in hand, both or neither.

        Raises OverloadedError when either would pass its bound. The settings keep the bounds above what one request may
        carry.
        """
        if self.events + events > self._max_events or self.bytes + size > self._max_bytes:
            raise OverloadedError
        self.events += events
        self.bytes += size

    def release(self, *, events: int, size: int) -> None:
        """Put down what was taken."""
        self.events -= events
        self.bytes -= size


class Hold:
    """What one request has in hand; put down when the `with` block ends, whatever ends it."""

    __slots__ = ("_admission", "_bytes", "_events")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._events = 0
        self._bytes = 0

    def take(self, *, events: int = 0, size: int = 0) -> None:
        """Take more. Raises OverloadedError; what was taken before stays until the block ends."""
        self._admission.take(events=events, size=size)
        self._events += events
        self._bytes += size

    def __enter__(self) -> "Hold":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admission.release(events=self._events, size=self._bytes)
