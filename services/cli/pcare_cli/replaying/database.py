"""The statements of a replay. All are read in one snapshot, whoever asks; none changes anything."""

import contextlib
import re
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, NamedTuple

import asyncpg
import orjson

from pcare_audit.replaying.columns import COLUMNS
from pcare_audit.replaying.frame import Cursor, Where
from pcare_audit.replaying.rechecking import Known, Link, Rejected
from pcare_cli.audit_reading import read_only
from pcare_schemas.envelope import PERSON_PREFIX
from pcare_schemas.origin import Origin

PAGE = 5_000
_ROW = ", ".join(COLUMNS)
_SNAPSHOT = re.compile(r"[0-9A-F-]+")
_BLOCK_BYTES = 8192


class PublishedRow(NamedTuple):
    """A row of pcare.published."""

    offset: int
    text: bytes
    traceparent: bytes | None


class RejectionRow(NamedTuple):
    """A row of pcare.rejections: its published text, what the replay judges by, and its columns as they are."""

    offset: int
    text: bytes
    traceparent: bytes | None
    kept: Rejected
    received_at: Any
    columns: tuple[Any, ...]


class Tables(NamedTuple):
    """What of the tables a replay has to know before it begins."""

    cursors: dict[Where, Cursor]
    partitions: list[Where]
    merges: dict[str, tuple[str, str, bool]]
    rules: dict[str, dict[str, Any]]
    now: Any


@contextlib.asynccontextmanager
async def snapshot_of(dsn: str, name: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """Connect and begin a transaction that sees one state for ever; that of the snapshot `name`, if it is given."""
    async with read_only(dsn) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        if name is not None:
            if not _SNAPSHOT.fullmatch(name):
                raise ValueError("no name of a snapshot")
            await connection.execute(f"SET TRANSACTION SNAPSHOT '{name}'")
        await connection.execute("SET LOCAL jit = off")
        yield connection


async def tables(connection: asyncpg.Connection) -> Tables:
    """Return what has to be known first."""
    cursors = await connection.fetch(
        "SELECT topic, partition, base_offset, next_offset, recorded, duplicates, rejected FROM pcare.cursors"
    )
    found = {Where(row[0], row[1]): Cursor(*row[2:]) for row in map(tuple, cursors)}
    partitions = {*found, *await _partitions(connection, "published"), *await _partitions(connection, "rejections")}
    rules = await connection.fetch("SELECT version, document::text FROM pcare.rules ORDER BY version")
    return Tables(
        found,
        sorted(partitions),
        await merges(connection),
        {row[0]: orjson.loads(row[1]) for row in rules},
        await connection.fetchval("SELECT clock_timestamp()"),
    )


async def merges(connection: asyncpg.Connection) -> dict[str, tuple[str, str, bool]]:
    """Return of each subject that is gone into which it was merged, the text, and whether that is published."""
    found = await connection.fetch("SELECT gone, kept, published::text, published_at IS NOT NULL FROM pcare.merges")
    return {f"{PERSON_PREFIX}{row[0]}": (f"{PERSON_PREFIX}{row[1]}", row[2], row[3]) for row in found}


async def _partitions(connection: asyncpg.Connection, table: str) -> list[Where]:
    """Return the partitions that origins of a table name, by a look into its index for each of them."""
    found = await connection.fetch(
        f"""
        WITH RECURSIVE one AS (
            (SELECT origin_topic, origin_partition FROM pcare.{table} ORDER BY 1, 2 LIMIT 1)
            UNION ALL
            SELECT next.origin_topic, next.origin_partition FROM one CROSS JOIN LATERAL (
                SELECT t.origin_topic, t.origin_partition FROM pcare.{table} AS t
                WHERE (t.origin_topic, t.origin_partition) > (one.origin_topic, one.origin_partition)
                ORDER BY 1, 2 LIMIT 1
            ) AS next
        )
        SELECT * FROM one
        """  # noqa: S608 - the two names above
    )
    return [Where(row[0], row[1]) for row in found]


async def published(connection: asyncpg.Connection, where: Where, first: int, end: int) -> list[PublishedRow]:
    """Return the published texts of origins in [first, end)."""
    found = await connection.fetch(
        "SELECT origin_offset, published::text, traceparent FROM pcare.published "
        "WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset >= $3 AND origin_offset < $4 "
        "ORDER BY origin_offset",
        *where,
        first,
        end,
    )
    return [PublishedRow(row[0], row[1].encode(), _bytes(row[2])) for row in found]


async def end_of_page(connection: asyncpg.Connection, where: Where, first: int, end: int) -> int:
    """Return before which offset a page of what the tables have from `first` on ends; `end` where it is the last."""
    found = await connection.fetchval(
        f"SELECT least({_page('published')}, {_page('rejections')})",
        *where,
        first,
        end,
        PAGE,
    )
    return end if found is None else int(found) + 1


def _page(table: str) -> str:
    """Return the query for the offset of the last row of a page of a table; null where the page is not full."""
    return (
        f"(SELECT origin_offset FROM pcare.{table} WHERE origin_topic = $1 AND origin_partition = $2 "  # noqa: S608
        "AND origin_offset >= $3 AND origin_offset < $4 ORDER BY origin_offset OFFSET $5::integer - 1 LIMIT 1)"
    )


async def rejections(connection: asyncpg.Connection, where: Where, first: int, end: int) -> list[RejectionRow]:
    """Return the rejections of origins in [first, end)."""
    found = await connection.fetch(
        "SELECT origin_offset, published::text, traceparent, reason, errors::text, rules_version, evidence, redacted, "
        "received_at, sender, source, id FROM pcare.rejections "
        "WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset >= $3 AND origin_offset < $4 "
        "ORDER BY origin_offset",
        *where,
        first,
        end,
    )
    return [_rejection(row) for row in found]


def _rejection(row: asyncpg.Record) -> RejectionRow:
    errors = orjson.loads(row["errors"])
    first = errors[0] if isinstance(errors, list) and errors else None
    message = first.get("message") if isinstance(first, dict) else None
    kept = Rejected(row["reason"], message, row["rules_version"], row["evidence"], row["redacted"])
    columns = (errors, row["sender"], row["source"], row["id"])
    return RejectionRow(row[0], row[1].encode(), _bytes(row[2]), kept, row["received_at"], columns)


async def stretches_of_rows(connection: asyncpg.Connection, number: int) -> list[tuple[int, int]]:
    """Return the blocks of pcare.interventions in so many stretches, [first, end) each."""
    size: int = await connection.fetchval("SELECT pg_relation_size('pcare.interventions')")
    blocks = size // _BLOCK_BYTES + 1
    step = blocks // number + 1
    return [(first, min(first + step, blocks)) for first in range(0, blocks, step)]


async def rows(connection: asyncpg.Connection, first: int, end: int) -> AsyncIterator[list[asyncpg.Record]]:
    """Give the rows of some blocks: the origin, then the columns in the order of COLUMNS."""
    cursor = await connection.cursor(
        f"SELECT origin_topic, origin_partition, origin_offset, {_ROW} FROM pcare.interventions "  # noqa: S608
        f"WHERE ctid >= '({first},0)' AND ctid < '({end},0)'"
    )
    while found := await cursor.fetch(PAGE):
        yield found


async def rows_of(connection: asyncpg.Connection, origins: Collection[Origin]) -> list[asyncpg.Record]:
    """Return the rows of these origins, as `rows`: in one pass over the table, which has no index of them."""
    found = await connection.fetch(
        f"SELECT origin_topic, origin_partition, origin_offset, {_ROW} FROM pcare.interventions "  # noqa: S608
        "WHERE (origin_topic, origin_partition, origin_offset) IN "
        "(SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[]))",
        [origin.topic for origin in origins],
        [origin.partition for origin in origins],
        [origin.offset for origin in origins],
    )
    return list(found)


async def number_of_rows(connection: asyncpg.Connection) -> int:
    """Return about how many events there are."""
    found = await connection.fetchval("SELECT coalesce(sum(recorded), 0)::bigint FROM pcare.cursors")
    return int(found)


async def links(connection: asyncpg.Connection) -> AsyncIterator[list[asyncpg.Record]]:
    """Give all links: pseudonym, subject, linked_at, rules_version and the origin."""
    cursor = await connection.cursor(
        "SELECT pseudonym, 'person:' || subject_id, linked_at, rules_version, "
        "origin_topic, origin_partition, origin_offset FROM pcare.subjects"
    )
    while found := await cursor.fetch(PAGE):
        yield found


async def known(connection: asyncpg.Connection, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Known]:
    """Return what the table holds of these events."""
    found = await connection.fetch(
        "SELECT i.source, i.id, i.kind, i.subject, i.content_sha256, i.origin_topic, i.origin_partition, "
        "i.origin_offset FROM unnest($1::text[], $2::text[]) AS asked (source, id) "
        "JOIN pcare.interventions AS i ON i.source = asked.source AND i.id = asked.id",
        [source for source, _ in keys],
        [name for _, name in keys],
    )
    return {(row[0], row[1]): Known(row[2], row[3], row[4], Origin(row[5], row[6], row[7])) for row in found}


async def links_of(connection: asyncpg.Connection, pseudonyms: Sequence[str]) -> dict[str, Link]:
    """Return whose these pseudonyms are."""
    found = await connection.fetch(
        "SELECT pseudonym, 'person:' || subject_id, linked_at FROM pcare.subjects WHERE pseudonym = ANY($1::text[])",
        list(pseudonyms),
    )
    return {row[0]: Link(row[1], row[2]) for row in found}


async def is_linked_by(connection: asyncpg.Connection, origin: Origin) -> bool:
    """Whether the record of an origin made a link that still stands."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pcare.subjects WHERE origin_topic = $1 AND origin_partition = $2 "
        "AND origin_offset = $3)",
        origin.topic,
        origin.partition,
        origin.offset,
    )
    return found


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("latin-1")
