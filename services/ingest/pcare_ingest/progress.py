"""Health is progress: whether Kafka acknowledges what it is handed, and whether everybody gets an answer.

Times are readings of a monotonic clock, in seconds. That the loop turns is the watchdog's to see, which asks `stuck`
from its own thread.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from pcare_common.clock import Clock
from pcare_common.health import Health
from pcare_ingest.publishing import Outcome, Outgoing, Publisher, Stored

FORGOTTEN_AFTER_SECONDS = 30.0
"""When nobody has sent anything for so long, what was not acknowledged before says nothing of now."""

Published = asyncio.Future[list[Outcome]]


class Progress:
    """What was handed over and not answered. `not_ready_after`, `exit_after`: seconds without progress.

    By contract an answer comes within the time that Kafka is given, if only to say that it did not acknowledge. One
    that does not come is a fault in here, and so is a keeper of the session with Kafka that takes no next step.
    """

    def __init__(self, now: float, *, not_ready_after: float, exit_after: float) -> None:
        self._not_ready_after = not_ready_after
        self._exit_after = exit_after
        self._waiting: dict[Published, float] = {}  # in the order in which they came
        self._owed_since: float | None = None
        self._offered_at = self._turned_at = now

    def offered(self, published: Published, now: float) -> None:
        """Note that something was handed over, whose answer is `published`."""
        self._waiting[published] = self._offered_at = now
        if self._owed_since is None:
            self._owed_since = now

    def answered(self, published: Published, *, acknowledged: bool) -> None:
        """Note that it is answered; `acknowledged`: at least a part of it is safe."""
        self._waiting.pop(published, None)
        if acknowledged:
            self._owed_since = next(iter(self._waiting.values()), None)

    def turned(self, now: float) -> None:
        """Note that the keeper of the session with Kafka took a step."""
        self._turned_at = now

    def age(self, now: float) -> float:
        """Return since when Kafka owes an acknowledgement, in seconds; 0 when it owes none, or none is asked for."""
        if self._owed_since is None:
            return 0.0
        if not self._waiting and now - self._offered_at > FORGOTTEN_AFTER_SECONDS:
            return 0.0
        return now - self._owed_since

    def ready(self, now: float) -> Health:
        """Answer the readiness probe, as far as it is about progress."""
        age = self.age(now)
        if age < self._not_ready_after:
            return Health()
        return Health((f"Events came, and Kafka has not acknowledged them for {age:.0f} s.",))

    def stuck(self, now: float) -> str | None:
        """Return why the process should end and be started again, or None. Never because Kafka is away."""
        waiting = now - self._oldest(now)
        if waiting >= self._exit_after:
            return f"an event has waited {waiting:.0f} s for an answer that should have come long ago"
        if now - self._turned_at >= self._exit_after:
            return f"the session with Kafka has not been looked after for {now - self._turned_at:.0f} s"
        return None

    def _oldest(self, now: float) -> float:
        with suppress(RuntimeError):  # the loop's thread changed it meanwhile: then it is no standstill
            return next(iter(self._waiting.values()), now)
        return now


class Watched:
    """A publisher whose answers `progress` hears of."""

    def __init__(self, publisher: Publisher, progress: Progress, clock: Clock) -> None:
        self._publisher = publisher
        self._progress = progress
        self._clock = clock

    def publish(self, records: Sequence[Outgoing]) -> Published:
        """See the protocol."""
        published = self._publisher.publish(records)
        if records:
            self._progress.offered(published, self._clock.monotonic())
            published.add_done_callback(self._answered)
        return published

    def health(self) -> Health:
        """Say what the publisher says, and whether there is progress."""
        return Health(self._publisher.health().reasons + self._progress.ready(self._clock.monotonic()).reasons)

    def _answered(self, published: Published) -> None:
        acknowledged = not published.cancelled() and any(isinstance(one, Stored) for one in published.result())
        self._progress.answered(published, acknowledged=acknowledged)
