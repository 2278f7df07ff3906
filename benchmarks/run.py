"""`make bench`: how fast each part is, as medians of several runs and as ratios to a ceiling of the same run.

    make bench
    make bench ARGS="--only recorder --runs 5 --report figures.json"
    make bench ARGS="--only overload --runs 1"         five times what can be carried, and the curve of memory
    make bench ARGS="--only soak --minutes 30"        half an hour of load, once: not part of the rest

Load, services, broker and database share this machine, so quote the ratios; a wide span says that it was busy.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

import measure_aggregator
import measure_analysis
import measure_credentials
import measure_ingest
import measure_latency
import measure_overload
import measure_proofs
import measure_publish
import measure_recorder
import measure_replay
import measure_soak
import measure_tracing
from results import Row, rows
from stand import stand

PARTS = {
    "ingest": measure_ingest.measure,
    "credentials": measure_credentials.measure,
    "recorder": measure_recorder.measure,
    "aggregator": measure_aggregator.measure,
    "latency": measure_latency.measure,
    "analysis": measure_analysis.measure,
    "overload": measure_overload.measure,
    "publish": measure_publish.measure,
    "proofs": measure_proofs.measure,
    "tracing": measure_tracing.measure,
    "replay": measure_replay.measure,
}
SOAK = "soak"


async def measure(part: str, runs: int, minutes: float) -> list[Row]:
    """Measure one part on servers of its own."""
    async with stand() as servers:
        figures = []
        for run in range(runs):
            sys.stderr.write(f"{part}: run {run + 1} of {runs}\n")
            if part == SOAK:
                figures.append(await measure_soak.measure(servers, run, minutes=minutes))
            else:
                figures.append(await PARTS[part](servers, run))
    return rows(figures)


def table(found: list[Row]) -> Table:
    """Return the figures to print."""
    made = Table(title=f"Medians; {platform.machine()}, {os.cpu_count()} cores shared by everything")
    for name in ("part", "figure", "unit"):
        made.add_column(name)
    for name in ("median", "lowest", "highest", "of the ceiling"):
        made.add_column(name, justify="right")
    for row in found:
        ratio = "" if row.ratio is None else f"{row.ratio:.0%}"
        made.add_row(row.part, row.name, row.unit, *(f"{n:,.0f}" for n in (row.median, row.lowest, row.highest)), ratio)
    return made


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure the speed of each part.")
    parser.add_argument("--only", choices=[*PARTS, SOAK], action="append", help="this part; may be repeated")
    parser.add_argument("--runs", type=int, help="3, but for a soak 1")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long a soak takes")
    parser.add_argument("--report", type=Path, help="also write the figures as JSON")
    arguments = parser.parse_args()
    found = [
        row
        for part in arguments.only or PARTS
        for row in asyncio.run(measure(part, arguments.runs or (1 if part == SOAK else 3), arguments.minutes))
    ]
    Console(width=130).print(table(found))
    if arguments.report:
        arguments.report.write_text(json.dumps([asdict(row) for row in found], indent=2) + "\n")


if __name__ == "__main__":
    main()
