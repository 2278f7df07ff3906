"""One round: load, a strike in the middle of it, recovery, and then the question whether everything adds up."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import asyncpg
import httpx

from faults.reading import read_tables, read_topics
from faults.stage import Stage, aggregator_of
from faults.strikes import Strike
from faults.witness import examine
from pcare_cli.accounting_readers import streamed_kpis
from pcare_cli.auditing import Auditor, NotSettledError

SECONDS_FOR_A_STRIKE = 300.0
SECONDS_TO_SERVE_AGAIN = 120.0
SECONDS_BEFORE = 1.5
POLL_SECONDS = 0.1
UNREACHABLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, httpx.HTTPError)


@dataclass(slots=True)
class Outcome:
    """What a round came to. `unserved`: the longest time, in seconds, in which no new event came to be counted."""

    number: int
    strike: Strike
    unserved: float = 0.0
    seconds: float = 0.0
    submitted: int = 0
    recorded: int = 0
    duplicates: int = 0
    rejected: int = 0
    repeats: int = 0
    kpis: int = 0
    exits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """Say in a word whether everything added up."""
        return "NOT EXACT" if self.faults else "exact"


async def play(stage: Stage, strike: Strike, number: int, random: Random) -> Outcome:
    """Play a round. Never raises because of what the system does: that is a fault of the outcome."""
    outcome = Outcome(number, strike)
    begun = time.monotonic()
    stage.exits, stage.troubles, stage.notes = [], [], []
    repeats_before = stage.repeats
    stop = asyncio.Event()
    sending = asyncio.create_task(stage.load.run(stop), name="load")
    service = _Service(stage)
    probing = asyncio.create_task(service.probe(), name="probe")
    try:
        await asyncio.sleep(random.uniform(0.3, 1) * SECONDS_BEFORE)
        async with asyncio.timeout(SECONDS_FOR_A_STRIKE):
            await strike.act(stage, random)
        await stage.ready()
        await service.serves_again(time.monotonic())
        outcome.unserved = service.longest_gap
    except TimeoutError:
        outcome.faults.append(f"it did not serve again within {SECONDS_TO_SERVE_AGAIN:.0f} s of the end of the strike")
    except Exception as error:  # noqa: BLE001 - a strike that fails is told, and the next round begins with a new stage
        outcome.faults.append(f"the strike failed: {error!r}")
    stop.set()
    for task in (sending, probing):
        try:
            await asyncio.wait_for(task, SECONDS_TO_SERVE_AGAIN) if task is sending else await _cancelled(task)
        except Exception as error:  # noqa: BLE001 - what it was is told
            outcome.faults.append(f"the {task.get_name()} failed: {error!r}")
    await _judge(stage, outcome)
    outcome.repeats = stage.repeats - repeats_before
    outcome.exits, outcome.notes = list(stage.exits), list(stage.notes)
    outcome.faults += stage.troubles
    outcome.seconds = time.monotonic() - begun
    return outcome


async def _judge(stage: Stage, outcome: Outcome) -> None:
    """Wait until all has settled, and look at everything from outside; at the KPIs of each aggregator in turn."""
    copies = stage.copies("kpi-aggregator")
    try:
        async with aggregator_of(copies[outcome.number % len(copies)]) as aggregator:
            auditor = Auditor(stage.system.options, stage.system.dsn, aggregator, stage.system.group)
            await auditor.wait_until_settled(lambda _line: None)
            topics = await asyncio.to_thread(read_topics, stage.system.options)
            found = examine(topics, await read_tables(stage.system.dsn), stage.load.answers)
            comparison = await auditor.compare_kpis()
    except (NotSettledError, AssertionError, *UNREACHABLE) as error:
        outcome.faults.append(f"{type(error).__name__}: {error}")
        return
    outcome.submitted, outcome.recorded, outcome.duplicates = found.submitted, found.recorded, found.duplicates
    outcome.rejected, stage.repeats, outcome.kpis = found.rejected, found.repeats, len(comparison.rows)
    outcome.faults += found.faults
    outcome.faults += comparison.troubles
    unlike = [row for row in comparison.rows if not row.exact]
    if unlike or not comparison.rows:
        outcome.faults.append(f"{len(unlike)} of {len(comparison.rows)} KPI values differ, such as {unlike[:1]}")


class _Service:
    """Notes when an event of its own was accepted, recorded and counted: when the system served."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._served = [time.monotonic()]
        self._again = asyncio.Event()
        self._since = float("inf")

    @property
    def longest_gap(self) -> float:
        """Return the longest time without service, in seconds."""
        return max(after - before for before, after in zip(self._served, self._served[1:], strict=False))

    async def serves_again(self, since: float) -> None:
        """Wait until an event that was sent after `since` is through. Raises TimeoutError when none is."""
        self._since = since
        async with asyncio.timeout(SECONDS_TO_SERVE_AGAIN):
            await self._again.wait()

    async def probe(self) -> None:
        """Send one event after the other, each when the one before is through."""
        while True:
            counted = await self._counted()
            sent = time.monotonic()
            source, name = await self._stage.load.send_one()
            while not await self._is_through(source, name, counted):  # noqa: ASYNC110 - it looks on from outside
                await asyncio.sleep(POLL_SECONDS)
            self._served.append(time.monotonic())
            if sent >= self._since:
                self._again.set()
            await asyncio.sleep(POLL_SECONDS)

    async def _is_through(self, source: str, name: str, counted: int) -> bool:
        return await self._recorded(source, name) and await self._counted() > counted

    async def _recorded(self, source: str, name: str) -> bool:
        with suppress(*UNREACHABLE):
            query = "SELECT 1 FROM pcare.interventions WHERE source = $1 AND id = $2"
            async with asyncio.timeout(10):
                return bool(await self._stage.system.fetch(query, source, name))
        return False

    async def _counted(self) -> int:
        """Return how many records of the log any copy of the aggregator has counted; -1 where none knows the whole."""
        counted = -1
        for copy in self._stage.copies("kpi-aggregator"):
            with suppress(*UNREACHABLE):
                async with asyncio.timeout(2), aggregator_of(copy) as client:
                    streamed = await streamed_kpis(client)
                    if streamed is not None:
                        counted = max(counted, sum(streamed.applied.values()))
        return counted


async def _cancelled(task: "asyncio.Task[None]") -> None:
    while not task.done():  # again if need be: before Python 3.12 a wait_for that ends just then loses a cancellation
        task.cancel()
        await asyncio.wait({task}, timeout=1)
    if not task.cancelled():
        task.result()
