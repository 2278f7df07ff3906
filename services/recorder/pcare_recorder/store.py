"""The statements by which the recorder reads and writes its tables, each for a whole batch.

Every function takes an open connection; those that write expect to be inside a transaction.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from pcare_recorder.cursors import Cursor, Partition
from pcare_recorder.rows import INTERVENTION_COLUMNS, PUBLISHED_COLUMNS, REJECTION_COLUMNS, Row
from pcare_recorder.verdicts import EventKey, Known, Outcome, Settled
from pcare_schemas.origin import Origin

SCHEMA = "pcare"

Adder = Callable[[asyncpg.Connection, Sequence[Row]], Awaitable[None]]
"""A function that adds rows: `add_events` or `add_rejections`."""


class Span(NamedTuple):
    """The offsets [first, next_offset) of a partition."""

    partition: Partition
    first: int
    next_offset: int


class Advance(NamedTuple):
    """A cursor to move from `span.first` to `span.next_offset`, and by how much its counts grow."""

    span: Span
    recorded: int = 0
    duplicates: int = 0
    rejected: int = 0


async def read_cursors(connection: asyncpg.Connection, partitions: Iterable[Partition]) -> dict[Partition, Cursor]:
    """Return the cursors of those partitions that have one."""
    topics, numbers = split(partitions)
    rows = await connection.fetch(
        """
        SELECT c.topic, c.partition, base_offset, next_offset, recorded, duplicates, rejected
        FROM unnest($1::text[], $2::integer[]) AS asked (topic, partition)
        JOIN pcare.cursors AS c ON c.topic = asked.topic AND c.partition = asked.partition
        """,
        topics,
        numbers,
    )
    return {Partition(row[0], row[1]): Cursor(*row[2:]) for row in map(tuple, rows)}


async def last_judged(
    connection: asyncpg.Connection, partitions: Iterable[Partition]
) -> dict[Partition, tuple[int, datetime]]:
    """Return the offset and the broker's time of the last record of each partition that was recorded or rejected."""
    topics, numbers = split(partitions)
    rows = await connection.fetch(
        """
        SELECT topic, partition, last.origin_offset, last.at
        FROM unnest($1::text[], $2::integer[]) AS asked (topic, partition)
        CROSS JOIN LATERAL (
            (
                SELECT p.origin_offset, (p.published ->> 'recordedat')::timestamptz AS at FROM pcare.published AS p
                WHERE p.origin_topic = topic AND p.origin_partition = partition
                ORDER BY p.origin_offset DESC LIMIT 1
            )
            UNION ALL
            (
                SELECT r.origin_offset, r.received_at FROM pcare.rejections AS r
                WHERE r.origin_topic = topic AND r.origin_partition = partition
                ORDER BY r.origin_offset DESC LIMIT 1
            )
            ORDER BY 1 DESC LIMIT 1
        ) AS last
        """,
        topics,
        numbers,
    )
    return {Partition(row[0], row[1]): (row[2], row[3]) for row in rows}


async def lock_cursors(connection: asyncpg.Connection, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """Return the next offsets of those partitions and hold their rows until the transaction ends.

    They are taken in one order, so two copies that want the same ones wait for each other and never in a circle.
    """
    topics, numbers = split(sorted(partitions))
    rows = await connection.fetch(
        """
        SELECT c.topic, c.partition, c.next_offset
        FROM unnest($1::text[], $2::integer[]) WITH ORDINALITY AS asked (topic, partition, place)
        JOIN pcare.cursors AS c ON c.topic = asked.topic AND c.partition = asked.partition
        ORDER BY asked.place
        FOR UPDATE OF c
        """,
        topics,
        numbers,
    )
    return {Partition(row[0], row[1]): row[2] for row in rows}


async def create_cursors(connection: asyncpg.Connection, bases: Mapping[Partition, int]) -> None:
    """Begin partitions at their base offsets. Leaves alone those that another copy began."""
    topics, numbers = split(bases)
    await connection.execute(
        """
        INSERT INTO pcare.cursors (topic, partition, base_offset, next_offset)
        SELECT topic, partition, base, base FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS new (
            topic, partition, base
        )
        ORDER BY topic, partition
        ON CONFLICT DO NOTHING
        """,
        topics,
        numbers,
        list(bases.values()),
    )


async def move_cursors(connection: asyncpg.Connection, advances: Sequence[Advance]) -> int:
    """Move cursors that still stand where they are moved from, and return how many did."""
    topics, numbers = split(advance.span.partition for advance in advances)
    status: str = await connection.execute(
        """
        UPDATE pcare.cursors AS c
        SET next_offset = moved.next_offset,
            recorded = c.recorded + moved.recorded,
            duplicates = c.duplicates + moved.duplicates,
            rejected = c.rejected + moved.rejected
        FROM unnest(
            $1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[]
        ) AS moved (topic, partition, carried, next_offset, recorded, duplicates, rejected)
        WHERE c.topic = moved.topic AND c.partition = moved.partition AND c.next_offset = moved.carried
        """,
        topics,
        numbers,
        [advance.span.first for advance in advances],
        [advance.span.next_offset for advance in advances],
        [advance.recorded for advance in advances],
        [advance.duplicates for advance in advances],
        [advance.rejected for advance in advances],
    )
    return int(status.removeprefix("UPDATE "))


async def known_events(connection: asyncpg.Connection, keys: Collection[EventKey]) -> dict[EventKey, Known]:
    """Return what is known of those events that are recorded."""
    rows = await connection.fetch(
        """
        SELECT i.source, i.id, i.kind, i.subject, i.content_sha256,
               i.subject NOT LIKE 'person:%' OR EXISTS (
                   SELECT FROM pcare.subjects AS s WHERE s.subject_id = substr(i.subject, 8)::uuid
               )
        FROM unnest(string_to_array($1, E'\\n'), string_to_array($2, E'\\n')) AS asked (source, id)
        JOIN pcare.interventions AS i ON i.source = asked.source AND i.id = asked.id
        """,
        _lines(key[0] for key in keys),
        _lines(key[1] for key in keys),
    )
    return {(row[0], row[1]): Known(row[2], row[3], row[4], row[5]) for row in rows}


async def known_links(connection: asyncpg.Connection, pseudonyms: Collection[str]) -> dict[str, str]:
    """Return the subjects, as in the log, of those pseudonyms that are linked."""
    rows = await connection.fetch(
        """
        SELECT s.pseudonym, 'person:' || s.subject_id
        FROM unnest(string_to_array($1, E'\\n')) AS asked (pseudonym)
        JOIN pcare.subjects AS s ON s.pseudonym = asked.pseudonym
        """,
        _lines(pseudonyms),
    )
    return {row[0]: row[1] for row in rows}


async def subjects_under(connection: asyncpg.Connection, key: str, subjects: Collection[str]) -> set[str]:
    """Return those of these subjects, as in the log, that have a pseudonym under a key."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT 'person:' || s.subject_id
        FROM unnest(string_to_array($1, E'\\n')) AS asked (subject)
        JOIN pcare.subjects AS s ON s.subject_id = substr(asked.subject, 8)::uuid
        WHERE split_part(s.pseudonym, ':', 2) = $2
        """,
        _lines(subjects),
        key,
    )
    return {row[0] for row in rows}


async def anchor(connection: asyncpg.Connection, *, hold: bool) -> str | None:
    """Return the key by which persons are told apart, if one was ever changed.

    With `hold` it stays so until the transaction ends: nobody begins under a key of which `pcare keys rotate --finish`
    has just found that everybody is known by the other one too.
    """
    if hold:
        await connection.execute("SELECT FROM pcare.pseudonym_key FOR SHARE")
    found: str | None = await connection.fetchval("SELECT anchor FROM pcare.pseudonym_key")
    return found


async def settled_origins(connection: asyncpg.Connection, spans: Sequence[Span]) -> dict[Origin, Settled]:
    """Return the verdicts that records of these spans have already: after a rebuild, else none."""
    topics, numbers = split(span.partition for span in spans)
    rows = await connection.fetch(
        """
        WITH asked AS (
            SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) AS s (
                topic, partition, first, next_offset
            )
        )
        SELECT topic, partition, p.origin_offset, 'recorded', p.published ->> 'subject', p.published::text,
               p.traceparent
        FROM asked JOIN pcare.published AS p
          ON p.origin_topic = topic AND p.origin_partition = partition
         AND p.origin_offset >= first AND p.origin_offset < next_offset
        UNION ALL
        SELECT topic, partition, r.origin_offset, 'rejected',
               concat_ws('/', topic, partition, r.origin_offset), r.published::text,
               r.traceparent
        FROM asked JOIN pcare.rejections AS r
          ON r.origin_topic = topic AND r.origin_partition = partition
         AND r.origin_offset >= first AND r.origin_offset < next_offset
        """,
        topics,
        numbers,
        [span.first for span in spans],
        [span.next_offset for span in spans],
    )
    return {Origin(row[0], row[1], row[2]): Settled(Outcome(row[3]), row[4], row[5], row[6]) for row in rows}


async def stored_links(connection: asyncpg.Connection, span: Span) -> list[Row]:
    """Return the links that records of this span made and that still stand, in the order of LINK_COLUMNS."""
    found = await connection.fetch(
        """
        SELECT pseudonym, subject_id, linked_at, rules_version, origin_topic, origin_partition, origin_offset
        FROM pcare.subjects
        WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset >= $3 AND origin_offset < $4
        ORDER BY origin_offset, pseudonym
        """,
        *span.partition,
        span.first,
        span.next_offset,
    )
    return [tuple(row) for row in found]


async def add_links(connection: asyncpg.Connection, rows: Sequence[Row]) -> int:
    """Add links, given in the order of LINK_COLUMNS and sorted, and return how many were not there yet."""
    added = await connection.fetch(
        """
        INSERT INTO pcare.subjects (
            pseudonym, subject_id, linked_at, rules_version, origin_topic, origin_partition, origin_offset
        )
        SELECT * FROM unnest(
            $1::text[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::integer[], $7::bigint[]
        )
        ON CONFLICT DO NOTHING
        RETURNING 1
        """,
        *(list(column) for column in zip(*rows, strict=True)),
    )
    return len(added)


async def add_events(connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
    """Add rows in the order of EVENT_COLUMNS. Raises UniqueViolationError if one is there already."""
    await connection.copy_records_to_table(
        "interventions", schema_name=SCHEMA, columns=INTERVENTION_COLUMNS, records=[row[:-2] for row in rows]
    )
    await connection.copy_records_to_table(
        "published", schema_name=SCHEMA, columns=PUBLISHED_COLUMNS, records=[row[-5:] for row in rows]
    )


async def add_rejections(connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
    """Add rows in the order of REJECTION_COLUMNS. Raises UniqueViolationError if one is there already."""
    await connection.copy_records_to_table("rejections", schema_name=SCHEMA, columns=REJECTION_COLUMNS, records=rows)


def split(partitions: Iterable[Partition]) -> tuple[list[str], list[int]]:
    """Return topics and numbers apart, as arrays are sent."""
    pairs = list(partitions)
    return [pair.topic for pair in pairs], [pair.number for pair in pairs]


def _lines(names: Iterable[str]) -> str:
    """Return names, of which none holds a line break, as one text: far cheaper to send than an array."""
    return "\n".join(names)
