"""A thread that ends the process when its loop is stuck, after writing what every thread was doing to the log."""

import os
import threading
from collections.abc import Callable

from pcare_common import logs, stacks
from pcare_common.clock import Clock
from pcare_common.errors import EXIT_TRY_AGAIN
from pcare_recorder.progress import Progress

PERIOD_SECONDS = 1.0

log = logs.get(__name__)


class Watchdog:
    """Watches from outside the event loop, which may be what is stuck. `end` ends the process at once."""

    def __init__(self, progress: Progress, clock: Clock, end: Callable[[int], None] = os._exit) -> None:
        self._progress = progress
        self._clock = clock
        self._end = end
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()

    def check(self) -> bool:
        """Look once; return whether the process was told to end."""
        why = self._progress.stuck(self._clock.monotonic())
        if why is None:
            return False
        log.critical(
            "the recorder is stuck and ends itself, to be started again; the stacks say where it stood",
            why=why,
            stacks=stacks.dump(),
        )
        self._end(EXIT_TRY_AGAIN)
        return True

    def _watch(self) -> None:
        while not self._stop.wait(PERIOD_SECONDS):
            if self.check():
                return
