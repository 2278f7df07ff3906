"""Aggregator: rebuild and live events a second, against a consumer that reads and does nothing."""

import asyncio
import json
import time
from datetime import datetime
from pathlib import Path

import httpx

from pcare_schemas.topics import RECORDED
from results import Figure
from stand import Stand, in_a_process_of_its_own

EVENTS_TO_REBUILD = 200_000
EVENTS_LIVE = 60_000
POLL_SECONDS = 0.02


async def measure(stand: Stand, run: int) -> list[Figure]:
    """Measure once. The log grows from run to run; the ceiling is taken on the same log."""
    if run == 0:
        in_a_process_of_its_own("filling.py", RECORDED, stand.bootstrap_servers, str(EVENTS_TO_REBUILD), "3000")
    bare = in_a_process_of_its_own("bare_consumer.py", stand.bootstrap_servers)
    async with stand.running("kpi-aggregator"):
        rebuilt = _rebuild_seconds(stand.layout.log("kpi-aggregator"))
        live = await _live(stand, run)
        memory = await _memory(stand)
    return [
        Figure("aggregator", "ceiling: consumer alone", "events/s", bare["events_per_second"]),
        Figure("aggregator", "rebuild", "events/s", bare["events"] / rebuilt, bare["events_per_second"]),
        Figure("aggregator", "live, through Faust", "events/s", live, bare["events_per_second"]),
        Figure("aggregator", f"memory after {bare['events'] + EVENTS_LIVE:,.0f} events", "MiB", memory),
    ]


def _rebuild_seconds(log: Path) -> float:
    """Return the seconds from the assignment of the partitions to the last one being ready, as the service says."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assigned = min(_instant(line) for line in lines if line["event"] == "partitions assigned")
    return max(_instant(line) for line in lines if line["event"] == "partition ready") - assigned


def _instant(line: dict[str, str]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


async def _live(stand: Stand, run: int) -> float:
    """Return the events a second while the aggregator works off what is written faster than it reads."""
    async with httpx.AsyncClient(base_url=stand.layout.aggregator, trust_env=False) as client:
        before = await _sample(client, "pcare_kpi_applied_events_total")
        arguments = ("filling.py", RECORDED, stand.bootstrap_servers, str(EVENTS_LIVE), str(4_000 + run))
        filling = asyncio.create_task(asyncio.to_thread(in_a_process_of_its_own, *arguments))
        while (first := await _sample(client, "pcare_kpi_applied_events_total")) == before:
            await asyncio.sleep(POLL_SECONDS)
        begun = time.perf_counter()
        while (now := await _sample(client, "pcare_kpi_applied_events_total")) < before + EVENTS_LIVE:
            await asyncio.sleep(POLL_SECONDS)
        took = time.perf_counter() - begun
        await filling
    return (now - first) / took


async def _memory(stand: Stand) -> float:
    async with httpx.AsyncClient(base_url=stand.layout.aggregator, trust_env=False) as client:
        return await _sample(client, "process_resident_memory_bytes") / 2**20


async def _sample(client: httpx.AsyncClient, name: str) -> float:
    for line in (await client.get("/metrics")).text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    return 0.0
