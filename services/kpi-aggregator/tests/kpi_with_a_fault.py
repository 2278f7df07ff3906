"""Run the kpi-aggregator as production does, but wedged: `kpi_with_a_fault.py listener|agent|sleep|lock|reader`."""

import asyncio
import sys
import threading
import time
from typing import Any

from pcare_kpi_aggregator.app import main
from pcare_kpi_aggregator.log_reader import LogReader
from pcare_kpi_aggregator.runtime import LogConsumer
from pcare_kpi_aggregator.worker import KpiWorker


async def wait_for_what_never_comes(*_arguments: Any) -> None:
    await asyncio.Event().wait()


def do_nothing(*_arguments: Any) -> None:
    """Take in records and count none, as an agent does that hangs."""


def sleep_on_the_loop(*_arguments: Any) -> None:
    time.sleep(3600)


def take_a_lock_that_nobody_releases(*_arguments: Any) -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


WHAT: dict[str, tuple[type, str, Any]] = {
    "listener": (LogConsumer, "perform_seek", wait_for_what_never_comes),
    "agent": (KpiWorker, "take", do_nothing),
    "sleep": (KpiWorker, "take", sleep_on_the_loop),
    "lock": (KpiWorker, "take", take_a_lock_that_nobody_releases),
    "reader": (LogReader, "_apply", take_a_lock_that_nobody_releases),
}

if __name__ == "__main__":
    owner, name, fault = WHAT[sys.argv[1]]
    setattr(owner, name, fault)
    main()
