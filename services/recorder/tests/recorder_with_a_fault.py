"""Run the recorder as production does, with one fault: `recorder_with_a_fault.py POINT NTH WHAT`.

At the NTH time that the work comes to POINT the process gets SIGKILL (`kill`), SIGSTOP until somebody continues it
(`stop`), or is wedged: `wait` for what never comes, `sleep` on the loop's thread, `lock` which nobody releases, `spin`
in code of C that lets no other thread run. `listener NTH wait` is the consumer group's listener that never returns.
"""

import asyncio
import os
import re
import signal
import sys
import threading
import time

import uvloop

from pcare_common import logs, settings
from pcare_common.clock import SystemClock
from pcare_common.shutdown import stop_on_signals
from pcare_recorder.app import serve
from pcare_recorder.faults import NoFaults, Point
from pcare_recorder.intake import Intake
from pcare_recorder.settings import RecorderSettings

LISTENER = "listener"


async def wait_for_what_never_comes() -> None:
    await asyncio.Event().wait()


async def sleep_on_the_loop() -> None:
    time.sleep(3600)  # noqa: ASYNC251 - what is being tested


async def take_a_lock_that_nobody_releases() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


async def spin_in_code_of_c() -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")


async def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


WHAT = {
    "kill": kill,
    "stop": stop,
    "wait": wait_for_what_never_comes,
    "sleep": sleep_on_the_loop,
    "lock": take_a_lock_that_nobody_releases,
    "spin": spin_in_code_of_c,
}


class StrikeOnce:
    """Does something to this process at one instant."""

    def __init__(self, point: Point, nth: int, what: str) -> None:
        self._point = point
        self._left = nth
        self._what = WHAT[what]

    async def reach(self, point: Point) -> None:
        if point is self._point:
            self._left -= 1
            if self._left == 0:
                await self._what()


async def run() -> None:
    point, nth, what = sys.argv[1:]
    if point == LISTENER:
        Intake.on_partitions_assigned = lambda *_arguments: WHAT[what]()  # type: ignore[assignment,method-assign]
    fault = NoFaults() if point == LISTENER else StrikeOnce(Point(point), int(nth), what)
    await serve(settings.load(RecorderSettings), stop_on_signals(), clock=SystemClock(), faults=fault)


if __name__ == "__main__":
    logs.configure("recorder", log_format="json", level="warning")
    uvloop.run(run())
