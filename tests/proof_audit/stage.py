"""The system of the proof: services as processes, the auditor's commands, and whoever owns the database and Kafka."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg
from kafka import KafkaAdminClient, KafkaProducer
from typer.testing import CliRunner

from events import CAMDEN
from pcare_audit.log_reading import read_raw
from pcare_cli.main import app
from pcare_cli.sealing.keys import public_of
from sealed import LEFT, until_recorded
from system import System
from test_persons_merge import GONE, KEPT, life_of, merge, send

TABLES = {
    "acts": "number",
    "acts_chain": "position",
    "leaves": None,
    "checkpoints": None,
    "published": None,
    "interventions": None,
    "cursors": None,
    "merges": None,
}
"""What is tampered with and put back; with the number of those that grow meanwhile."""
APPEND_ONLY = ("acts", "acts_chain", "leaves", "checkpoints")


@dataclass
class Ran:
    """What a command printed, and its exit status."""

    status: int
    output: str

    def says(self, *patterns: str) -> bool:
        """Whether each of these is somewhere in a line of what it printed."""
        return all(re.search(pattern, self.output, re.MULTILINE) for pattern in patterns)


Value = bytes | None
Rewrite = Callable[[int, Value], Sequence[Value]]
"""What stands in a copy in place of a record, by its number among all that are copied, and its value."""


@dataclass
class Stage:
    """The running system, with everything sealed and nothing on its way."""

    system: System
    directory: Path
    events: int
    notes: dict[str, str] = field(default_factory=dict)
    """What a step leaves for another to look at."""

    @property
    def public_key(self) -> Path:
        """What an auditor was given."""
        return public_of(self.system.layout.seal_key)

    async def pcare(self, *arguments: object, login: str = "auditor") -> Ran:
        """Type a command, as the auditor unless another login is named."""
        environment = self.system.environment | {"PCARE_POSTGRES_DSN": self.system.logins[login]}
        words = [str(argument) for argument in arguments]
        done = await asyncio.to_thread(CliRunner().invoke, app, words, env=environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exception, done.output)
        return Ran(done.exit_code, done.output)

    async def process(self, *arguments: object, login: str = "auditor") -> Ran:
        """Type a command in a process of its own, as those need that have processes or signals themselves."""
        environment = self.system.environment | {"PCARE_POSTGRES_DSN": self.system.logins[login]}
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pcare_cli", *map(str, arguments)),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await started.communicate()
        return Ran(started.returncode or 0, output.decode())

    async def audit(self, *arguments: object, login: str = "auditor") -> Ran:
        """Type a command of `pcare audit`."""
        return await self.pcare("audit", *arguments, login=login)

    async def verify(self, *arguments: object) -> Ran:
        """Verify with the public key."""
        return await self.audit("verify", *arguments, "--public-key", self.public_key)

    async def one(self, query: str, *arguments: object) -> asyncpg.Record:
        """Ask the database for one row."""
        (row,) = await self.system.fetch(query, *arguments)
        return row

    @asynccontextmanager
    async def tampered(self, *statements: str, acts_too: bool = False) -> AsyncIterator[None]:
        """Change the database as its owner, who can do anything; put everything back afterwards.

        What auditors did meanwhile stays in the trail, but for `acts_too`: that is chained to what was tampered with.
        """
        connection = await asyncpg.connect(self.system.dsn)
        try:
            for table in TABLES:
                await connection.execute(f"CREATE TABLE before_{table} AS TABLE pcare.{table}")
            async with _unhindered(connection):
                for statement in statements:
                    done = await connection.execute(statement)
                    assert not done.endswith(" 0"), f"nothing was changed: {statement}"
            yield
        finally:
            await _restore(connection, acts_too=acts_too)
            await connection.close()

    async def copy(self, topic: str, rewrite: Rewrite) -> str:
        """Copy a topic into a new one, partition by partition, with some records changed; return its name."""
        return await asyncio.to_thread(self._copy, topic, rewrite)

    def _copy(self, topic: str, rewrite: Rewrite) -> str:
        name = f"{topic}-copy-{uuid4().hex[:8]}"
        admin = KafkaAdminClient(**self.system.options)
        partitions = len(admin.describe_topics([topic])[0]["partitions"])
        admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1}})
        admin.close()
        producer = KafkaProducer(**self.system.options)
        for number, record in enumerate(read_raw(self.system.options, topic)):
            for value in rewrite(number, record.value):
                producer.send(name, value, key=record.key, partition=record.partition)
        producer.flush()
        producer.close()
        return name


@asynccontextmanager
async def _unhindered(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Let no trigger be in the way for the length of the block, as an owner can."""
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        for table in APPEND_ONLY:
            await connection.execute(f"ALTER TABLE pcare.{table} DISABLE TRIGGER USER")
        yield
        for table in APPEND_ONLY:
            await connection.execute(f"ALTER TABLE pcare.{table} ENABLE ALWAYS TRIGGER append_only")
        await connection.execute("ALTER TABLE pcare.acts ENABLE ALWAYS TRIGGER chained")


async def _restore(connection: asyncpg.Connection, *, acts_too: bool) -> None:
    async with _unhindered(connection):
        for table, number in TABLES.items():
            columns = ", ".join(await _columns(connection, table))
            added = (
                f"WHERE {number} <= (SELECT coalesce(max({number}), 0) FROM before_{table})"
                if number and not acts_too
                else ""
            )
            await connection.execute(f"DELETE FROM pcare.{table} {added}")
            await connection.execute(
                f"INSERT INTO pcare.{table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM before_{table}"
            )
            await connection.execute(f"DROP TABLE before_{table}")


async def _columns(connection: asyncpg.Connection, table: str) -> list[str]:
    rows = await connection.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped "
        "AND attgenerated = ''",
        f"pcare.{table}",
    )
    return [row[0] for row in rows]


async def set_up(system: System, directory: Path, events: int) -> Stage:
    """Start the services, send events as providers do, and wait until all are recorded and sealed.

    Sealed three times, by order and not on a schedule: what each checkpoint holds is no chance, and the first has most.
    Two persons turn out to be one after they were sealed.
    """
    await system.start("kpi-aggregator", "recorder", "ingest")
    stage = Stage(system, directory, events)
    await system.simulate(events - events // 10, seed=41)
    await send(system, *life_of(KEPT, CAMDEN), *life_of(GONE, CAMDEN))
    await _seal(stage)
    await merge(system, directory, KEPT, GONE)
    await _seal(stage)
    await system.simulate(events // 10, seed=43)
    await _seal(stage)
    return stage


async def _seal(stage: Stage) -> None:
    """Make the checkpoint of all that was sent."""
    await until_recorded(stage.system)
    said = await stage.process("audit", "seal", "--once", login="sealer")
    assert said.status == 0, said.output
    assert (await stage.one(LEFT))[0] == 0, said.output
