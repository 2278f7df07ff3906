"""`make proof-faults`: rounds of faults under load, and after each one the proof that nothing is lost or counted twice.

Starts Kafka, PostgreSQL and the services by itself, in a temporary directory: three brokers, and in the last rounds a
single one. Ends with status 0 only if everything added up after every round.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table
from rich.text import Text

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.playing import Outcome, play
from faults.servers import running_servers
from faults.stage import Stage, running_stage
from faults.strikes import Strike, deck

ROUNDS = 60
ROUNDS_A_STAGE = 15  # then the system is made anew, so that reading everything after each round stays quick
SINGLE = 0.15  # of the rounds have a single broker


@asynccontextmanager
async def new_stage(directory: Path, *, brokers: int, seed: int) -> AsyncIterator[Stage]:
    """Start servers and services on an empty directory."""
    with running_servers(directory / "servers", brokers=brokers, fill_disk=True) as servers:
        (directory / "system").mkdir()
        async with running_stage(servers, directory / "system", seed) as stage:
            yield stage


async def prove(
    directory: Path, strikes: Sequence[Strike], *, seed: int, console: Console, single: int = 0
) -> list[Outcome]:
    """Play a round for each strike, the last `single` of them with a single broker, and say how each went."""
    outcomes: list[Outcome] = []
    while len(outcomes) < len(strikes):
        of_three = len(strikes) - single - len(outcomes)
        brokers, most = (3, of_three) if of_three > 0 else (1, len(strikes) - len(outcomes))
        place = directory / f"stage-{len(outcomes)}"
        place.mkdir()
        async with new_stage(place, brokers=brokers, seed=seed + len(outcomes)) as stage:
            for _ in range(min(most, ROUNDS_A_STAGE)):
                number = len(outcomes)
                outcome = await play(stage, strikes[number], number, Random(seed * 1_000 + number))
                outcomes.append(outcome)
                console.print(_line(outcome, len(strikes), brokers), soft_wrap=True)
                if outcome.faults:
                    break  # what is wrong once stays wrong: the next round begins with a new system
    return outcomes


def _line(outcome: Outcome, of: int, brokers: int) -> str:
    more = "".join(f"; {note}" for note in (*outcome.notes, *(f"{one} restarted" for one in outcome.exits)))
    return (
        f"{outcome.number + 1:3}/{of} {brokers} broker{'s' * (brokers > 1)}, {outcome.strike}: {outcome.verdict}, "
        f"unserved {outcome.unserved:.1f} s, {outcome.submitted} = {outcome.recorded} + {outcome.duplicates} + "
        f"{outcome.rejected}, {outcome.kpis} KPI values, {outcome.seconds:.0f} s{more}"
        + "".join(f"\n    {fault}" for fault in outcome.faults)
    )


def table_of(outcomes: Sequence[Outcome]) -> Table:
    """Return a row for each kind of strike: how often, how long nothing got through, and whether all added up."""
    table = Table(title="What was done, and whether everything added up afterwards", title_justify="left")
    for name, justify in (
        ("what", "left"),
        ("to whom", "left"),
        ("rounds", "right"),
        ("unserved s, median", "right"),
        ("longest", "right"),
        ("published again", "right"),
        ("verdict", "left"),
    ):
        table.add_column(name, justify="right" if justify == "right" else "left")
    kinds: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        kinds.setdefault((outcome.strike.victim, outcome.strike.what), []).append(outcome)
    for (victim, what), those in sorted(kinds.items()):
        gaps = sorted(one.unserved for one in those)
        wrong = sum(bool(one.faults) for one in those)
        verdict = Text(f"NOT EXACT in {wrong}", "bold red") if wrong else Text("exact")
        repeats = max(one.repeats for one in those)
        table.add_row(
            what, victim, str(len(those)), f"{gaps[len(gaps) // 2]:.1f}", f"{gaps[-1]:.1f}", str(repeats), verdict
        )
    table.caption = (
        "Unserved: the longest time of a round in which no new event came through to the counts, the strike's own "
        "duration included. Published again: the most events of a round that the log has once more; they are harmless."
    )
    return table


async def main(console: Console, rounds: int, seed: int, *, short: bool, only: str) -> int:
    """Play it all and return the exit status."""
    begun = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="pcare-faults-"))
    strikes = deck(Random(seed), rounds, short=short, only=only)
    console.print(f"{rounds} rounds, seed {seed}; what the services write is in {directory}")
    single = round(rounds * SINGLE)
    outcomes = await prove(directory, strikes, seed=seed, console=console, single=single)
    console.print(table_of(outcomes))
    wrong = [outcome for outcome in outcomes if outcome.faults]
    console.print(
        f"{'NOT EXACT' if wrong else 'exact'}: {len(outcomes) - len(wrong)} of {len(outcomes)} rounds, "
        f"{time.monotonic() - begun:.0f} s, seed {seed}"
    )
    for outcome in wrong:  # once more, where whoever looks at the end of it sees them
        brokers = 1 if outcome.number >= rounds - single else 3
        console.print(_line(outcome, len(strikes), brokers), soft_wrap=True)
    if not wrong:
        shutil.rmtree(directory)
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Kill, stop and cut off everything under load, and count afterwards.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000, help="of what is struck, and when")
    parser.add_argument("--short", action="store_true", help="only what takes seconds")
    parser.add_argument(
        "--only", default="", help="only strikes in whose words this stands, such as `disk` or `SIGSTOP`"
    )
    arguments = parser.parse_args()
    terminal = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    sys.exit(asyncio.run(main(terminal, arguments.rounds, arguments.seed, short=arguments.short, only=arguments.only)))
