"""Run ingest as production does, but that a request is wedged: `ingest_with_a_fault.py wait|sleep|lock|session`."""

import asyncio
import sys
import threading
import time
from typing import Any

from pcare_ingest.app import main
from pcare_ingest.kafka_publisher import KafkaPublisher
from pcare_ingest.partition_queue import PartitionQueue


async def wait_for_what_never_comes(*_arguments: Any) -> None:
    while True:  # not even to be cancelled: a client's own loop may swallow that
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


async def sleep_on_the_loop(*_arguments: Any) -> None:
    time.sleep(3600)  # noqa: ASYNC251 - what is being tested


async def take_a_lock_that_nobody_releases(*_arguments: Any) -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


WHAT = {"wait": wait_for_what_never_comes, "sleep": sleep_on_the_loop, "lock": take_a_lock_that_nobody_releases}

if __name__ == "__main__":
    if sys.argv[1] == "session":
        KafkaPublisher._connect = wait_for_what_never_comes  # type: ignore[assignment,method-assign]
    else:
        PartitionQueue._send = WHAT[sys.argv[1]]  # type: ignore[assignment,method-assign]
    main()
