"""Fills a database with a year of events, past Kafka and the recorder's verdicts but through its own rows and COPY.

Arguments: database address, events, people, seed. Prints {"events": …, "seconds": …}, the seconds being COPY's alone.
The database has to be migrated, and holds no events yet.
"""

import asyncio
import json
import sys
import time
from itertools import islice

import asyncpg

from made_year import recorded_year
from pcare_recorder import store
from pcare_recorder.rebuild_rows import event_row

AT_ONCE = 5_000


async def load(dsn: str, events: int, people: int, seed: int) -> float:
    """Add the events in order of time, gather what the planner needs to know, and return the seconds COPY took."""
    connection = await asyncpg.connect(dsn)
    try:
        seconds = 0.0
        made = recorded_year(events, people=people, seed=seed)
        while batch := [event_row(text) for text in islice(made, AT_ONCE)]:
            before = time.perf_counter()
            await store.add_events(connection, batch)
            seconds += time.perf_counter() - before
        # as a recorder that starts, and autovacuum, would have done by then
        await connection.execute("SELECT pcare.add_missing_providers()")
        await connection.execute("VACUUM ANALYZE")
        return seconds
    finally:
        await connection.close()


if __name__ == "__main__":
    dsn, events, people, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    seconds = asyncio.run(load(dsn, events, people, seed))
    sys.stdout.write(json.dumps({"events": events, "seconds": seconds}) + "\n")
