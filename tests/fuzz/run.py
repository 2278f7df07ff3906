"""`make proof-inputs`: bad input, in bulk, through the checks, a running ingest, and a running recorder.

Starts Kafka, PostgreSQL and the services by itself, in a temporary directory. Ends with status 0 only if every input
had exactly one documented outcome, nothing said showed an NHS number, and memory was steady.
"""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from backends import running_backend
from fuzz import judging, memory, over_http, over_kafka
from fuzz.nhs_numbers import shown_in
from fuzz.tally import Tally
from pcare_local.ports import LOOPBACK
from system import System, running_system

_FAULT = re.compile(r"Traceback|nobody foresaw|a fault of ours|\"level\": \"critical\"")


async def through_the_services(system: System, arguments: argparse.Namespace) -> dict[str, Tally]:
    """Throw inputs at ingest and at the topics, and account for all of them."""
    system.environment["PCARE_RECORDER_BREAKER_WINDOW"] = "0"  # what is thrown at it here would open it
    recorder, ingest = await system.start("recorder", "ingest")
    assert recorder.popen is not None
    assert ingest.popen is not None
    http = await over_http.send_all(
        arguments.seed, arguments.http, host=LOOPBACK, port=ingest.port, pid=ingest.popen.pid
    )
    print(f"HTTP: {dict(http.outcomes)}", *http.failures, sep="\n", flush=True)
    topic, valid = await over_kafka.send_all(
        arguments.seed + 1, arguments.topic, valid_share=arguments.valid, options=system.options, pid=recorder.popen.pid
    )
    held = await over_kafka.settled(system.options, system.dsn, system.group)
    topic.memory["recorder"].append(memory.held(recorder.popen.pid))
    await over_kafka.account(system.dsn, held, topic, arguments.seed + 1, valid)
    look_at_the_logs(system.logs(), topic)
    for process in (ingest, recorder):
        assert process.popen is not None
        if process.popen.poll() is not None:
            topic.failures.append(f"{process.name} ended with {process.popen.returncode}")
    return {"HTTP": http, "topics": topic}


def look_at_the_logs(logs: str, tally: Tally) -> None:
    """Search every line that the services wrote."""
    for line in logs.splitlines():
        if _FAULT.search(line) or shown_in(line):
            tally.outcomes["FAILED"] += 1
            tally.failures.append(f"a line of the log: {line[:500]}")


def report(tallies: dict[str, Tally], console: Console) -> bool:
    """Print the outcomes; return whether all was as it must be."""
    table = Table("way", "outcome", "inputs")
    for way, tally in tallies.items():
        for outcome, count in sorted(tally.outcomes.items(), key=lambda pair: -pair[1]):
            table.add_row(way, outcome, f"{count:,}")
    console.print(table)
    well = True
    for way, tally in tallies.items():
        for what, samples in tally.memory.items():
            if samples and (way != "checks" or not memory.is_steady(samples)):
                console.print(f"memory of {what}: {memory.in_words(samples)}")
            well &= memory.is_steady(samples)
        for failure in tally.failures:
            console.print(f"[red]{way}[/red]: ", failure, markup=True, highlight=False)
        well &= not tally.failures
    console.print("All is as it must be." if well else "NOT all is as it must be.")
    return well


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="inputs through the checks")
    parser.add_argument("--http", type=int, default=10_000, help="inputs through a running ingest")
    parser.add_argument("--topic", type=int, default=10_000, help="inputs straight to the topics")
    parser.add_argument("--valid", type=float, default=0.5, help="share of valid events among those to the topics")
    parser.add_argument("--seed", type=int, default=20_240_401)
    parser.add_argument("--workers", type=int, default=2, help="processes for the checks")
    parser.add_argument("--save", type=Path, help="a directory for the inputs that failed")
    return parser.parse_args()


async def _services(arguments: argparse.Namespace, directory: Path) -> dict[str, Tally]:
    with running_backend(directory / "backend") as backend:
        (directory / "system").mkdir()
        async with running_system(backend, directory / "system") as system:
            return await through_the_services(system, arguments)


def main() -> None:
    """Run, report, and end with 0 only if nothing failed."""
    arguments = _arguments()
    begun = time.monotonic()
    tallies: dict[str, Tally] = {}
    if arguments.inputs:
        tallies["checks"] = judging.judge_all(arguments.seed, arguments.inputs, workers=arguments.workers)
    if arguments.http or arguments.topic:
        with tempfile.TemporaryDirectory(prefix="pcare-inputs-") as directory:
            tallies |= asyncio.run(_services(arguments, Path(directory)))
    console = Console(width=160)
    well = report(tallies, console)
    console.print(f"seed {arguments.seed}, {time.monotonic() - begun:.0f} s")
    if arguments.save is not None:
        for tally in tallies.values():
            tally.save(arguments.save)
    raise SystemExit(not well)


if __name__ == "__main__":
    main()
