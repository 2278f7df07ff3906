"""The statements of the rebuild: what a topic holds goes into its table, and contradictions are found."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import asyncpg
import msgspec

from pcare_common.errors import OperatorError
from pcare_recorder import rebuild_rows
from pcare_recorder.cursors import Cursor, Partition
from pcare_recorder.rows import (
    EVENT_COLUMNS,
    INTERVENTION_COLUMNS,
    LINK_COLUMNS,
    PUBLISHED_COLUMNS,
    REJECTION_COLUMNS,
    Row,
)
from pcare_schemas.register import Register
from pcare_schemas.topics import SUBMITTED_PATTERN

_ORIGIN = ("origin_topic", "origin_partition", "origin_offset")
_SUBMITTED = re.compile(SUBMITTED_PATTERN)

Read = TypeVar("Read")


def is_submitted(topic: str) -> bool:
    """Tell whether a topic holds submitted events."""
    return _SUBMITTED.match(topic) is not None


async def add_events(
    connection: asyncpg.Connection, values: Sequence[bytes], person_of: Mapping[str, str] | None = None
) -> int:
    """Add the events of these records of `recorded` that the tables lack; return how many.

    `person_of` says who subjects turned out to be that were merged. Raises OperatorError when an event is there with
    another text.
    """
    values = [value for value in values if not rebuild_rows.is_merge(value)]
    if person_of:
        values = rows_of(lambda value: rebuild_rows.moved(value, person_of), values)
    tables = {"interventions": (INTERVENTION_COLUMNS, ("source", "id")), "published": (PUBLISHED_COLUMNS, _ORIGIN)}
    return await _add(connection, tables, EVENT_COLUMNS, rows_of(rebuild_rows.event_row, values))


async def add_providers(connection: asyncpg.Connection) -> None:
    """Add who sent the events, so that analysts see them; the next recorder adds their names."""
    await connection.execute("SELECT pcare.add_missing_providers()")


async def add_rejections(connection: asyncpg.Connection, values: Sequence[bytes]) -> int:
    """Add the rejections of these records of `rejected` that the table lacks; return how many. Raises likewise."""
    tables = {"rejections": (REJECTION_COLUMNS, _ORIGIN)}
    return await _add(connection, tables, REJECTION_COLUMNS, rows_of(rebuild_rows.rejection_row, values))


async def _add(
    connection: asyncpg.Connection,
    tables: Mapping[str, tuple[Sequence[str], Sequence[str]]],
    columns: Sequence[str],
    rows: Sequence[Row],
) -> int:
    """Add rows to the tables that share them out, each with its columns and its key; return how many the first lacked.

    Any two tables that share rows out have the origin in common.
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


async def begin_links(connection: asyncpg.Connection) -> None:
    """Make room for the links that the topic holds, until the transaction ends."""
    await connection.execute(
        "CREATE TEMP TABLE read_links ON COMMIT DROP AS SELECT * FROM pcare.subjects WITH NO DATA;"
        "ALTER TABLE read_links ADD PRIMARY KEY (pseudonym)"
    )


async def stage_links(connection: asyncpg.Connection, records: Sequence[tuple[bytes, bytes | None]]) -> None:
    """Take in records of `subjects` in their order: a later one replaces an earlier one, an empty one removes it."""
    links = [(key, value) for key, value in records if value is None or not rebuild_rows.is_merge(value)]
    latest = {found.pseudonym: found for found in (rebuild_rows.link(key, value) for key, value in links)}
    await connection.execute("DELETE FROM read_links WHERE pseudonym = ANY($1::text[])", list(latest))
    await connection.copy_records_to_table(
        "read_links",
        columns=LINK_COLUMNS,
        records=[tuple(found) for found in latest.values() if found.subject_id is not None],
    )


async def merge_links(connection: asyncpg.Connection, committed: Mapping[Partition, int | None]) -> tuple[int, int]:
    """Make the table hold what the topic holds; return how many links were added or changed, and how many removed.

    A link that the topic lacks was erased, unless it is so new that it is not published through yet.
    """
    # A link may have been published after the merge that moved it.
    await connection.execute(
        "UPDATE read_links SET subject_id = pcare.person_of(subject_id) "
        "WHERE subject_id IN (SELECT gone FROM pcare.merges)"
    )
    removed: str = await connection.execute(
        """
        DELETE FROM pcare.subjects AS s
        USING unnest($1::text[], $2::integer[], $3::bigint[]) AS published (topic, partition, below)
        WHERE s.origin_topic = published.topic AND s.origin_partition = published.partition
          AND s.origin_offset < published.below
          AND NOT EXISTS (SELECT FROM read_links AS r WHERE r.pseudonym = s.pseudonym)
        """,
        [partition.topic for partition in committed],
        [partition.number for partition in committed],
        [offset or 0 for offset in committed.values()],
    )
    names = ", ".join(LINK_COLUMNS)
    changes = ", ".join(f"{name} = excluded.{name}" for name in LINK_COLUMNS[1:])
    added: str = await connection.execute(
        f"INSERT INTO pcare.subjects ({names}) SELECT {names} FROM read_links "  # noqa: S608
        f"ON CONFLICT (pseudonym) DO UPDATE SET {changes} "
        "WHERE subjects.subject_id <> excluded.subject_id"
    )
    return int(added.rsplit(maxsplit=1)[-1]), int(removed.rsplit(maxsplit=1)[-1])


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


def rows_of(read: Callable[[bytes], Read], values: Sequence[bytes]) -> list[Read]:
    """Read records of the recorder's own topics. Raises OperatorError where one was not written by the recorder."""
    try:
        return [read(value) for value in values]
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise OperatorError(
            f"A record of the recorder's own topics was not written by the recorder ({type(error).__name__}). Find out "
            "who may write there: only the recorder should."
        ) from error
