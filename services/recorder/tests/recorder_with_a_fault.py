"""Run the recorder as production does, with one fault: `recorder_with_a_fault.py POINT NTH kill|stop`.

At the NTH time that the work comes to POINT the process gets SIGKILL, or SIGSTOP until somebody continues it.
"""

import asyncio
import os
import signal
import sys

from pcare_common import logs, settings
from pcare_common.clock import SystemClock
from pcare_common.shutdown import stop_on_signals
from pcare_recorder.app import serve
from pcare_recorder.faults import Point
from pcare_recorder.settings import RecorderSettings

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class StrikeOnce:
    """Sends this process a signal at one instant."""

    def __init__(self, point: Point, nth: int, signum: signal.Signals) -> None:
        self._point = point
        self._left = nth
        self._signum = signum

    async def reach(self, point: Point) -> None:
        if point is self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._signum)


async def run() -> None:
    point, nth, what = sys.argv[1:]
    fault = StrikeOnce(Point(point), int(nth), SIGNALS[what])
    await serve(settings.load(RecorderSettings), stop_on_signals(), clock=SystemClock(), faults=fault)


if __name__ == "__main__":
    logs.configure("recorder", log_format="console", level="warning")
    asyncio.run(run())
