"""What every thread and every task is doing, for the log of a process that is stuck.

A thread whose event loop waits shows nothing but that it waits: what it waits for stands in the loop's tasks.
"""

import asyncio
import sys
import threading
import traceback
from collections.abc import Iterable
from types import CodeType
from typing import Any

MOST_TASKS = 50
"""Tasks that stand at the same place are told once; of different places no more than this."""


def dump(loop: asyncio.AbstractEventLoop | None = None) -> dict[str, list[str]]:
    """Return the stack of each thread by its name, and of each task of `loop`: file, line and function, never a value.

    May be called from any thread.
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    threads = {
        f"{names.get(ident, 'unknown')}-{ident}": [
            _place(frame.filename, frame.lineno, frame.name) for frame in traceback.extract_stack(top)
        ]
        for ident, top in sys._current_frames().items()  # noqa: SLF001 - the documented way to see all threads
    }
    return threads | ({} if loop is None else _tasks(asyncio.all_tasks(loop)))


def _tasks(tasks: Iterable["asyncio.Task[Any]"]) -> dict[str, list[str]]:
    standing: dict[tuple[str, ...], list[str]] = {}
    for task in tasks:
        standing.setdefault(_awaits(task.get_coro()), []).append(task.get_name())
    return {
        f"task {names[0]}" + (f" and {len(names) - 1} more" if names[1:] else ""): list(places)
        for places, names in list(standing.items())[:MOST_TASKS]
    }


def _awaits(awaited: Any) -> tuple[str, ...]:
    """Return where a coroutine stands, and what it awaits, to the last that has a frame of its own."""
    places = []
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            code: CodeType = frame.f_code
            places.append(_place(code.co_filename, frame.f_lineno, code.co_name))
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return tuple(places)


def _place(file: str, line: int | None, function: str) -> str:
    return f"{file}:{line} {function}"
