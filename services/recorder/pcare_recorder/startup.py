"""Reaching the dependencies at the start: for as long as it takes, visible to probes, and able to stop meanwhile."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pcare_common import logs
from pcare_common.backoff import delays
from pcare_common.clock import Clock
from pcare_common.postgres import tls_trouble
from pcare_recorder.errors import Dependency, ErrorKind, classify
from pcare_recorder.progress import Progress

LET_GO_SECONDS = 1.0

log = logs.get(__name__)

Connected = TypeVar("Connected")


class StoppedError(Exception):
    """The process was asked to stop before the dependency answered."""


async def reach(
    dependency: Dependency,
    connect: Callable[[], Coroutine[Any, Any, Connected]],
    *,
    progress: Progress,
    clock: Clock,
    stop: asyncio.Event,
) -> Connected:
    """Call `connect` until it succeeds, and return what it returns.

    Raises StoppedError when `stop` is set first, and what `connect` raises where waiting would not help.
    """
    waits = delays()
    while True:
        try:
            connected = await _unless_stopped(connect(), stop)
        except Exception as error:
            if classify(error) is not ErrorKind.TRANSIENT:
                raise
            progress.away(dependency, clock.monotonic())
            seconds = next(waits)
            log.warning(
                "waiting for a dependency to answer",
                dependency=dependency.value,
                error=type(error).__name__,
                detail=tls_trouble(error) or str(error),
                seconds=round(seconds, 2),
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), seconds)
                raise StoppedError from error
        else:
            progress.back(dependency, clock.monotonic())
            return connected


async def _unless_stopped(work: Coroutine[Any, Any, Connected], stop: asyncio.Event) -> Connected:
    working = asyncio.create_task(work, name="connect")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        while not working.done():
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done() and not working.done():
                raise StoppedError
        return working.result()
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.wait({working, stopping}, timeout=LET_GO_SECONDS)
