"""Waiting for a dependency at the start: as long as it takes, and not a moment longer once it was asked to stop."""

import asyncio

import pytest

from pcare_common.clock import SystemClock
from pcare_recorder.errors import Dependency
from pcare_recorder.progress import Progress
from pcare_recorder.startup import StoppedError, reach


async def refused() -> None:
    """Fail as a closed port does: before anything else can run."""
    raise ConnectionRefusedError


async def test_asked_to_stop_while_a_closed_port_is_tried_again_it_stops() -> None:
    stop = asyncio.Event()
    progress = Progress(SystemClock().monotonic(), 60, 180)
    waiting = asyncio.create_task(
        reach(Dependency.POSTGRESQL, refused, progress=progress, clock=SystemClock(), stop=stop)
    )
    await asyncio.sleep(0.05)
    assert not waiting.done()
    stop.set()
    with pytest.raises(StoppedError):
        await asyncio.wait_for(waiting, 5)


async def test_it_waits_until_the_dependency_answers() -> None:
    answers = iter((ConnectionRefusedError(), None))

    async def connect() -> str:
        error = next(answers)
        if error is not None:
            raise error
        return "connected"

    progress = Progress(SystemClock().monotonic(), 60, 180)
    reached = reach(Dependency.KAFKA, connect, progress=progress, clock=SystemClock(), stop=asyncio.Event())
    assert await reached == "connected"
