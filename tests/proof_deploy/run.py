"""`make proof-deploy`: shows what of the deployment was proven on this machine, what was skipped, and why.

Ends with status 0 only if nothing failed. A step is skipped only where the machine lacks what it needs.
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

from proof_deploy.step import Step
from proof_deploy.steps import STEPS
from proof_provider.checks import Checks, faults


async def prove(chosen: Sequence[Step], directory: Path, console: Console) -> list[tuple[Step, Checks | str]]:
    """Play every step that can be played here; the others give what the machine lacks."""
    done: list[tuple[Step, Checks | str]] = []
    for number, step in enumerate(chosen, start=1):
        result: Checks | str = step.lacks() or await _played(step, directory / f"{number:02}")
        done.append((step, result))
        console.print(f"{number:2}/{len(chosen)} {step.area}: {step.words} {_verdict(result)}", soft_wrap=True)
        if isinstance(result, Checks):
            for fault in result.faults:
                console.print(f"      {fault.what}: {fault.saw}", style="red", soft_wrap=True)
    return done


async def _played(step: Step, directory: Path) -> Checks:
    directory.mkdir(parents=True)  # noqa: ASYNC240 - nothing else runs yet
    checks = Checks(f"{step.area}: {step.words}", step.words)
    begun = time.monotonic()
    try:
        async with asyncio.timeout(step.seconds):
            await step.play(checks, directory)
    except Exception as error:  # noqa: BLE001 - the others are played all the same
        where = traceback.extract_tb(error.__traceback__)[-1]
        checks.that("it ends", False, f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})")
    checks.seconds = time.monotonic() - begun
    return checks


def _verdict(result: Checks | str) -> str:
    if isinstance(result, str):
        return f"skipped: {result}"
    return f"{len(result.faults)} DO NOT HOLD" if result.faults else "proven"


def table_of(done: Sequence[tuple[Step, Checks | str]]) -> Table:
    """Return a row a step: what it shows, in how many ways, and whether it is proven, failed or skipped, and why."""
    table = Table(title="What of the deployment was proven on this machine", title_justify="left", show_lines=True)
    table.add_column("area")
    table.add_column("what", max_width=80)
    table.add_column("checks", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("verdict", max_width=40)
    for step, result in done:
        style = "yellow" if isinstance(result, str) else "bold red" if result.faults else ""
        checks, seconds = (str(len(result.done)), f"{result.seconds:.0f}") if isinstance(result, Checks) else ("", "")
        table.add_row(step.area, step.words, checks, seconds, Text(_verdict(result), style))
    return table


async def main(console: Console, only: str) -> int:
    """Play it all and return the exit status."""
    directory = Path(tempfile.mkdtemp(prefix="pcare-deploy-"))
    console.print(f"What the steps write is in {directory}")
    done = await prove([step for step in STEPS if only in f"{step.area}: {step.words}"], directory, console)
    console.print(table_of(done))
    played = [result for _, result in done if isinstance(result, Checks)]
    wrong = faults(played)
    skipped = len(done) - len(played)
    verdict = "DOES NOT HOLD" if wrong or not played else "holds"
    console.print(
        f"{verdict}: {len(played)} steps played, {sum(len(one.done) for one in played)} checks, {skipped} skipped"
    )
    if wrong or not played:
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Prove what of the deployment can be proven on this machine.")
    parser.add_argument("--only", default="", help="only steps in whose area or words this stands")
    arguments = parser.parse_args()
    terminal = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    sys.exit(asyncio.run(main(terminal, arguments.only)))
