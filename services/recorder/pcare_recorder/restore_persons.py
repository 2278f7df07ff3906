"""The statements of the rebuild that are about persons: merges of subjects, and the key that tells persons apart."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from pcare_recorder import merges, rebuild_rows
from pcare_recorder.merges import Merge
from pcare_recorder.restore import rows_of


async def add_merges(connection: asyncpg.Connection, values: Sequence[bytes]) -> list[UUID]:
    """Put down the merges among these records of `subjects` that the table lacks; return the subjects that are gone."""
    added = []
    for gone, kept, merged_at, text in rows_of(rebuild_rows.merge_row, list(filter(rebuild_rows.is_merge, values))):
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pcare.merges WHERE gone = $1)", gone):
            await merges.add(connection, Merge(gone, kept, text, ()), merged_at)
            added.append(gone)
    return added


async def move_merged(connection: asyncpg.Connection, gone: Sequence[UUID]) -> None:
    """Move what a database from before these merges has of the subjects that are gone. All merges must be there."""
    for subject in gone:
        async with connection.transaction():
            person = await connection.fetchval("SELECT pcare.person_of($1)", subject)
            await merges.move(connection, subject, person)


async def publish_merges_again(connection: asyncpg.Connection, gone: Sequence[UUID]) -> None:
    """Let the next recorder publish these merges: it is not known how much of each was, when the database was lost."""
    await connection.execute(
        """
        UPDATE pcare.merges AS m SET published_at = NULL, sources = moved.sources, ids = moved.ids
        FROM (
            SELECT a.gone, coalesce(array_agg(i.source) FILTER (WHERE i.id IS NOT NULL), '{}') AS sources,
                   coalesce(array_agg(i.id) FILTER (WHERE i.id IS NOT NULL), '{}') AS ids
            FROM unnest($1::uuid[]) AS a (gone)
            LEFT JOIN pcare.interventions AS i ON i.subject = 'person:' || pcare.person_of(a.gone)
            GROUP BY a.gone
        ) AS moved
        WHERE m.gone = moved.gone
        """,
        list(gone),
    )


async def restore_anchor(connection: asyncpg.Connection) -> str | None:
    """Put down by which key persons are told apart, where a key was changed and the table does not know; return it.

    It is a key under which everybody has a pseudonym: the latest one. A later one that somebody has was being moved to.
    None where nothing was to be done, "" where there are several keys and no such one.
    """
    rows = await connection.fetch("SELECT key, persons FROM pcare.pseudonym_keys()")
    known = {row["key"]: row["persons"] for row in rows}
    everybody = known.pop(None)
    if len(known) < 2 or await connection.fetchval("SELECT anchor IS NOT NULL FROM pcare.pseudonym_key"):
        return None
    by_age = sorted(known, key=lambda key: int(key[1:]))
    anchors = [key for key in by_age if known[key] == everybody]
    if not anchors:
        return ""
    following = by_age[-1] if by_age[-1] != anchors[-1] else None
    await connection.execute("UPDATE pcare.pseudonym_key SET anchor = $1, following = $2", anchors[-1], following)
    anchor: str = anchors[-1]
    return anchor
