"""Ends a process that looks alive and does nothing. Faust and its client have ways to stop without an error.

Two dogs. One, in a thread, sees that the loop turns: frozen for half a session, the worker may already have lost its
partitions. The other, on the loop, sees that something is applied while there is something to apply.
"""

import threading
from dataclasses import dataclass

from pcare_common.clock import Clock
from pcare_kpi_aggregator.leave import Leave

LOOK_SECONDS = 0.5


class LoopWatchdog:
    """Watches that the loop calls `beat`. `limit_seconds` is the longest silence that is borne."""

    def __init__(self, *, limit_seconds: float, clock: Clock, leave: Leave) -> None:
        self._limit = limit_seconds
        self._clock = clock
        self._leave = leave
        self._last = clock.monotonic()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to watch, from a thread that keeps nothing alive."""
        self._last = self._clock.monotonic()
        threading.Thread(target=self._watch, name="loop-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no more: a clean stop has a deadline of its own."""
        self._stopped.set()

    def beat(self) -> None:
        """Say that the loop turns. Looks back too: after a stop of the whole process either may wake first."""
        self._check()
        self._last = self._clock.monotonic()

    @property
    def silence(self) -> float:
        """Seconds since the loop last turned."""
        return self._clock.monotonic() - self._last

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            self._check()

    def _check(self) -> None:
        silence = self.silence
        if silence > self._limit and not self._stopped.is_set():
            self._leave("the loop stood still for too long", show_stacks=True, seconds=round(silence, 1))


@dataclass(slots=True)
class ProgressWatchdog:
    """Watches that a worker which lags applies something within `limit_seconds`."""

    limit_seconds: float
    clock: Clock
    leave: Leave
    _progress: int = -1
    _since: float | None = None

    def look(self, *, progress: int, lagging: bool, why: str) -> None:
        """Compare with the last look; `progress` grows whenever anything is applied. `why` is for the log."""
        now = self.clock.monotonic()
        if not lagging or progress != self._progress or self._since is None:
            self._progress, self._since = progress, now
            return
        if now - self._since > self.limit_seconds:
            self.leave("nothing is counted although there is something to count", show_stacks=True, why=why)

    @property
    def age(self) -> float:
        """Seconds since anything was applied while there was something to apply; 0 where all is well."""
        return 0.0 if self._since is None else self.clock.monotonic() - self._since
