"""Health is progress: the recorder is wedged for real; it says so, and ends, or recovers with what it waits for."""

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import httpx
import pytest
from recorder_events import event
from recorder_world import World, assert_exact

from pcare_local.ports import LOOPBACK, free_ports
from pcare_local.tcp_proxy import TcpProxy
from pcare_recorder.faults import Point
from pcare_schemas.topics import SUBMITTED

if TYPE_CHECKING:
    from backends import Backend

pytestmark = pytest.mark.integration

NOT_READY_AFTER = 3.0
EXIT_AFTER = 15.0
FOUND_OUT_WITHIN = 10.0  # the lag is asked for every five seconds, and the answer may take as long
SLACK = 20.0  # a machine that does other things as well
AGE = re.compile(r"^pcare_recorder_progress_age_seconds (\S+)$", re.MULTILINE)


class Watched:
    """A recorder as a process, watched from outside as a supervisor and Prometheus do."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path, port: int) -> None:
        self.process = process
        self._log = log
        self._client = httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", timeout=10, trust_env=False)

    async def ready(self) -> tuple[bool, str]:
        """Whether it is ready, and what it says; no answer is not ready."""
        try:
            answer = await self._client.get("/health/ready")
        except httpx.TransportError as error:
            return False, type(error).__name__
        return answer.status_code == 200, answer.text

    async def age(self) -> float | None:
        """What the alert metric says; None where nobody answers."""
        with contextlib.suppress(httpx.TransportError):
            found = AGE.search((await self._client.get("/metrics")).text)
            return None if found is None else float(found[1])
        return None

    async def until_ready(self, *, within: float = 60.0) -> None:
        await self._until(True, "", within)

    async def until_not_ready(self, words: str, *, within: float) -> None:
        await self._until(False, words, within)

    async def _until(self, wanted: bool, words: str, within: float) -> None:
        deadline = time.monotonic() + within
        while True:
            ready, said = await self.ready()
            if ready is wanted and words in said:
                return
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, f"{said}\n{self._log.read_text()[-3000:]}"
            await asyncio.sleep(0.1)

    async def ends(self, *, within: float = EXIT_AFTER + FOUND_OUT_WITHIN + SLACK) -> int:
        return await asyncio.to_thread(self.process.wait, within)

    def said(self) -> str:
        return self._log.read_text()

    def stacks(self) -> str:
        """The stacks that it left, as one text."""
        lines = [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]
        (last,) = [line for line in lines if "stacks" in line]
        assert last["level"] == "critical"
        assert "stuck" in last["event"]
        return json.dumps(last["stacks"])

    async def close(self) -> None:
        await self._client.aclose()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@asynccontextmanager
async def watched(
    world: World, log: Path, *fault: str, dsn: str | None = None, exit_after: float = EXIT_AFTER
) -> AsyncIterator[Watched]:
    (port,) = free_ports(1)
    variables = {
        "PCARE_RECORDER_HTTP_PORT": str(port),
        "PCARE_RECORDER_NOT_READY_AFTER": str(NOT_READY_AFTER),
        "PCARE_RECORDER_EXIT_AFTER": str(exit_after),
        "PCARE_POSTGRES_DSN": dsn or world.dsn,
    }
    one = Watched(world.process(*fault, log=log, **variables), log, port)
    try:
        yield one
    finally:
        await one.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "recorder.log"


async def nothing_is_lost(world: World) -> None:
    """A copy that is well takes over, and all is exact: nothing lost, nothing rejected, nothing doubled."""
    async with world.recorder() as running:
        await world.settled(running)
    await assert_exact(world)
    assert (await world.outcomes())[1:] == (0, 0)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("listener", "No partitions are assigned"),
        (Point.BEFORE_START, "Where to begin has not been found out"),
        (Point.MIDDLE_OF_BATCH, "is behind and has not moved"),
        (Point.BEFORE_OFFSET_COMMIT, "is behind and has not moved"),  # in the database, and no more than that
    ],
)
async def test_what_never_returns_is_not_ready_moves_the_alert_and_ends_with_its_place(
    world: World, log: Path, fault: str, reason: str
) -> None:
    await world.send(event(), event())
    async with watched(world, log, fault, "1", "wait") as recorder:
        deadline = time.monotonic() + 60
        while reason not in (await recorder.ready())[1]:
            assert time.monotonic() < deadline, f"{await recorder.ready()} {recorder.said()}"
            await asyncio.sleep(0.1)
        age = await recorder.age()
        assert age is not None
        assert age > 0
        assert await recorder.ends() == 75
        assert "wait_for_what_never_comes" in recorder.stacks()
    await nothing_is_lost(world)


@pytest.mark.parametrize(("how", "where"), [("sleep", "sleep_on_the_loop"), ("lock", "take_a_lock_that_nobody")])
async def test_a_loop_that_stands_still_answers_no_probe_and_is_ended_from_outside(
    world: World, log: Path, how: str, where: str
) -> None:
    async with watched(world, log, Point.BEFORE_PUBLISH, "1", how) as recorder:
        await recorder.until_ready()
        await world.send(event(), event())
        assert await recorder.ends(within=NOT_READY_AFTER + SLACK) == 75
        assert where in recorder.stacks()
    await nothing_is_lost(world)


async def test_code_of_c_that_lets_no_thread_run_is_ended_by_the_interpreter(world: World, log: Path) -> None:
    async with watched(world, log, Point.BEFORE_PUBLISH, "1", "spin") as recorder:
        await recorder.until_ready()
        await world.send(event(), event())
        assert await recorder.ends(within=2 * NOT_READY_AFTER + SLACK) == 1
        assert "in spin_in_code_of_c" in recorder.said()
    await nothing_is_lost(world)


@contextmanager
def proxied(world: World) -> Iterator[tuple[TcpProxy, str]]:
    """A proxy before PostgreSQL, and the address of the database by way of it."""
    found = re.search(r":(\d+)/", world.dsn)
    assert found is not None
    with TcpProxy(int(found[1])) as proxy:
        yield proxy, world.dsn.replace(f":{found[1]}/", f":{proxy.port}/")


async def test_a_connection_to_the_database_that_answers_nothing(world: World, log: Path) -> None:
    with proxied(world) as (proxy, dsn):
        async with watched(world, log, dsn=dsn, exit_after=600) as recorder:
            await world.send(event())
            await world.settled()
            await recorder.until_ready()
            proxy.go_silent()
            await world.send(*[event() for _ in range(50)])
            await recorder.until_not_ready(
                "is behind and has not moved", within=NOT_READY_AFTER + FOUND_OUT_WITHIN + SLACK
            )
            age = await recorder.age()
            assert age is not None
            assert age >= NOT_READY_AFTER
            proxy.go_on()
            await world.settled()
            await recorder.until_ready()
            recorder.process.send_signal(signal.SIGTERM)
            assert await recorder.ends() == 0
    await assert_exact(world)
    assert await world.outcomes() == (51, 0, 0)


async def test_a_connection_to_the_database_that_stays_dead_ends_the_process(world: World, log: Path) -> None:
    with proxied(world) as (proxy, dsn):
        async with watched(world, log, dsn=dsn) as recorder:
            await world.send(event())
            await world.settled()
            proxy.go_silent()
            await world.send(event())
            assert await recorder.ends() == 75
            assert " _persist" in recorder.stacks()
    await nothing_is_lost(world)


async def test_a_lock_in_the_database_that_somebody_else_never_releases(world: World, log: Path) -> None:
    other = await asyncpg.connect(world.dsn)
    try:
        async with watched(world, log) as recorder:
            await world.send(event())
            await world.settled()
            await recorder.until_ready()
            async with other.transaction():
                await other.execute("LOCK TABLE pcare.cursors IN ACCESS EXCLUSIVE MODE")
                await world.send(event(), event())
                await recorder.until_not_ready("", within=NOT_READY_AFTER + FOUND_OUT_WITHIN + SLACK)
                age = await recorder.age()
                assert age is not None
                assert age >= NOT_READY_AFTER
                assert await recorder.ends() == 75
                assert "pcare_recorder/store.py" in recorder.stacks()
    finally:
        await other.close()
    await nothing_is_lost(world)


async def test_a_kafka_that_stands_still(world: World, log: Path, backend: "Backend") -> None:
    async with watched(world, log, exit_after=600) as recorder:
        await world.send(event())
        await world.settled()
        await recorder.until_ready()
        backend.stop_kafka()
        try:
            await recorder.until_not_ready("Kafka has not answered", within=FOUND_OUT_WITHIN + 5 + SLACK)
            age = await recorder.age()
            assert age is not None
            assert age > 0
        finally:
            backend.continue_kafka()
        await world.send(event(), event(), topic=SUBMITTED)
        await world.settled()
        await recorder.until_ready()
        recorder.process.send_signal(signal.SIGTERM)
        assert await recorder.ends() == 0
    await assert_exact(world)
    assert await world.outcomes() == (3, 0, 0)
