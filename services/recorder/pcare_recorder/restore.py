"""The statements of the rebuild: what a topic holds goes into its table, and contradictions are found."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import asyncpg
import msgspec

from pcare_common.errors import OperatorError
from pcare_recorder import rebuild_rows
from pcare_recorder.cursors import Cursor, Partition
from pcare_recorder.rows import (
    EVENT_COLUMNS,
    INTERVENTION_COLUMNS,
    PUBLISHED_COLUMNS,
    REJECTION_COLUMNS,
    Row,
)
from pcare_schemas.register import Register
from pcare_schemas.topics import SUBMITTED_PATTERN

_ORIGIN = ("origin_topic", "origin_partition", "origin_offset")
_SUBMITTED = re.compile(SUBMITTED_PATTERN)

Given = TypeVar("Given")
Read = TypeVar("Read")


class Published(NamedTuple):
    """A record of the recorder's own topics, as far as a row is made of it."""

    value: bytes
    traceparent: str | None = None


def is_submitted(topic: str) -> bool:
    """Tell whether a topic holds submitted events."""
    return _SUBMITTED.match(topic) is not None


async def add_events(
    connection: asyncpg.Connection, records: Sequence[Published], person_of: Mapping[str, str] | None = None
) -> int:
    """Add the events of these records of `recorded` that the tables lack; return how many.

    `person_of` says who subjects turned out to be that were merged. Raises OperatorError when an event is there with
    another text.
    """
    records = [record for record in records if not rebuild_rows.is_merge(record.value)]
    if person_of:
        records = rows_of(lambda record: record._replace(value=rebuild_rows.moved(record.value, person_of)), records)
    tables = {"interventions": (INTERVENTION_COLUMNS, ("source", "id")), "published": (PUBLISHED_COLUMNS, _ORIGIN)}
    return await _add(connection, tables, EVENT_COLUMNS, rows_of(lambda one: rebuild_rows.event_row(*one), records))


async def add_providers(connection: asyncpg.Connection) -> None:
    """Add who sent the events, so that analysts see them; the next recorder adds their names."""
    await connection.execute("SELECT pcare.add_missing_providers()")


async def add_rejections(connection: asyncpg.Connection, records: Sequence[Published]) -> int:
    """Add the rejections of these records of `rejected` that the table lacks; return how many. Raises likewise.

    What was erased of a rejection stays erased: in the table, whatever an older record says; and it is erased from the
    table where a record says so.
    """
    tables = {"rejections": (REJECTION_COLUMNS, _ORIGIN)}
    read = rows_of(lambda one: (rebuild_rows.is_erased(one.value), rebuild_rows.rejection_row(*one)), records)
    erased = [row for is_erased, row in read if is_erased]
    gone = {row[:3] for row in erased} | await _erased(connection, [row for _, row in read])
    added = await _add(connection, tables, REJECTION_COLUMNS, [row for _, row in read if row[:3] not in gone])
    return added + await _add(connection, tables, REJECTION_COLUMNS, erased, then=_ERASE)


_ERASE = (
    "UPDATE pcare.rejections AS r SET erased = true FROM read WHERE r.origin_topic = read.origin_topic "
    "AND r.origin_partition = read.origin_partition AND r.origin_offset = read.origin_offset"
)


async def _erased(connection: asyncpg.Connection, rows: Sequence[Row]) -> set[Row]:
    """Return the origins of those of these rejections that were erased in the table."""
    found = await connection.fetch(
        """
        SELECT origin_topic, origin_partition, origin_offset
        FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS asked (origin_topic, origin_partition, origin_offset)
        JOIN pcare.rejections USING (origin_topic, origin_partition, origin_offset) WHERE erased
        """,
        *([row[place] for row in rows] for place in range(3)),
    )
    return {tuple(row) for row in found}


async def _add(
    connection: asyncpg.Connection,
    tables: Mapping[str, tuple[Sequence[str], Sequence[str]]],
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    then: str | None = None,
) -> int:
    """Add rows to the tables that share them out, each with its columns and its key; return how many the first lacked.

    Any two tables that share rows out have the origin in common. `then` is done before the tables are compared with
    the rows, which stand in the table `read`.
    """
    if not rows:
        return 0
    first, *others = tables
    joined = "".join([f"pcare.{first}", *(f" JOIN pcare.{other} USING ({', '.join(_ORIGIN)})" for other in others)])
    key = tables[first][1]
    async with connection.transaction():
        await connection.execute(
            f"CREATE TEMP TABLE read ON COMMIT DROP AS SELECT {', '.join(columns)} FROM {joined} WITH NO DATA"  # noqa: S608
        )
        await connection.copy_records_to_table("read", columns=columns, records=rows)
        added = [await _merge(connection, table, *tables[table]) for table in tables]
        if then is not None:
            await connection.execute(then)
        contradiction = await connection.fetchrow(
            f"SELECT concat_ws(' ', {', '.join(key)}), origin_topic, origin_partition, origin_offset FROM read "  # noqa: S608
            f"WHERE NOT EXISTS (SELECT FROM (SELECT * FROM {joined}) AS there "
            f"WHERE {' AND '.join(f'there.{name} = read.{name}' for name in key)} "
            "AND there.published::text = read.published::text) LIMIT 1"
        )
    if contradiction is not None:
        raise OperatorError(
            f"The topic and the table pcare.{first} contradict each other about {contradiction[0]} (origin "
            f"{contradiction[1]}/{contradiction[2]}/{contradiction[3]}), or the topic contradicts itself. The log is "
            "the witness: rebuild into an empty database, and keep this one for the enquiry."
        )
    return added[0]


async def _merge(connection: asyncpg.Connection, table: str, columns: Sequence[str], key: Sequence[str]) -> int:
    names, keys = ", ".join(columns), ", ".join(key)
    status: str = await connection.execute(
        f"INSERT INTO pcare.{table} ({names}) "  # noqa: S608 - names are of this module
        f"SELECT DISTINCT ON ({keys}) {names} FROM read ORDER BY {keys} ON CONFLICT DO NOTHING"
    )
    return int(status.rsplit(maxsplit=1)[-1])


async def check_origins(connection: asyncpg.Connection) -> None:
    """Raise OperatorError if one submitted record was both recorded and rejected."""
    both = await connection.fetchrow(
        """
        SELECT origin_topic, origin_partition, origin_offset
        FROM pcare.published JOIN pcare.rejections USING (origin_topic, origin_partition, origin_offset)
        LIMIT 1
        """
    )
    if both is not None:
        raise OperatorError(f"The record {both[0]}/{both[1]}/{both[2]} is both recorded and rejected. Ask for help.")


async def count_outcomes(
    connection: asyncpg.Connection, partition: Partition, first: int, next_offset: int
) -> tuple[int, int]:
    """Return how many offsets of [first, next_offset) are recorded, and how many rejected."""
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM pcare.published
                WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset >= $3 AND origin_offset < $4),
               (SELECT count(*) FROM pcare.rejections
                WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset >= $3 AND origin_offset < $4)
        """,
        partition.topic,
        partition.number,
        first,
        next_offset,
    )
    return row[0], row[1]


async def set_cursors(connection: asyncpg.Connection, cursors: Mapping[Partition, Cursor]) -> None:
    """Put these cursors in place of what the table holds of their partitions, all or none."""
    async with connection.transaction():
        await connection.executemany(
            "DELETE FROM pcare.cursors WHERE topic = $1 AND partition = $2", [tuple(partition) for partition in cursors]
        )
        await connection.executemany(
            """
            INSERT INTO pcare.cursors (topic, partition, base_offset, next_offset, recorded, duplicates, rejected)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            [(*partition, *cursor) for partition, cursor in cursors.items()],
        )


async def senders_without_an_entry(connection: asyncpg.Connection, register: Register) -> list[str]:
    """Return who sent what is recorded and is neither in this register nor in the table."""
    rows = await connection.fetch(
        "SELECT source FROM pcare.providers EXCEPT SELECT source FROM pcare.register ORDER BY source"
    )
    return [row[0] for row in rows if row[0] not in register.by_source]


async def rules_without_a_document(connection: asyncpg.Connection) -> list[str]:
    """Return the rules versions that verdicts were given under and whose documents are lost."""
    rows = await connection.fetch(
        """
        SELECT version FROM (
            SELECT DISTINCT rules_version FROM pcare.interventions
            UNION SELECT DISTINCT rules_version FROM pcare.rejections
        ) AS used (version)
        WHERE NOT EXISTS (SELECT FROM pcare.rules WHERE rules.version = used.version)
        ORDER BY version
        """
    )
    return [row[0] for row in rows]


def rows_of(read: Callable[[Given], Read], values: Sequence[Given]) -> list[Read]:
    """Read records of the recorder's own topics. Raises OperatorError where one was not written by the recorder."""
    try:
        return [read(value) for value in values]
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise OperatorError(
            f"A record of the recorder's own topics was not written by the recorder ({type(error).__name__}). Find out "
            "who may write there: only the recorder should."
        ) from error
