"""`pcare publish`: 100,000 rows of CSV from start to end of the process, against bare HTTP batches of the same events.

    python benchmarks/measure_publish.py [--rows 100000]

The bare sender holds its requests ready-made, in batches as large and on connections as many: what ingest would take.
"""

import argparse
import asyncio
import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from pcare_cli.publishing.building import Builder, Defaults
from pcare_cli.publishing.identity import Identity
from pcare_cli.publishing.mapping import Mapping
from pcare_cli.publishing.reading import open_file
from pcare_cli.publishing.sending import BATCH_ROWS, IN_FLIGHT, batches
from pcare_client import Event
from results import Figure
from stand import Stand, stand

ROWS = 100_000
COLUMNS = ("NHS Number", "Time", "Borough", "PCN", "Practice", "Age band", "Sex", "Ethnic category", "IMD decile")
OWN = ("Plan ref", "Plan kind", "Review due")


async def measure(stand: Stand, run: int, *, rows: int = ROWS) -> list[Figure]:
    """Measure once."""
    file = _write(stand.layout.key.with_name(f"year-{run}.csv"), rows)
    requests = list(_requests(file))
    async with stand.running("ingest"):
        bare = rows / await _bare(stand.layout.ingest, requests)
        took = await asyncio.to_thread(_publish, file, stand.layout.ingest)
    return [
        Figure("publish", f"CSV of {rows:,} rows", "s", took),
        Figure("publish", "rows a second, of bare HTTP batches", "1/s", rows / took, bare),
    ]


def _write(file: Path, rows: int) -> Path:
    with file.open("w", newline="", encoding="utf-8") as opened:
        lines = csv.writer(opened)
        lines.writerow([*COLUMNS, *OWN])
        person = ["999 000 0018", "19/04/2024 10:30", "E09000019", "U12345", "E83024", "65-69", "female", "A", "3"]
        lines.writerows([*person, f"PCSP-{number:06}", "long_term_condition", "19/04/2025"] for number in range(rows))
    return file


def _requests(file: Path) -> list[bytes]:
    table = open_file(file, Mapping())
    builder = Builder(table.columns, Mapping(), Defaults("care-plan-agreed", "RKE"), Identity(bytes(range(32))))
    found = []
    for _, rows in batches(table.rows(), BATCH_ROWS):
        events = [builder.build(row.cells) for row in rows]
        found.append(b"[" + b",".join(event.body for event in events if isinstance(event, Event)) + b"]")
    return found


async def _bare(ingest: str, requests: list[bytes]) -> float:
    waiting = iter(requests)
    headers = {"Content-Type": "application/cloudevents-batch+json"}

    async def sender(client: httpx.AsyncClient) -> None:
        for content in waiting:
            answer = await client.post("/events", content=content, headers=headers)
            assert answer.status_code == httpx.codes.ACCEPTED, answer.text

    async with httpx.AsyncClient(base_url=ingest, timeout=60, trust_env=False) as client:
        started = time.perf_counter()
        await asyncio.gather(*(sender(client) for _ in range(IN_FLIGHT)))
        return time.perf_counter() - started


def _publish(file: Path, ingest: str) -> float:
    arguments = [str(file), "--kind", "care-plan-agreed", "--source", "RKE", "--address", ingest]
    environment = {**os.environ, "PCARE_PUBLISH_ID_KEY_FILE": str(file.with_name("id.key"))}
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pcare_cli", "publish", *arguments], check=True, env=environment)
    return time.perf_counter() - started


async def _main(rows: int) -> None:
    async with stand() as made:
        for figure in await measure(made, 0, rows=rows):
            ratio = None if figure.ceiling is None else round(figure.value / figure.ceiling, 2)
            print(json.dumps({"name": figure.name, "value": round(figure.value, 1), "ratio": ratio}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    asyncio.run(_main(parser.parse_args().rows))
