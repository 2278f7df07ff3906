"""Ends a process that looks alive and does nothing. Faust and its client have ways to stop without an error.

Two dogs. One, in a thread, sees that the loop turns: frozen for half a session, the worker may already have lost its
partitions. The other, on the loop, sees that something is applied while there is something to apply.
"""

import asyncio
import threading
from collections.abc import Hashable, Mapping

from pcare_common.clock import Clock
from pcare_common.leave import Leave
from pcare_common.watchdog import call_off_last_resort, put_off_last_resort

LOOK_SECONDS = 0.5
LONG_PART = 1 / 3
"""An outage that lasts for this part of the time without progress that ends the process is not counted in it."""

LAST_RESORT_SECONDS = 60.0
"""So long code of C may keep this module's thread from running; then Python itself ends the process."""


class LoopWatchdog:
    """Watches that the loop calls `beat`. `limit_seconds` is the longest silence that is borne."""

    def __init__(self, *, limit_seconds: float, clock: Clock, leave: Leave) -> None:
        self._limit = limit_seconds
        self._clock = clock
        self._leave = leave
        self._last = clock.monotonic()
        self._stopped = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to watch, from a thread that keeps nothing alive. Its stacks show the tasks of the running loop."""
        self._loop = asyncio._get_running_loop()  # noqa: SLF001 - None outside of any
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
        try:
            while not self._stopped.wait(LOOK_SECONDS):
                put_off_last_resort(LAST_RESORT_SECONDS)
                self._check()
        finally:
            call_off_last_resort()

    def _check(self) -> None:
        silence = self.silence
        if silence > self._limit and not self._stopped.is_set():
            self._leave(
                "the loop stood still for too long", show_stacks=True, loop=self._loop, seconds=round(silence, 1)
            )


class ProgressWatchdog:
    """Watches that whatever has something to do gets on with it within `limit_seconds`.

    Each thing is watched by itself: one partition may stand still while the others hide it.
    """

    def __init__(self, limit_seconds: float, clock: Clock, leave: Leave) -> None:
        self._limit = limit_seconds
        self._clock = clock
        self._leave = leave
        self._seen: dict[str, tuple[Hashable, float]] = {}
        self._looked_at = clock.monotonic()
        self._blind = False

    def blind(self) -> None:
        """Note that Kafka does not say what there is to do. How long that lasts is not counted, if it is long.

        Or the process would end as soon as Kafka is back. What is away every other second hides no standstill.
        """
        self._blind = True

    def look(self, busy: Mapping[str, Hashable]) -> None:
        """Compare with the last look. `busy` names what has something to do, with a value that its work changes."""
        now = self._clock.monotonic()
        unseen = now - self._looked_at if self._blind else 0.0
        forgiven = unseen if unseen >= LONG_PART * self._limit else 0.0
        self._looked_at, self._blind = now, False
        before = {what: (progress, min(now, since + forgiven)) for what, (progress, since) in self._seen.items()}
        self._seen = {
            what: before[what] if what in before and before[what][0] == progress else (progress, now)
            for what, progress in busy.items()
        }
        stuck = [what for what, (_, since) in self._seen.items() if now - since > self._limit]
        if stuck:
            self._leave("nothing is counted although there is something to count", show_stacks=True, stuck=stuck)

    @property
    def age(self) -> float:
        """Seconds since the slowest thing with something to do got on; 0 where all is well."""
        now = self._clock.monotonic()
        return max((now - since for _, since in self._seen.values()), default=0.0)
