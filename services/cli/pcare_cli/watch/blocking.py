"""Runs what blocks (kafka-python) in one thread: a client that hangs holds up later looks, and gets no company."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class OneThread:
    """One thread, for one piece of work after the other."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="kafka")

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` does, in its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
