"""Listening until the provider's own system has shown everything, or the time is up, or somebody presses Ctrl-C."""

import asyncio
import signal
from collections.abc import Callable, Sequence

import httpx

from pcare_cli.conformance.listening import Listener
from pcare_cli.conformance.script import Requirement
from pcare_cli.conformance.seen import Seen
from pcare_common.clock import Clock
from pcare_common.http import HttpServer

HOST = "127.0.0.1"


async def watch(
    client: httpx.AsyncClient,
    port: int,
    minutes: float,
    *,
    wants: Sequence[Requirement],
    clock: Clock,
    tell: Callable[[str], None],
) -> list[Seen]:
    """Listen on a port of this machine, say what is still wanted and what has been seen, and return what went by."""
    changed = asyncio.Event()
    listener = Listener(client, clock, changed.set)
    server = HttpServer(listener.app(), host=HOST, port=port)
    await server.start()
    tell(f"\nNow your own system. Let it send to http://{HOST}:{port}, for test persons only, and do this:")
    for one in wants:
        tell(f"  - {one.ask}")
    tell(f"The kit ends by itself when all is seen, after {minutes:g} minutes, or with Ctrl-C.\n")
    seeing = asyncio.create_task(_until_all(listener, wants, changed, tell), name="seeing")
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, seeing.cancel)
    try:
        await asyncio.wait({seeing}, timeout=minutes * 60)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        await server.stop()
    if not seeing.done() or seeing.cancelled():
        seeing.cancel()
        tell("Ended before all was seen.")
    else:
        seeing.result()
    return listener.seen


async def _until_all(
    listener: Listener, wants: Sequence[Requirement], changed: asyncio.Event, tell: Callable[[str], None]
) -> None:
    shown: set[str] = set()
    while True:
        holds = {one.name for one in wants if not one.judge(listener.seen).failed}
        for one in wants:
            if one.name in holds - shown:
                tell(f"  seen: {one.title}")
        shown |= holds
        if len(holds) == len(wants):
            return
        await changed.wait()
        changed.clear()
