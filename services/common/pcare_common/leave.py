"""Ends the process at once where going on would be wrong: the supervisor starts it again."""

import asyncio
import os
from typing import Any, NoReturn, Protocol

from pcare_common import logs, stacks
from pcare_common.errors import EXIT_TRY_AGAIN

log = logs.get(__name__)


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
    """
    if show_stacks:
        details["stacks"] = stacks.dump(loop or asyncio._get_running_loop())  # noqa: SLF001 - None outside of any
    log.critical(reason, exit_status=status, **details)
    os._exit(status)
