"""`make proof-provider`: plays the integrator's afternoon against a running system, and prints what held.

Starts Kafka (with passwords and permissions), PostgreSQL and the services by itself, in a temporary directory. Ends
with status 0 only if everything held.
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

from proof_provider.checks import Checks, faults
from proof_provider.stage import Stage, running_stage
from proof_provider.steps import STEPS, Step

LONGEST_STEP = 180.0


async def prove(stage: Stage, console: Console, steps: Sequence[Step]) -> list[Checks]:
    """Play every step, each alone, and say how it goes. A step that breaks off is a fault of its own."""
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
        for fault in checks.faults:
            console.print(f"      {fault.what}: {fault.saw}", style="red", soft_wrap=True)
    return done


def table_of(done: Sequence[Checks]) -> Table:
    """Return a row a step: what it showed, in how many ways, and whether all held."""
    table = Table(title="A provider joins, and can only speak for itself", title_justify="left", show_lines=True)
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


async def main(console: Console, only: str) -> int:
    """Run it all and return the exit status."""
    begun = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="pcare-provider-"))
    console.print(f"Starting Kafka, PostgreSQL and the services; what they write is in {directory}")
    async with running_stage(directory) as stage:
        done = await prove(stage, console, [step for step in STEPS if only in step.name or step.always])
    console.print(table_of(done))
    wrong = faults(done)
    checked, seconds = sum(len(checks.done) for checks in done), time.monotonic() - begun
    console.print(f"{'DOES NOT HOLD' if wrong else 'holds'}: {len(done)} steps, {checked} checks; {seconds:.0f} s")
    if not wrong:
        shutil.rmtree(directory)
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Play a provider's afternoon, from registration to `ready`.")
    parser.add_argument("--only", default="", help="only steps in whose name this stands, and what they need")
    arguments = parser.parse_args()
    terminal = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    sys.exit(asyncio.run(main(terminal, arguments.only)))
