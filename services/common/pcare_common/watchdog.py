"""Ends a process that is stuck, after writing what each thread and task was doing to the log.

It watches from a thread of its own, because the event loop may be what is stuck. Where Python itself is stuck, in
code of C that lets no other thread run, the interpreter's own timer ends the process instead.
"""

import asyncio
import faulthandler
import sys
import threading
from collections.abc import Callable

from pcare_common.clock import Clock
from pcare_common.health import Health
from pcare_common.leave import Leave, leave_now

PERIOD_SECONDS = 0.5
ASLEEP_SECONDS = 5.0
"""Not looking for so long means that the whole process was stopped: the loop gets its turn before it is judged."""

TIMER_FACTOR = 2
"""By how much the interpreter's own timer is more patient with the loop than this module."""

Stuck = Callable[[float], str | None]
"""Says at an instant of the monotonic clock, in words, why the process has to be started again; None if it need not."""


class Watchdog:
    """Watches `stuck`, and that the loop that `start` was called on turns at least every `loop_seconds`."""

    def __init__(self, stuck: Stuck, *, loop_seconds: float, clock: Clock, leave: Leave = leave_now) -> None:
        self._stuck = stuck
        self._loop_seconds = loop_seconds
        self._clock = clock
        self._leave = leave
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beat_at = self._looked_at = clock.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch. Call it on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._beat()
        self._set_timer()
        self._thread.start()

    def stop(self) -> None:
        """Stop watching: an orderly stop has a deadline of its own."""
        self._stop.set()
        self._thread.join()
        call_off_last_resort()

    def live(self) -> Health:
        """Answer the liveness probe."""
        reason = self._loop_stands_still(self._clock.monotonic())
        return Health((f"{reason}.",) if reason else ())

    def check(self) -> None:
        """Look once."""
        now = self._clock.monotonic()
        asleep = now - self._looked_at > ASLEEP_SECONDS
        self._looked_at = now
        why = None if asleep else self._loop_stands_still(now) or self._stuck(now)
        if why is not None:
            self._leave(
                "the process is stuck and ends itself, to be started again; the stacks say where it stood",
                why=why,
                show_stacks=True,
                loop=self._loop,
            )

    def _loop_stands_still(self, now: float) -> str | None:
        silent = now - self._beat_at
        return f"The loop has not turned for {silent:.0f} s" if silent >= self._loop_seconds else None

    def _beat(self) -> None:
        self._beat_at = self._clock.monotonic()
        if self._loop is not None and not self._stop.is_set():
            self._loop.call_later(PERIOD_SECONDS, self._beat)

    def _watch(self) -> None:
        while not self._stop.wait(PERIOD_SECONDS):
            self._set_timer()
            self.check()

    def _set_timer(self) -> None:
        put_off_last_resort(TIMER_FACTOR * self._loop_seconds)


def put_off_last_resort(seconds: float) -> None:
    """Let the interpreter end the process in so many seconds, from now: unless this is called again before."""
    if sys.__stderr__ is not None:
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)


def call_off_last_resort() -> None:
    """Let the interpreter not end the process."""
    faulthandler.cancel_dump_traceback_later()
