"""Replay and full comparison at growing sizes: how long, how much of the processors, how much memory at most.

    make bench ARGS="--only replay --runs 1"
    PYTHONPATH=benchmarks .venv/bin/python benchmarks/measure_replay.py 100000 1000000 3000000

The events are submitted to Kafka and recorded by a recorder, as in production; an aggregator counts them. What broker
and database use of the processors meanwhile is told beside it, for they share the machine.
"""

import asyncio
import contextlib
import json
import sys
import time

import asyncpg
import httpx
import psutil

from results import Figure
from stand import Stand, in_a_process_of_its_own, stand

SIZES = (100_000, 1_000_000)
PEOPLE_PER_EVENT = 0.3
PATIENCE_SECONDS = 3600


async def measure(servers: Stand, run: int) -> list[Figure]:
    """Return the figures of each size; the events of one run are added to those of the one before."""
    del run
    return [figure for size in SIZES for figure in await _at(servers, size)]


async def _at(servers: Stand, size: int) -> list[Figure]:
    found = await replay_at(servers, size)
    name = f"{size / 1_000_000:g} million events"
    return [
        Figure("replay", f"{name}: seconds", "s", found["seconds"]),
        Figure("replay", f"{name}: processor seconds", "s", found["processor_seconds"]),
        Figure("replay", f"{name}: of broker and database", "s", found["servers_processor_seconds"]),
        Figure("replay", f"{name}: memory of all processes", "MiB", found["mebibytes"]),
    ]


async def replay_at(servers: Stand, size: int) -> dict[str, float]:
    """Fill up to a size, and replay once."""
    await _fill(servers, size)
    with servers.spawned("kpi-aggregator"):
        await _counted(servers)
        before = _servers_processor_seconds()
        arguments = (servers.bootstrap_servers, servers.dsn, servers.address("kpi-aggregator"))
        found = await asyncio.to_thread(in_a_process_of_its_own, "replaying.py", *arguments)
        found["servers_processor_seconds"] = _servers_processor_seconds() - before
    assert found["equal"], found
    assert found["submitted"] == size, found
    return found


async def _fill(servers: Stand, size: int) -> None:
    connection = await asyncpg.connect(servers.dsn)
    try:
        held = await _recorded(connection)
        if held >= size:
            return
        arguments = ("interventions.submitted", servers.bootstrap_servers, str(size - held), str(size))
        people = str(int(size * PEOPLE_PER_EVENT))
        filled = asyncio.to_thread(in_a_process_of_its_own, "filling.py", *arguments, people)
        deadline = time.monotonic() + PATIENCE_SECONDS
        async with servers.running("recorder"):
            await filled
            while await _recorded(connection) < size:
                assert time.monotonic() < deadline, "the recorder did not come to the end"
                await asyncio.sleep(0.5)
            await asyncio.sleep(2)  # what was committed last is published
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _counted(servers: Stand) -> None:
    """Wait until the aggregator has read the log: on a busy machine that takes longer than a start may."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get(f"{servers.address('kpi-aggregator')}/health/ready")).is_success:
                    return
            await asyncio.sleep(0.5)
    raise TimeoutError("the aggregator did not come to the end of the log")


async def _recorded(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT coalesce(sum(recorded), 0) FROM pcare.cursors"))


def _servers_processor_seconds() -> float:
    """Return what all of our Kafka's and PostgreSQL's processes have used of the processors so far."""
    used = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if process.name().startswith(("java", "postgres")):
                times = process.cpu_times()
                used += times.user + times.system + times.children_user + times.children_system
        except psutil.NoSuchProcess:
            continue
    return used


async def _curve(sizes: list[int]) -> None:
    async with stand() as servers:
        for size in sizes:
            sys.stdout.write(json.dumps({"size": size} | await replay_at(servers, size)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_curve([int(size) for size in sys.argv[1:]] or list(SIZES)))
