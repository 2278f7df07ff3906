"""Time as a value that is handed in, so that tests state it and nothing sleeps to reach it."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where a service reads the time from."""

    def now(self) -> datetime:
        """Return the present instant: aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for measuring how long something took."""
        ...


class SystemClock:
    """The machine's own clock: what production runs on."""

    def now(self) -> datetime:
        """Return the present instant: aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()


@dataclass
class FixedClock:
    """A clock that stands still until it is told to move. `instant` must be aware."""

    instant: datetime
    _elapsed: float = field(default=0.0)

    def now(self) -> datetime:
        """Return the instant that was set, in UTC."""
        return self.instant.astimezone(UTC)

    def monotonic(self) -> float:
        """Return the seconds by which this clock was advanced."""
        return self._elapsed

    def advance(self, by: timedelta) -> None:
        """Move both readings forward by `by`."""
        self.instant += by
        self._elapsed += by.total_seconds()
