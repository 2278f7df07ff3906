"""`make proof-kpis`: plays every scenario against the running system and prints what each way counted.

Starts Kafka, PostgreSQL and the services by itself, in a temporary directory. Ends with status 0 only if stream, SQL,
replay and the numbers worked out by hand agree everywhere.
"""

import argparse
import asyncio
import datetime as dt
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

sys.path.insert(0, str(Path(__file__).parents[1]))

from backends import running_backend
from proof.playing import Outcome, Stage, play
from proof.scenarios import by_hand
from proof.under_way import play_another_catalogue, play_crashes, play_history, play_time_alone
from system import System, running_system

HISTORIES = 3
EVENTS_OF_A_HISTORY = 3_000


@asynccontextmanager
async def stage_of(system: System) -> AsyncIterator[Stage]:
    """Start the services and be ready to play."""
    await system.start("kpi-aggregator", "recorder", "ingest")
    async with system.client("ingest") as ingest, system.client("kpi-aggregator") as aggregator:
        yield Stage(system, ingest, aggregator)


async def prove(stage: Stage, console: Console, seed: int) -> list[Outcome]:
    """Play everything, say how it goes, and return what it came to."""
    plays: list[Callable[[], Awaitable[Outcome]]] = [
        partial(play, stage, scenario) for scenario in by_hand(dt.datetime.now(dt.UTC))
    ]
    plays += [partial(play_history, stage, seed + number, EVENTS_OF_A_HISTORY) for number in range(HISTORIES)]
    plays += [partial(play_time_alone, stage), partial(play_crashes, stage, seed + HISTORIES, EVENTS_OF_A_HISTORY)]
    plays.append(partial(play_another_catalogue, stage))
    outcomes = []
    for one in plays:
        begun = time.monotonic()
        outcome = await one()
        outcome.seconds = time.monotonic() - begun
        outcomes.append(outcome)
        console.print(f"{len(outcomes):2}/{len(plays)} {outcome.name}: {_verdict(outcome)}, {outcome.seconds:.1f} s")
    return outcomes


def table_of(outcomes: list[Outcome]) -> Table:
    """Return a row a scenario: how many values were compared, and by how much each way's counts moved."""
    table = Table(title="Every KPI, counted in three ways and by hand", title_justify="left", show_lines=True)
    table.add_column("scenario", max_width=62)
    for name in ("KPI rows compared", "stream", "SQL", "replay", "by hand"):
        table.add_column(name, justify="right", max_width=9)
    table.add_column("verdict")
    for outcome in outcomes:
        told = Text.assemble((outcome.name, "bold"), "\n", outcome.words)
        numbers = [f"{outcome.moved.get(way, 0):,}" for way in ("stream", "sql", "replay")]
        hand = "" if outcome.by_hand is None else f"{outcome.by_hand:,}"
        style = "" if outcome.agrees else "bold red"
        table.add_row(told, f"{outcome.rows:,}", *numbers, hand, Text(_verdict(outcome), style))
    table.caption = (
        "Stream, SQL and replay: by how much the scenario moved all counts, over every KPI, area and year. By hand: by "
        "how much it must, where that can be worked out. Empty: it cannot, and the other three must agree."
    )
    return table


def _verdict(outcome: Outcome) -> str:
    return "agree" if outcome.agrees else "DIFFER"


async def main(console: Console, seed: int) -> int:
    """Run it all and return the exit status."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pcare-proof-") as directory:
        console.print("Starting Kafka, PostgreSQL and the services ...")
        with running_backend(Path(directory) / "backend") as backend:
            (Path(directory) / "system").mkdir()
            async with running_system(backend, Path(directory) / "system") as system, stage_of(system) as stage:
                outcomes = await prove(stage, console, seed)
                accounting = (await stage.auditor.report(())).accounting
    console.print(table_of(outcomes))
    faults = [f"{outcome.name}: {fault}" for outcome in outcomes for fault in outcome.faults]
    if not accounting.exact or accounting.total("rejected"):
        faults.append("not every event that was sent is recorded, or recorded once")
    for fault in faults:
        console.print(fault, style="red", soft_wrap=True)
    values, seconds = sum(outcome.rows for outcome in outcomes), time.monotonic() - begun
    agree = "DIFFER" if faults else "agree"
    console.print(
        f"{agree}: {len(outcomes)} scenarios, {values:,} KPI values, {accounting.total('recorded'):,} events "
        f"recorded, {accounting.total('duplicates'):,} repeated; {seconds:.0f} s; seed {seed}"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Prove that stream, SQL, replay and hand agree on every KPI.")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000, help="of the random histories")
    arguments = parser.parse_args()
    terminal = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    sys.exit(asyncio.run(main(terminal, arguments.seed)))
