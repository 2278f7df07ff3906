"""Aggregator: a million events of 300,000 people read again, the first number, live events a second, and memory.

Beside what the clock says stands the processor time of the process: a machine that is busy with other things does not
move it much.
"""

import asyncio
import json
import time
from datetime import datetime
from pathlib import Path

import httpx

from pcare_schemas.topics import RECORDED
from results import Figure
from stand import Stand, in_a_process_of_its_own

EVENTS = 1_000_000
PEOPLE = 300_000
EVENTS_LIVE = 100_000
POLL_SECONDS = 0.25  # each look makes it finish all numbers, which takes the time that counting needs
PATIENCE_SECONDS = 300.0


async def measure(stand: Stand, run: int) -> list[Figure]:
    """Measure once. The log grows a little from run to run; the ceiling is taken on the same log."""
    if run == 0:
        await fill(stand, EVENTS, 3_000)
    bare = in_a_process_of_its_own("bare_consumer.py", stand.bootstrap_servers)
    ceiling = bare["events_per_second"]
    begun = time.monotonic()
    with stand.spawned("kpi-aggregator") as log:
        async with httpx.AsyncClient(base_url=stand.layout.aggregator, trust_env=False, timeout=60) as client:
            first = await until_complete(client, begun)
            rebuilt, worked = _rebuild_seconds(log), await processor_seconds_of(client)
            live, worked_live = await _live(stand, client, run)
            memory = await memory_of(client)
    return [
        Figure("aggregator", "ceiling: consumer alone", "events/s", ceiling),
        Figure("aggregator", "rebuild", "events/s", bare["events"] / rebuilt, ceiling),
        Figure("aggregator", f"rebuild of {EVENTS:,} events of {PEOPLE:,} people", "s", rebuilt),
        Figure("aggregator", "start of the process to the first exact number", "s", first),
        Figure("aggregator", "processor time until then", "s", worked),
        Figure("aggregator", "live, through Faust", "events/s", live, ceiling),
        Figure("aggregator", "live, events a second of processor time", "events/s", worked_live, ceiling),
        Figure("aggregator", "memory afterwards", "MiB", memory),
    ]


async def fill(stand: Stand, events: int, seed: int, rate: int = 0) -> None:
    """Write events to the log from another process."""
    arguments = (RECORDED, stand.bootstrap_servers, str(events), str(seed), str(PEOPLE), str(rate))
    await asyncio.to_thread(in_a_process_of_its_own, "filling.py", *arguments)


async def until_complete(client: httpx.AsyncClient, begun: float) -> float:
    """Wait for the first exact numbers, and return how many seconds after `begun` they came."""
    while time.monotonic() < begun + PATIENCE_SECONDS:
        try:
            answer = (await client.get("/kpis", params={"kpi": "upc_people"})).json()
            if answer["complete"] and all(partition["lag"] == 0 for partition in answer["partitions"]):
                return time.monotonic() - begun
        except httpx.TransportError:
            pass  # it does not listen yet
        await asyncio.sleep(POLL_SECONDS)
    raise TimeoutError("no number came")


async def applied_by(client: httpx.AsyncClient) -> float:
    """Return how many events it has counted since it started."""
    return await _sample(client, "pcare_kpi_applied_events_total")


async def memory_of(client: httpx.AsyncClient) -> float:
    """Return its resident memory in MiB."""
    return await _sample(client, "process_resident_memory_bytes") / 2**20


async def processor_seconds_of(client: httpx.AsyncClient) -> float:
    """Return how many seconds of processor time it has used since it started."""
    return await _sample(client, "process_cpu_seconds_total")


def _rebuild_seconds(log: Path) -> float:
    """Return the seconds from the assignment of the partitions to the last one being ready, as the service says."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assigned = min(_instant(line) for line in lines if line["event"] == "partitions assigned")
    return max(_instant(line) for line in lines if line["event"] == "partition ready") - assigned


def _instant(line: dict[str, str]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


async def _live(stand: Stand, client: httpx.AsyncClient, run: int) -> tuple[float, float]:
    """Return the events a second while the aggregator works off what is written faster than it reads.

    Once of the clock, once of its processor time.
    """
    before = await applied_by(client)
    filling = asyncio.create_task(fill(stand, EVENTS_LIVE, 4_000 + run))
    while (first := await applied_by(client)) == before:
        await asyncio.sleep(POLL_SECONDS)
    begun, worked = time.perf_counter(), await processor_seconds_of(client)
    while (now := await applied_by(client)) < before + EVENTS_LIVE:
        await asyncio.sleep(POLL_SECONDS)
    took, worked = time.perf_counter() - begun, await processor_seconds_of(client) - worked
    await filling
    return (now - first) / took, (now - first) / worked


async def _sample(client: httpx.AsyncClient, name: str) -> float:
    for line in (await client.get("/metrics")).text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    return 0.0
