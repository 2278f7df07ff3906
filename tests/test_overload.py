"""Overload: what is too much is refused in time and politely, memory stays bounded, and what was accepted is recorded.

Bounds are asserted here, never a speed: `make bench ARGS="--only overload"` measures.
"""

import asyncio
import contextlib
import json
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from events import referral
from pcare_local.ports import LOOPBACK
from pcare_local.tcp_proxy import TcpProxy
from system import Process, System

pytestmark = pytest.mark.integration

FLOOD = Path(__file__).parents[1] / "benchmarks" / "flood_http.py"
MEBIBYTE = 1024 * 1024
ONE = {"content-type": "application/cloudevents+json"}
EVENTS_IN_HAND = 2_000
INGEST_MAY_GROW_BY = 150 * MEBIBYTE
RECORDER_MAY_GROW_BY = 250 * MEBIBYTE
SLOW_BYTES_A_SECOND = 200_000


class Memory:
    """The most that a process took while it was watched."""

    def __init__(self) -> None:
        self.first = self.most = 0

    @property
    def grew_by(self) -> int:
        return self.most - self.first


@asynccontextmanager
async def memory_of(process: Process) -> AsyncIterator[Memory]:
    """Watch the memory of a process while the block runs."""
    assert process.popen is not None
    watched, memory = psutil.Process(process.popen.pid), Memory()
    memory.first = watched.memory_info().rss

    async def watch() -> None:
        while True:
            memory.most = max(memory.most, watched.memory_info().rss)
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    try:
        yield memory
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def flood(system: System, *, rate: int, seconds: int, connections: int = 200) -> tuple[dict, set[str]]:
    """Send more than can be carried; return what came back, and the ids of what was accepted."""
    accepted = system.directory / "accepted.txt"
    arguments = ["--rate", rate, "--seconds", seconds, "--connections", connections, "--accepted", accepted]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        FLOOD,
        "--url",
        f"{system.one('ingest').address}/events",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(said.splitlines()[-1]), set(accepted.read_text().split())


async def alive(process: Process) -> bool:
    """Whether a supervisor would let it live."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return (await client.get(f"{process.address}/health/live")).status_code == 200


async def recorded(system: System) -> set[str]:
    return {row[0] for row in await system.fetch("SELECT id FROM pcare.interventions")}


async def until_recorded(system: System, accepted: set[str]) -> None:
    async with asyncio.timeout(120):
        while missing := accepted - await recorded(system):  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    assert not missing


async def test_more_than_can_be_carried_is_refused_politely_and_what_was_accepted_is_recorded(system: System):
    system.environment["PCARE_INGEST_MAX_EVENTS_IN_HAND"] = str(EVENTS_IN_HAND)
    ingest, recorder = await system.start("ingest", "recorder")
    async with memory_of(ingest) as of_ingest, memory_of(recorder) as of_recorder:
        flooding = asyncio.create_task(flood(system, rate=400, seconds=5))
        while not flooding.done():
            assert await alive(ingest)
            await asyncio.sleep(0.5)
        result, accepted = await flooding
        await until_recorded(system, accepted)
    assert set(result["statuses"]) == {"202", "503"}, result
    assert (result["without_retry_after"], result["unanswered"]) == (0, 0), result
    assert of_ingest.grew_by < INGEST_MAY_GROW_BY
    assert of_recorder.grew_by < RECORDER_MAY_GROW_BY
    assert (await _send_one(system)).status_code == 202
    rejected = await system.fetch("SELECT count(*) FROM pcare.rejections")
    assert rejected[0][0] == 0


async def test_more_connections_than_there_is_room_for_leave_the_probes_alone(system: System):
    (ingest,) = await system.start("ingest")
    address = (LOOPBACK, ingest.port)
    with contextlib.ExitStack() as opened:
        async with memory_of(ingest) as memory:
            idle = [opened.enter_context(socket.create_connection(address)) for _ in range(1_000)]
            more = [opened.enter_context(socket.create_connection(address)) for _ in range(200)]
            await asyncio.sleep(1)
            turned_away = [await asyncio.to_thread(_said_by, one) for one in more[-50:]]
            assert all(said.startswith(b"HTTP/1.1 503") and b"retry-after" in said for said in turned_away)
            for one in more[:10]:
                one.close()
            assert await alive(ingest)
            answer = await _send_one(system)
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert answer.json()["reason"] == "overloaded"
        assert memory.grew_by < INGEST_MAY_GROW_BY
        for one in idle:
            one.close()
        for _ in range(300):
            if (answer := await _send_one(system)).status_code == 202:
                break
            await asyncio.sleep(0.1)
        assert answer.status_code == 202


def _said_by(connection: socket.socket) -> bytes:
    connection.settimeout(20)
    return connection.recv(4096)


async def _send_one(system: System) -> httpx.Response:
    async with system.client("ingest") as client:
        return await client.post("/events", content=json.dumps(referral()), headers=ONE)


async def test_a_slow_database_slows_the_recorder_and_not_its_memory(system: System):
    ingest = (await system.start("ingest"))[0]
    found = re.search(r":(\d+)/", system.dsn)
    assert found is not None
    result, accepted = await flood(system, rate=20, seconds=4)
    assert len(accepted) > 1_000, result
    with TcpProxy(int(found[1])) as proxy:
        system.environment["PCARE_POSTGRES_DSN"] = system.dsn.replace(f":{found[1]}/", f":{proxy.port}/")
        proxy.slow_down(SLOW_BYTES_A_SECOND)
        (recorder,) = await system.start("recorder")
        async with memory_of(recorder) as memory:
            await asyncio.sleep(8)
            assert len(await recorded(system)) < len(accepted)
            assert await alive(recorder)
            proxy.slow_down(None)
            await until_recorded(system, accepted)
        assert memory.grew_by < RECORDER_MAY_GROW_BY
        assert recorder.terminate() == 0
    assert await alive(ingest)
