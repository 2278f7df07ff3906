"""Ends the process at once where going on would be wrong: the supervisor starts it again, and the log is the state."""

import os
from typing import Any, NoReturn, Protocol

from pcare_common import logs, stacks
from pcare_common.errors import EXIT_TRY_AGAIN

log = logs.get(__name__)


class Leave(Protocol):
    """Ends the process. Tests hand in one that raises."""

    def __call__(self, reason: str, *, show_stacks: bool = False, **details: Any) -> NoReturn:
        """Say why, in words an operator understands, and never return."""
        ...


def leave_now(reason: str, *, show_stacks: bool = False, **details: Any) -> NoReturn:
    """Log the reason, with every thread's stack if asked for, and exit with status 75.

    Not by an exception and not by a clean stop: on its way out Faust would acknowledge the batch that it has in hand.
    """
    if show_stacks:
        details["stacks"] = stacks.dump()
    log.critical(reason, exit_status=EXIT_TRY_AGAIN, **details)
    os._exit(EXIT_TRY_AGAIN)
