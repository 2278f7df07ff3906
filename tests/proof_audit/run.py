"""`make proof-audit`: does to the record whatever can be done, and shows each found, named and put right.

Starts Kafka, PostgreSQL and the services by itself, in a temporary directory, and sends 20,000 events. Ends with status
0 only if every tamper is found by name, and nothing is found where nothing was done.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

sys.path.insert(0, str(Path(__file__).parents[1]))

from backends import running_backend
from proof_audit.stage import Stage, set_up
from proof_audit.steps import STEPS, Step
from proof_provider.checks import Checks, faults
from system import running_system

LONGEST_STEP = 1_200.0


async def prove(stage: Stage, console: Console, steps: Sequence[Step]) -> list[Checks]:
    """Play every step and say how it goes. A step that breaks off is a fault of its own."""
    done = []
    for number, step in enumerate(steps, start=1):
        checks = Checks(step.name, step.words)
        begun = time.monotonic()
        try:
            async with asyncio.timeout(LONGEST_STEP):
                await step.play(stage, checks)
        except Exception as error:  # noqa: BLE001 - the others are played all the same
            where = traceback.extract_tb(error.__traceback__)[-1]
            checks.that("it ends", False, f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})")
        checks.seconds = time.monotonic() - begun
        done.append(checks)
        console.print(f"{number:2}/{len(steps)} {checks.step}: {_verdict(checks)}, {checks.seconds:.1f} s")
        for one in checks.done:
            style = "" if one.holds else "red"
            console.print(f"      {one.what}" + ("" if one.holds else f": {one.saw}"), style=style, soft_wrap=True)
    return done


def table_of(done: Sequence[Checks]) -> Table:
    """Return a row a step: what it showed, in how many ways, and whether all held."""
    table = Table(title="Whatever is done to the record is found", title_justify="left", show_lines=True)
    table.add_column("step", max_width=90)
    table.add_column("checks", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("verdict")
    for checks in done:
        style = "bold red" if checks.faults else ""
        words = Text.assemble((checks.step, "bold"), "\n", checks.words)
        table.add_row(words, str(len(checks.done)), f"{checks.seconds:.1f}", Text(_verdict(checks), style))
    return table


def _verdict(checks: Checks) -> str:
    return f"{len(checks.faults)} DO NOT HOLD" if checks.faults else "holds"


async def main(console: Console, only: str, events: int) -> int:
    """Run it all and return the exit status."""
    begun = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="pcare-audit-"))
    console.print(f"Starting Kafka, PostgreSQL and the services; what they write is in {directory}")
    with running_backend(directory / "servers") as backend:
        (directory / "system").mkdir()
        async with running_system(backend, directory / "system") as system:
            stage = await set_up(system, directory, events)
            console.print(f"{events:,} events were sent; all are recorded and sealed. {time.monotonic() - begun:.0f} s")
            done = await prove(stage, console, [step for step in STEPS if only in step.name])
    console.print(table_of(done))
    wrong = faults(done)
    checked, seconds = sum(len(checks.done) for checks in done), time.monotonic() - begun
    verdict = "DOES NOT HOLD" if wrong or not done else "holds"
    console.print(f"{verdict}: {events:,} events, {len(done)} steps, {checked} checks; {seconds:.0f} s")
    if wrong or not done:
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Tamper with the record in every way, and see each found and named.")
    parser.add_argument("--only", default="", help="only steps in whose name this stands")
    parser.add_argument("--events", type=int, default=20_000, help="how many events to publish")
    arguments = parser.parse_args()
    terminal = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    sys.exit(asyncio.run(main(terminal, arguments.only, arguments.events)))
