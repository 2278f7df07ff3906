"""SIGTERM and SIGINT: finish what is in hand, then go."""

import asyncio
import signal

GRACE_SECONDS = 10.0  # what an orchestrator grants before SIGKILL; every service must be gone by then


def stop_on_signals() -> asyncio.Event:
    """Return an event that is set when the process is asked to stop. Call it inside the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    return stop
