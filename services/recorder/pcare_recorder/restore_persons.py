"""The statements of the rebuild that are about persons: merges of subjects, and the key that tells persons apart."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from pcare_recorder import merges, rebuild_rows
from pcare_recorder.merges import Merge
from pcare_recorder.persons import STRANGERS_AT_MOST
from pcare_recorder.restore import rows_of

MERGES_AT_A_TIME = 100  # each time the whole record is read


class Anchor(NamedTuple):
    """By which key persons are told apart, None where there is none such, and to which one they are moving."""

    anchor: str | None
    following: str | None = None


async def add_merges(connection: asyncpg.Connection, values: Sequence[bytes]) -> int:
    """Put down the merges among these records of `subjects` that the table lacks; return how many.

    No act that is yet to come gets a number that one of them has.
    """
    added = 0
    for gone, kept, merged_at, text in rows_of(rebuild_rows.merge_row, list(filter(rebuild_rows.is_merge, values))):
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pcare.merges WHERE gone = $1)", gone):
            await merges.add(connection, Merge(gone, kept, text, ()), merged_at)
            added += 1
    await connection.execute("SELECT pcare.number_acts_after_merges()")
    return added


async def not_published(connection: asyncpg.Connection) -> list[UUID]:
    """Return the subjects that are gone by merges that are not published, or are to be published again."""
    return [row[0] for row in await connection.fetch("SELECT gone FROM pcare.merges WHERE published_at IS NULL")]


async def move_merged(connection: asyncpg.Connection, gone: Sequence[UUID]) -> None:
    """Move what the database still has of the subjects that are gone. All merges must be there; it may be repeated."""
    for first in range(0, len(gone), MERGES_AT_A_TIME):
        async with connection.transaction():
            found = await connection.fetch(
                "SELECT subject, pcare.person_of(subject) FROM unnest($1::uuid[]) AS a (subject)",
                gone[first : first + MERGES_AT_A_TIME],
            )
            await merges.move(connection, {row[0]: row[1] for row in found})


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


async def restore_anchor(connection: asyncpg.Connection) -> Anchor | None:
    """Put down by which key persons are told apart, where the table does not know or is proved wrong; return it.

    Everybody has a pseudonym under that key: somebody who has none began after it had been given up, as a table from an
    older backup does not know. It is the latest such key under which nobody has fewer pseudonyms than under an earlier
    one. A later one that some have was being moved to, or is what a table from a backup has not heard of: it is put
    down as that, so that it can be finished. None where nothing was to be done.
    """
    known = {row["key"]: row["persons"] for row in await connection.fetch("SELECT * FROM pcare.pseudonym_keys()")}
    everybody = known.pop(None)
    before = Anchor(*await connection.fetchrow("SELECT anchor, following FROM pcare.pseudonym_key"))
    if not everybody or (before.anchor is None and len(known) < 2):
        return None
    # Where a key was changed before, the few who are known by made-up pseudonyms were left behind, and are no proof.
    most = everybody if before.anchor is None else max(known.values())
    if before.anchor is not None and known.get(before.anchor) == most:
        after = before if before.following else Anchor(before.anchor, next_after(before.anchor, known))
    else:
        anchor = await _latest_whole(connection, [key for key in _by_age(known) if known[key] == most])
        after = Anchor(anchor, None if anchor is None else next_after(anchor, known))
    if after == before and before.following is None:
        return None
    if after.anchor is not None and after != before:
        await connection.execute("UPDATE pcare.pseudonym_key SET anchor = $1, following = $2", *after)
    return after


async def _latest_whole(connection: asyncpg.Connection, keys: Sequence[str]) -> str | None:
    """Return the latest of these keys under which nobody has fewer pseudonyms than under an earlier one of them.

    Somebody who was merged has one for each number; until both are under the new key the old one is needed.
    """
    for place, key in reversed(list(enumerate(keys))):
        if not await connection.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM (
                    SELECT subject_id, split_part(pseudonym, ':', 2) AS key, count(*) AS names
                    FROM pcare.subjects GROUP BY 1, 2
                ) AS had
                GROUP BY subject_id
                HAVING max(names) FILTER (WHERE key = ANY($2::text[])) > max(names) FILTER (WHERE key = $1)
            )
            """,
            key,
            keys[:place],
        ):
            return key
    return None


def next_after(anchor: str, known: Mapping[str, int]) -> str | None:
    """Return the later key that most have, unless those are so few that they may have made it up. Pure.

    `known` says how many persons have a pseudonym under each key. A key to which the change has just begun cannot be
    told from a made-up one either; then nothing is lost but that `pcare keys rotate` must begin again, with another.
    """
    later = [key for key in _by_age(known) if _age(key) > _age(anchor)]
    most = max(later, key=known.__getitem__, default=None)
    return None if most is None or known[most] <= STRANGERS_AT_MOST * known[anchor] else most


def _by_age(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=_age)


def _age(key: str) -> int:
    return int(key[1:])
