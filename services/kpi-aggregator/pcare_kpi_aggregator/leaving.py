"""On the way out each step has a bound, and none keeps the next one from being taken."""

import asyncio
from collections.abc import Awaitable

from pcare_common import logs

log = logs.get(__name__)


async def within(seconds: float, work: Awaitable[object], what: str) -> None:
    """Do some work, for so many seconds at most. Never raises; `what` is its name in the log."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        log.warning("did not stop in time; leaving without it", what=what)
    except Exception as error:  # noqa: BLE001 - on the way out the next step matters more; the state is in the log
        log.warning("did not stop cleanly", what=what, error=repr(error))
