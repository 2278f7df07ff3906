"""What every thread is doing, for the log of a process that is stuck."""

import sys
import threading
import traceback


def dump() -> dict[str, list[str]]:
    """Return the stack of each thread by the thread's name: file, line and function only, never a value."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return {
        f"{names.get(ident, 'unknown')}-{ident}": [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_stack(top)
        ]
        for ident, top in sys._current_frames().items()  # noqa: SLF001 - the documented way to see all threads
    }
