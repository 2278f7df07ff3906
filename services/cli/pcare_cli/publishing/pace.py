"""No more events a second than allowed."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """Says how long to wait before the next batch. `rate` is events a second; None: as fast as it goes.

    What was not used is not saved up: a break is followed by no burst.
    """

    rate: float | None
    _free_at: float = field(default=0.0)

    def seconds(self, events: int, now: float) -> float:
        """Return the seconds to wait from `now` (monotonic) before so many events may go."""
        if self.rate is None:
            return 0.0
        begin = max(now, self._free_at)
        self._free_at = begin + events / self.rate
        return begin - now
