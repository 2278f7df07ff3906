"""Soak: the aggregator's memory under a long steady load, against that of a process that reads the same log afresh.

Facts are kept for ever, so memory grows with the log. What must not grow is anything else: so a worker that has lived
through the load may need no more than one that has just read its log.
"""

import asyncio
import sys
import time

import httpx

from measure_aggregator import PEOPLE, applied_by, fill, memory_of, until_complete
from results import Figure
from stand import Stand

EVENTS_BEFORE = 100_000
EVENTS_A_SECOND = 500
LOOK_SECONDS = 60.0


async def measure(stand: Stand, run: int, *, minutes: float) -> list[Figure]:
    """Measure once, for so many minutes."""
    if run == 0:
        await fill(stand, EVENTS_BEFORE, 5_000)
    before, lived, events = await _live_through(stand, run, minutes)
    fresh = await _read_afresh(stand)
    return [
        Figure("soak", f"events in {minutes:g} minutes, of {PEOPLE:,} people", "events", events),
        Figure("soak", "memory before", "MiB", before),
        Figure("soak", "memory after", "MiB", lived),
        Figure("soak", "memory of a process that reads the same log afresh", "MiB", fresh),
        Figure("soak", "memory after, in hundredths of that", "%", 100 * lived / fresh),
    ]


async def _live_through(stand: Stand, run: int, minutes: float) -> tuple[float, float, float]:
    with stand.spawned("kpi-aggregator"):
        async with httpx.AsyncClient(base_url=stand.layout.aggregator, trust_env=False, timeout=60) as client:
            await until_complete(client, time.monotonic())
            before, applied = await memory_of(client), await applied_by(client)
            events = int(minutes * 60 * EVENTS_A_SECOND)
            filling = asyncio.create_task(fill(stand, events, 6_000 + run, EVENTS_A_SECOND))
            while not filling.done():
                await asyncio.wait([filling], timeout=LOOK_SECONDS)
                sys.stderr.write(f"soak: {await applied_by(client):,.0f} events, {await memory_of(client):,.0f} MiB\n")
            await filling
            while await applied_by(client) < applied + events:
                await asyncio.sleep(1)
            return before, await memory_of(client), await applied_by(client) - applied


async def _read_afresh(stand: Stand) -> float:
    with stand.spawned("kpi-aggregator"):
        async with httpx.AsyncClient(base_url=stand.layout.aggregator, trust_env=False, timeout=60) as client:
            await until_complete(client, time.monotonic())
            return await memory_of(client)
