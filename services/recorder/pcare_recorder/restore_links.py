"""The statements of the rebuild for links: the table is to hold whose each pseudonym is as the topic has it."""

from collections.abc import Mapping, Sequence

import asyncpg

from pcare_recorder import rebuild_rows
from pcare_recorder.cursors import Partition
from pcare_recorder.rows import LINK_COLUMNS


async def begin(connection: asyncpg.Connection) -> None:
    """Make room for the links that the topic holds, until the transaction ends."""
    await connection.execute(
        "CREATE TEMP TABLE read_links ON COMMIT DROP AS SELECT * FROM pcare.subjects WITH NO DATA;"
        "ALTER TABLE read_links ADD PRIMARY KEY (pseudonym)"
    )


async def stage(connection: asyncpg.Connection, records: Sequence[tuple[bytes, bytes | None]]) -> None:
    """Take in records of `subjects` in their order: a later one replaces an earlier one, an empty one removes it."""
    links = [(key, value) for key, value in records if value is None or not rebuild_rows.is_merge(value)]
    latest = {found.pseudonym: found for found in (rebuild_rows.link(key, value) for key, value in links)}
    await connection.execute("DELETE FROM read_links WHERE pseudonym = ANY($1::text[])", list(latest))
    await connection.copy_records_to_table(
        "read_links",
        columns=LINK_COLUMNS,
        records=[tuple(found) for found in latest.values() if found.subject_id is not None],
    )


async def merge(connection: asyncpg.Connection, committed: Mapping[Partition, int | None]) -> tuple[int, int]:
    """Make the table hold what the topic holds; return how many links were added or changed, and how many removed.

    A link that the topic lacks was erased, unless it is so new that it is not published through yet. That is told by
    the event that made it; a link that a merge made, where its origin is an act, is published with the merge. Of a
    partition that is not in `committed`, as Kafka has it no longer, nothing can be on its way: it is published through.
    Links of one without an offset stay, see `not_judged`.
    """
    # A link may have been published after the merge that moved it.
    await connection.execute(
        "UPDATE read_links SET subject_id = pcare.person_of(subject_id) "
        "WHERE subject_id IN (SELECT gone FROM pcare.merges)"
    )
    removed: str = await connection.execute(
        """
        WITH published (topic, partition, below) AS (
            SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[])
            UNION ALL
            SELECT 'pcare.acts', 0, coalesce(
                (SELECT min(split_part(published ->> 'origin', '/', 3)::bigint) FROM pcare.merges
                 WHERE published_at IS NULL),
                9223372036854775807
            )
        )
        DELETE FROM pcare.subjects
        WHERE pseudonym IN (
            SELECT s.pseudonym
            FROM pcare.subjects AS s
            LEFT JOIN published AS p ON p.topic = s.origin_topic AND p.partition = s.origin_partition
            WHERE s.origin_offset < coalesce(p.below, 9223372036854775807)
              AND NOT EXISTS (SELECT FROM read_links AS r WHERE r.pseudonym = s.pseudonym)
        )
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


async def not_judged(connection: asyncpg.Connection, unknown: Sequence[Partition]) -> int:
    """Return how many links of these partitions, which have no committed offset, the topic lacks.

    They were erased, or are not published yet: nothing tells which, so `merge` leaves them.
    """
    found: int = await connection.fetchval(
        """
        SELECT count(*)
        FROM pcare.subjects AS s
        JOIN unnest($1::text[], $2::integer[]) AS asked (topic, partition)
          ON s.origin_topic = asked.topic AND s.origin_partition = asked.partition
        WHERE NOT EXISTS (SELECT FROM read_links AS r WHERE r.pseudonym = s.pseudonym)
        """,
        [partition.topic for partition in unknown],
        [partition.number for partition in unknown],
    )
    return found
