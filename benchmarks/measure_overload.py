"""Overload: five times what can be carried, then a database that takes next to nothing. Prints the curves of memory.

The first phase finds what ingest and recorder carry together, offers five times as much for a while, and then asks for
what is carried again. The second gives the recorder's connection to PostgreSQL a fraction of the bytes that it would
take. Memory has to stay within a bound that depends on neither the load nor how long it lasts, what was accepted has
to be recorded, and both have to recover by themselves.
"""

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

import asyncpg
import httpx
import psutil

from pcare_local import processes
from pcare_local.tcp_proxy import TcpProxy
from pcare_schemas.topics import SUBMITTED
from results import Figure
from stand import MODULES, Stand, in_a_process_of_its_own

TIMES = 5
BATCH = 200
CARRIED_SECONDS = 8.0
FLOOD_SECONDS = 20.0
SLOW_SECONDS = 20.0
SLOW_BYTES_A_SECOND = 500_000
EVENTS = 60_000
MEBIBYTE = 1024 * 1024
LOOK_SECONDS = 1.0
DRAINED_WITHIN = 180.0
LAG = re.compile(r"^pcare_recorder_lag_events\{[^}]*\} (\S+)$", re.MULTILINE)


@dataclass
class Curve:
    """The memory of processes over time, in MiB, and what was recorded by then."""

    phase: str = ""
    most: dict[str, float] = field(default_factory=dict)

    def look(self, begun: float, watched: dict[str, psutil.Process], recorded: int, lag: float) -> None:
        """Take a sample and print it."""
        memory = {name: process.memory_info().rss / MEBIBYTE for name, process in watched.items()}
        for name, size in memory.items():
            key = f"{name}, {self.phase}"
            self.most[key] = max(self.most.get(key, 0.0), size)
        shown = "  ".join(f"{name} {size:6.0f} MiB" for name, size in memory.items())
        seconds = time.monotonic() - begun
        sys.stderr.write(f"overload: {seconds:5.0f} s  {self.phase:<12} {shown}  lag {lag:7.0f}  rows {recorded:8d}\n")


async def measure(stand: Stand, run: int) -> list[Figure]:
    """Measure once."""
    return [*await _five_times_as_much(stand, run), *await _slow_database(stand, run)]


async def _five_times_as_much(stand: Stand, run: int) -> list[Figure]:  # noqa: ARG001 - ids are random
    with _spawned(stand, "ingest") as ingest, _spawned(stand, "recorder") as recorder:
        await stand.ready("ingest")
        await stand.ready("recorder")
        async with _watching(stand, {"ingest": ingest, "recorder": recorder}) as curve:
            await _carried(stand, curve, "warming up", seconds=3.0)
            carried = await _carried(stand, curve, "carried")
            curve.phase = "5 times that"
            flood, accepted = await _flood(stand, rate=TIMES * carried / BATCH)
            curve.phase = "draining"
            drained = time.monotonic()
            missing = await _until_recorded(stand, accepted)
            drained = time.monotonic() - drained
            after = await _carried(stand, curve, "afterwards")
    part = "overload"
    answered = sum(flood["statuses"].values())
    return [
        Figure(part, "carried: accepted in batches of 200", "events/s", carried),
        Figure(part, "offered", "events/s", flood["offered_events_per_second"], carried),
        Figure(part, "accepted meanwhile", "events/s", flood["accepted_events_per_second"], carried),
        Figure(part, "answered 503 with Retry-After", "%", 100 * flood["statuses"].get("503", 0) / answered),
        Figure(part, "answered otherwise, or 503 without Retry-After", "requests", _impolite(flood)),
        Figure(part, "answers, p99", "ms", flood["p99_ms"]),
        Figure(part, "accepted afterwards", "events/s", after, carried),
        Figure(part, "accepted and not recorded in the end", "events", missing),
        Figure(part, "until all was recorded", "s", drained),
        *(
            Figure(
                part,
                f"memory of {name}, {phase}",
                "MiB",
                curve.most[f"{name}, {phase}"],
                curve.most[f"{name}, carried"],
            )
            for name in ("ingest", "recorder")
            for phase in ("carried", "5 times that", "afterwards")
        ),
    ]


async def _slow_database(stand: Stand, run: int) -> list[Figure]:
    before = await _recorded(stand)
    in_a_process_of_its_own("filling.py", SUBMITTED, stand.bootstrap_servers, str(EVENTS), str(7_000 + run))
    port = re.search(r":(\d+)/", stand.dsn)
    assert port is not None
    with TcpProxy(int(port[1])) as proxy:
        dsn = stand.dsn.replace(f":{port[1]}/", f":{proxy.port}/")
        proxy.slow_down(SLOW_BYTES_A_SECOND)
        with _spawned(stand, "recorder", PCARE_POSTGRES_DSN=dsn) as recorder:
            await stand.ready("recorder")
            async with _watching(stand, {"recorder": recorder}) as curve:
                curve.phase, begun = "slow", time.monotonic()
                await asyncio.sleep(SLOW_SECONDS)
                slowly = (await _recorded(stand) - before) / (time.monotonic() - begun)
                at = await _recorded(stand)
                proxy.slow_down(None)
                curve.phase, begun = "full speed", time.monotonic()
                async with asyncio.timeout(DRAINED_WITHIN):
                    while await _recorded(stand) < before + EVENTS:
                        await asyncio.sleep(0.1)
                quickly = (before + EVENTS - at) / (time.monotonic() - begun)
    full = curve.most["recorder, full speed"]
    return [
        Figure("slow database", "rows at full speed, by the same way", "rows/s", quickly),
        Figure("slow database", "rows while PostgreSQL takes 0.5 MB/s", "rows/s", slowly, quickly),
        Figure("slow database", "memory of recorder at full speed", "MiB", full),
        Figure("slow database", "memory of recorder meanwhile", "MiB", curve.most["recorder, slow"], full),
    ]


# ---- what is offered


async def _carried(stand: Stand, curve: Curve, phase: str, *, seconds: float = CARRIED_SECONDS) -> float:
    """Return how many events a second are accepted when each sender waits for its answer."""
    curve.phase = phase
    found = await asyncio.to_thread(
        in_a_process_of_its_own,
        *("load_http.py", "--url", f"{stand.layout.ingest}/events", "--form", "batch", "--pseudonyms"),
        *("--batch-size", str(BATCH), "--connections", "8", "--seconds", str(seconds)),
    )
    return found["accepted_events_per_second"]


async def _flood(stand: Stand, *, rate: float) -> tuple[dict, set[str]]:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory() as directory:
        ids = Path(directory) / "accepted"
        flood = await asyncio.to_thread(
            in_a_process_of_its_own,
            *("flood_http.py", "--url", f"{stand.layout.ingest}/events", "--rate", str(rate)),
            *("--batch-size", str(BATCH), "--seconds", str(FLOOD_SECONDS), "--accepted", str(ids)),
        )
        return flood, set(ids.read_text().split())


def _impolite(flood: dict) -> int:  # type: ignore[type-arg]
    others = sum(count for status, count in flood["statuses"].items() if status not in ("202", "503"))
    return int(others + flood["without_retry_after"] + flood["unanswered"])


# ---- what is seen


@contextmanager
def _spawned(stand: Stand, name: str, **variables: str) -> Iterator[Popen[bytes]]:
    log = stand.layout.log(name)
    command = [sys.executable, "-m", MODULES[name]]
    process = processes.spawn(command, log=log, environment={**stand.environment, **variables})
    try:
        yield process
    finally:
        processes.stop(process, seconds=20)


@asynccontextmanager
async def _watching(stand: Stand, services: dict[str, Popen[bytes]]) -> AsyncIterator[Curve]:
    watched = {name: psutil.Process(process.pid) for name, process in services.items()}
    curve, begun = Curve(), time.monotonic()

    async def watch() -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            while True:
                metrics = await client.get(f"{stand.layout.recorder}/metrics")
                lag = sum(map(float, LAG.findall(metrics.text)))
                curve.look(begun, watched, await _recorded(stand), lag)
                await asyncio.sleep(LOOK_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield curve
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _recorded(stand: Stand) -> int:
    return int(await _fetchval(stand, "SELECT coalesce(sum(recorded), 0) FROM pcare.cursors"))


async def _until_recorded(stand: Stand, accepted: set[str]) -> int:
    """Wait until all of these are rows; return how many never became one."""
    deadline = time.monotonic() + DRAINED_WITHIN
    query = "SELECT count(*) FROM unnest($1::text[]) AS accepted (id) WHERE NOT EXISTS"
    query += " (SELECT FROM pcare.interventions WHERE interventions.id = accepted.id)"
    while (missing := int(await _fetchval(stand, query, list(accepted)))) and time.monotonic() < deadline:
        await asyncio.sleep(1)
    return missing


async def _fetchval(stand: Stand, query: str, *values: object) -> float:
    connection = await asyncpg.connect(stand.dsn)
    try:
        return float(await connection.fetchval(query, *values))
    finally:
        await connection.close()
