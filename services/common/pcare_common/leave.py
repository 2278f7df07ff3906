"""Ends the process at once where going on would be wrong: the supervisor starts it again."""

import asyncio
import os
import threading
from typing import Any, NoReturn, Protocol

from pcare_common import logs, stacks
from pcare_common.errors import EXIT_TRY_AGAIN

log = logs.get(__name__)

OTHER_LEAVES_SECONDS = 10.0
"""So long a thread waits for another that leaves, lest the log be where that one is stuck."""
_leaving = threading.Lock()


class Leave(Protocol):
    """Ends the process. Tests hand in one that raises."""

    def __call__(
        self,
        reason: str,
        *,
        show_stacks: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        status: int = EXIT_TRY_AGAIN,
        **details: Any,
    ) -> NoReturn:
        """Say why, in words an operator understands, and never return."""
        ...


def leave_now(
    reason: str,
    *,
    show_stacks: bool = False,
    loop: asyncio.AbstractEventLoop | None = None,
    status: int = EXIT_TRY_AGAIN,
    **details: Any,
) -> NoReturn:
    """Log the reason, with the stacks of all threads and of the tasks of `loop` if asked for, and exit.

    The status is 75, start it again, unless somebody has to act (78).
    Not by an exception and not by a clean stop: whatever is stuck would not let either of them through, and Faust
    would acknowledge on its way out the batch that it has in hand. `loop` is the running one where none is given.
    A process that was stopped is ended by whichever of its threads wakes first: the reason is said once.
    """
    _leaving.acquire(timeout=OTHER_LEAVES_SECONDS)
    if show_stacks:
        details["stacks"] = stacks.dump(loop or asyncio._get_running_loop())  # noqa: SLF001 - None outside of any
    log.critical(reason, exit_status=status, **details)
    os._exit(status)
