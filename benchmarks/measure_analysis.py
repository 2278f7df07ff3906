"""Analysts' views over a year of a million events for 300,000 people, and what their index costs the recorder.

The database is filled once, straight through the recorder's COPY; each run then asks every view once.
"""

import asyncio
import re
import time
from itertools import islice
from pathlib import Path

import asyncpg

from made_year import recorded_year
from pcare_recorder import migrate, store
from pcare_recorder.rebuild_rows import event_row
from results import Figure
from stand import Stand, in_a_process_of_its_own

EVENTS = 1_000_000
PEOPLE = 300_000
GUIDE = Path(__file__).parents[1] / "docs" / "analyse.md"
PAIRS = 12
PAIR_EVENTS = 5_000
INDEX = "pcare.interventions_in_place"


async def measure(servers: Stand, run: int) -> list[Figure]:
    """Return how long each view takes, and the rate of COPY with the views' index beside that without."""
    if run == 0:
        arguments = (servers.dsn, str(EVENTS), str(PEOPLE), "1")
        await asyncio.to_thread(in_a_process_of_its_own, "loading_database.py", *arguments)
    figures = [*await _views(servers.dsn), *await _guide(servers.dsn)]
    with_index, without = await _rates(servers.dsn, seed=run + 2)
    return [*figures, Figure("analysis", "rows recorded, with the views' index", "/s", with_index, without)]


async def _views(dsn: str) -> list[Figure]:
    connection = await asyncpg.connect(dsn)
    try:
        names = await connection.fetch(
            "SELECT viewname FROM pg_views WHERE schemaname = 'analysis' AND viewname LIKE 'kpi%' ORDER BY viewname"
        )
        figures = []
        for (name,) in names:
            before = time.perf_counter()
            await connection.fetch(f"SELECT * FROM analysis.{name}")  # noqa: S608 - names of views
            milliseconds = 1000 * (time.perf_counter() - before)
            figures.append(Figure("analysis", f"analysis.{name}", "ms", milliseconds))
        return figures
    finally:
        await connection.close()


async def _guide(dsn: str) -> list[Figure]:
    """Ask the queries of docs/analyse.md, of the year that was made, with the settings that it gives a login."""
    text = GUIDE.read_text(encoding="utf-8").replace("2024/25", "2025/26").replace("2024-0", "2025-0")
    connection = await asyncpg.connect(dsn, server_settings={"work_mem": "64MB"})
    try:
        figures = []
        for number, query in enumerate(re.findall(r"```sql\n(.*?)```", text, re.DOTALL), start=1):
            before = time.perf_counter()
            await connection.fetch(query)
            milliseconds = 1000 * (time.perf_counter() - before)
            figures.append(Figure("analysis", f"query {number} of docs/analyse.md", "ms", milliseconds))
        return figures
    finally:
        await connection.close()


async def _rates(server: str, *, seed: int) -> tuple[float, float]:
    """Copy the same rows into two databases by turns, so that both meet the same machine; return rows a second."""
    names = [f"with_index_{seed}", f"without_index_{seed}"]
    administrator = await asyncpg.connect(server)
    databases = []
    for name in names:
        await administrator.execute(f"CREATE DATABASE {name}")
        databases.append(await asyncpg.connect(f"{server.rsplit('/', 1)[0]}/{name}"))
        await migrate.apply(databases[-1])
    await databases[1].execute(f"DROP INDEX {INDEX}")
    made = recorded_year(2 * PAIRS * PAIR_EVENTS, people=PEOPLE // 10, seed=seed)
    seconds = [0.0, 0.0]
    for pair in range(2 * PAIRS):
        batch = [event_row(text) for text in islice(made, PAIR_EVENTS)]
        for which in (0, 1) if pair % 2 else (1, 0):
            before = time.perf_counter()
            await store.add_events(databases[which], batch)
            seconds[which] += time.perf_counter() - before
    for name, database in zip(names, databases, strict=True):
        await database.close()
        await administrator.execute(f"DROP DATABASE {name}")
    await administrator.close()
    events = 2 * PAIRS * PAIR_EVENTS
    return events / seconds[0], events / seconds[1]
