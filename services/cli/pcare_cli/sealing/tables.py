"""The statements of the sealer."""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import asyncpg

from pcare_audit.checkpoint import ActsHead
from pcare_cli.sealing.merges import Merges, read_merge
from pcare_cli.sealing.trouble import FIND_OUT, ContradictionError

ROWS_AT_A_TIME = 5_000
WORKING = 0x7063616C  # "pcal": whoever seals holds it
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 600.0
_CHECKPOINT = "SELECT size, made_at, note, published_offset FROM pcare.checkpoints"


class Row(NamedTuple):
    """A checkpoint as it is in the table."""

    size: int
    made_at: dt.datetime
    note: str
    published_offset: int | None

    @property
    def key(self) -> tuple[int, dt.datetime]:
        """Which one it is, and its place among them."""
        return self.size, self.made_at


async def connect(dsn: str) -> asyncpg.Connection:
    """Open the sealer's one connection. What asyncpg raises goes on."""
    return await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        server_settings={
            "application_name": "pcare-seal",
            "timezone": "UTC",
            "jit": "off",
            "tcp_keepalives_idle": "15",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
            "idle_in_transaction_session_timeout": "120s",
        },
    )


async def work_alone(connection: asyncpg.Connection) -> bool:
    """Whether this is the one sealer that works, for as long as the connection is open."""
    alone: bool = await connection.fetchval("SELECT pg_try_advisory_lock($1)", WORKING)
    return alone


async def cursors(connection: asyncpg.Connection) -> dict[str, int]:
    """Return how far the database is in each partition."""
    found = await connection.fetch("SELECT topic, partition, next_offset FROM pcare.cursors")
    return {f"{row[0]}/{row[1]}": row[2] for row in found}


async def merges(connection: asyncpg.Connection) -> Merges:
    """Return all merges. Raises ContradictionError where one is not as the recorder publishes them."""
    found = await connection.fetch("SELECT published::text, gone FROM pcare.merges")
    read = []
    for text, gone in found:
        try:
            read.append(read_merge(text.encode()))
        except (ValueError, RecursionError):  # msgspec's errors are of the first kind
            raise ContradictionError(f"What pcare.merges has of the subject {gone} is no merge.", FIND_OUT) from None
    return Merges(read)


async def merges_to_publish(connection: asyncpg.Connection) -> int:
    """Return how many merges are not on the topics yet."""
    number: int = await connection.fetchval("SELECT count(*) FROM pcare.merges WHERE published_at IS NULL")
    return number


async def acts_head(connection: asyncpg.Connection) -> ActsHead | None:
    """Return how far the chain of acts is, or None where nobody did anything."""
    found = await connection.fetchrow("SELECT head_position, head_hash FROM pcare.acts_head()")
    return None if found is None else ActsHead(found[0], found[1])


class Stretch(NamedTuple):
    """Offsets of a partition, from `first` to before `end`."""

    topic: str
    partition: int
    first: int
    end: int


async def texts(connection: asyncpg.Connection, stretch: Stretch) -> AsyncIterator[list[tuple[int, bytes]]]:
    """Give offset and text of what was recorded from a stretch of a partition, in order. Call it in a transaction."""
    cursor = await connection.cursor(
        "SELECT origin_offset, published::text FROM pcare.published WHERE origin_topic = $1 AND origin_partition = $2 "
        "AND origin_offset >= $3 AND origin_offset < $4 ORDER BY origin_offset",
        *stretch,
    )
    while found := await cursor.fetch(ROWS_AT_A_TIME):
        yield [(row[0], row[1].encode()) for row in found]


async def count_from(connection: asyncpg.Connection, topic: str, partition: int, first: int) -> int:
    """Return how much is recorded from a partition from an offset on."""
    number: int = await connection.fetchval(
        "SELECT count(*) FROM pcare.published "
        "WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset >= $3",
        topic,
        partition,
        first,
    )
    return number


async def add_leaves(connection: asyncpg.Connection, first: int, leaves: Sequence[tuple[str, int, int, bytes]]) -> None:
    """Add leaves (topic, partition, offset, hash) from number `first` on."""
    await connection.copy_records_to_table(
        "leaves",
        schema_name="pcare",
        columns=("leaf", "hash", "origin_topic", "origin_partition", "origin_offset"),
        records=[(first + n, one[3], one[0], one[1], one[2]) for n, one in enumerate(leaves)],
    )


async def add_checkpoint(connection: asyncpg.Connection, row: Row, published_at: dt.datetime | None = None) -> None:
    """Add a checkpoint; one that comes from the topic with when it was published there."""
    await connection.execute(
        "INSERT INTO pcare.checkpoints (size, made_at, note, published_at, published_offset) "
        "VALUES ($1, $2, $3, $4, $5)",
        row.size,
        row.made_at,
        row.note,
        published_at,
        row.published_offset,
    )


async def leaves(connection: asyncpg.Connection) -> AsyncIterator[list[tuple[int, bytes | None]]]:
    """Give number and hash of all leaves, in order; an owner may have taken a hash away. Call it in a transaction."""
    cursor = await connection.cursor("SELECT leaf, hash FROM pcare.leaves ORDER BY leaf")
    while found := await cursor.fetch(ROWS_AT_A_TIME):
        yield [(row[0], row[1]) for row in found]


async def checkpoints(connection: asyncpg.Connection) -> AsyncIterator[Row]:
    """Give all checkpoints, in order. Call it in a transaction."""
    async for found in connection.cursor(f"{_CHECKPOINT} ORDER BY size, made_at", prefetch=1_000):
        yield Row(*found)


async def last_checkpoint(connection: asyncpg.Connection) -> Row | None:
    """Return the last checkpoint, or None where there is none."""
    found = await connection.fetchrow(f"{_CHECKPOINT} ORDER BY size DESC, made_at DESC LIMIT 1")
    return None if found is None else Row(*found)


async def checkpoints_of(connection: asyncpg.Connection, keys: Sequence[tuple[int, dt.datetime]]) -> list[Row]:
    """Return those of these sizes and times."""
    found = await connection.fetch(
        f"{_CHECKPOINT} WHERE (size, made_at) IN (SELECT * FROM unnest($1::bigint[], $2::timestamptz[]))",  # noqa: S608
        [size for size, _ in keys],
        [made_at for _, made_at in keys],
    )
    return [Row(*row) for row in found]


async def to_publish(connection: asyncpg.Connection) -> list[Row]:
    """Return the first of the checkpoints that Kafka has not acknowledged, in order."""
    found = await connection.fetch(f"{_CHECKPOINT} WHERE published_at IS NULL ORDER BY size, made_at LIMIT 1000")
    return [Row(*row) for row in found]


async def published(connection: asyncpg.Connection, row: Row, offset: int, at: dt.datetime) -> None:
    """Put down where Kafka has a checkpoint."""
    await connection.execute(
        "UPDATE pcare.checkpoints SET published_at = $3, published_offset = $4 WHERE size = $1 AND made_at = $2",
        row.size,
        row.made_at,
        at,
        offset,
    )


async def published_in(connection: asyncpg.Connection, first: int, end: int) -> list[Row]:
    """Return the checkpoints that are said to be on the topic at these offsets."""
    found = await connection.fetch(f"{_CHECKPOINT} WHERE published_offset >= $1 AND published_offset < $2", first, end)
    return [Row(*row) for row in found]


async def not_published(connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
    """Put down that these checkpoints are to be published again."""
    await connection.executemany(
        "UPDATE pcare.checkpoints SET published_at = NULL, published_offset = NULL WHERE size = $1 AND made_at = $2",
        [(row.size, row.made_at) for row in rows],
    )


async def not_published_outside(connection: asyncpg.Connection, first: int, end: int) -> int:
    """Put down that checkpoints said to be where the topic is not are to be published again; return how many."""
    status: str = await connection.execute(
        "UPDATE pcare.checkpoints SET published_at = NULL, published_offset = NULL "
        "WHERE published_offset < $1 OR published_offset >= $2",
        first,
        end,
    )
    return int(status.rsplit(maxsplit=1)[-1])


class Differing(NamedTuple):
    """A place where leaf and row are not the same: either may be missing."""

    offset: int
    leaf: int | None
    hash: bytes | None
    text: bytes | None


async def end_of_part(connection: asyncpg.Connection, stretch: Stretch, leaves_at_a_time: int) -> int:
    """Return the offset before which so many leaves of a stretch stand; its end where there are fewer."""
    found = await connection.fetchval(
        "SELECT origin_offset FROM pcare.leaves WHERE origin_topic = $1 AND origin_partition = $2 "
        "AND origin_offset >= $3 AND origin_offset < $4 AND origin_topic <> 'pcare.acts' "
        "ORDER BY origin_offset OFFSET $5 LIMIT 1",
        *stretch,
        leaves_at_a_time,
    )
    return stretch.end if found is None else int(found)


async def differing(connection: asyncpg.Connection, stretch: Stretch) -> AsyncIterator[Differing]:
    """Give the places of a stretch where leaf and row are not the same. Call it in a transaction."""
    query = """
        SELECT coalesce(l.origin_offset, p.origin_offset), l.leaf, l.hash, p.published::text
        FROM (
            SELECT leaf, hash, origin_offset FROM pcare.leaves
            WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset >= $3 AND origin_offset < $4
              AND origin_topic <> 'pcare.acts'
        ) AS l
        FULL JOIN (
            SELECT origin_offset, published FROM pcare.published
            WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset >= $3 AND origin_offset < $4
        ) AS p USING (origin_offset)
        WHERE l.hash IS DISTINCT FROM sha256('\\x00'::bytea || convert_to(p.published::text, 'UTF8'))
    """
    async for row in connection.cursor(query, *stretch, prefetch=500):
        yield Differing(row[0], row[1], row[2], None if row[3] is None else row[3].encode())


async def merge_leaves(connection: asyncpg.Connection) -> list[tuple[int, bytes | None]]:
    """Return act and hash of the leaves that are merges. As above."""
    found = await connection.fetch(
        "SELECT origin_offset, hash FROM pcare.leaves WHERE origin_topic = 'pcare.acts' ORDER BY origin_offset, hash"
    )
    return [(row[0], row[1]) for row in found]
