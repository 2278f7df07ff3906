"""Two subjects that are one person: their rows become one subject's, and the topics follow.

In one transaction, with no batch under way, the events of the subject that is gone are written anew under the one that
is kept, its pseudonyms are linked to that, and the merge is put down as not published. A recorder publishes it: first
the merge, which takes back all that the gone subject's partition counts, then the moved events under the kept subject.
All of it may be repeated at any time, in any order.
"""

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from pcare_recorder import rows
from pcare_recorder.rebuild_rows import event_row
from pcare_recorder.rows import EVENT_COLUMNS, LINK_COLUMNS, Message
from pcare_recorder.verdicts import PERSON, EventKey
from pcare_schemas.recorded import moved_text
from pcare_schemas.topics import RECORDED

EVENTS_AT_A_TIME = 500
_HASH = EVENT_COLUMNS.index("content_sha256")


class Merge(NamedTuple):
    """Two subjects that are one person. `text` is what is published of it, `events` are those that were moved."""

    gone: UUID
    kept: UUID
    text: str
    events: Sequence[EventKey]


async def alone(connection: asyncpg.Connection) -> None:
    """Wait for every batch under way, and let none begin until the transaction ends.

    Each batch begins by locking its cursors. A batch that has looked up whom a pseudonym is linked to would otherwise
    write that down after it is no longer so.
    """
    await connection.execute("LOCK TABLE pcare.cursors IN EXCLUSIVE MODE")


async def move(connection: asyncpg.Connection, person_of: Mapping[UUID, UUID]) -> dict[UUID, list[EventKey]]:
    """Make the events and pseudonyms of these subjects others', and return which events there were of each.

    All in one pass over the record, which is not in the order of its subjects. Call it in a transaction that is
    `alone`.
    """
    names = {f"{PERSON}{gone}": gone for gone in person_of}
    found = await connection.fetch(
        "SELECT i.subject, p.published::text FROM pcare.interventions AS i JOIN pcare.published AS p "
        "USING (origin_topic, origin_partition, origin_offset) WHERE i.subject = ANY($1::text[])",
        list(names),
    )
    moved: dict[UUID, list[EventKey]] = {gone: [] for gone in person_of}
    interventions, published = [], []
    for old, text in found:
        new = f"{PERSON}{person_of[names[old]]}"
        row = event_row(moved_text(text.encode(), old, new))
        moved[names[old]].append((row[0], row[1]))
        interventions.append((new, row[_HASH], row[0], row[1]))
        published.append(row[-5:-1])  # whose it is has changed; which trace it belongs to has not
    await connection.executemany(
        "UPDATE pcare.interventions SET subject = $1, content_sha256 = $2 WHERE source = $3 AND id = $4", interventions
    )
    await connection.executemany(
        "UPDATE pcare.published SET published = $4 "
        "WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset = $3",
        published,
    )
    await move_links(connection, person_of)
    return moved


async def move_links(connection: asyncpg.Connection, person_of: Mapping[UUID, UUID]) -> None:
    """Make the pseudonyms of these subjects others': all there is to do where a subject has no events."""
    await connection.executemany(
        "UPDATE pcare.subjects SET subject_id = $2 WHERE subject_id = $1", list(person_of.items())
    )


async def add(connection: asyncpg.Connection, merge: Merge, merged_at: dt.datetime) -> None:
    """Put a merge down, to be published. Raises CheckViolationError where it would lead back to where it began."""
    await connection.execute(
        "INSERT INTO pcare.merges (gone, kept, merged_at, published, sources, ids) VALUES ($1, $2, $3, $4, $5, $6)",
        merge.gone,
        merge.kept,
        merged_at,
        merge.text,
        [source for source, _ in merge.events],
        [name for _, name in merge.events],
    )


async def pending(connection: asyncpg.Connection) -> list[Merge]:
    """Return the merges that are not published yet, in their order."""
    found = await connection.fetch(
        "SELECT gone, kept, published::text, sources, ids FROM pcare.merges "
        "WHERE published_at IS NULL ORDER BY merged_at, gone"
    )
    return [Merge(row[0], row[1], row[2], tuple(zip(row[3], row[4], strict=True))) for row in found]


def merge_message(merge: Merge, topic: str) -> Message:
    """Return what is said of a merge on the topic of subjects, and in the log where the events of the gone one are."""
    return Message(topic, f"{PERSON}{merge.gone}".encode(), merge.text.encode())


async def none_published(connection: asyncpg.Connection) -> None:
    """Wait for every recorder that is publishing the links of a merge, and let none until the transaction ends."""
    await connection.execute("LOCK TABLE pcare.merges IN EXCLUSIVE MODE")


async def hold(connection: asyncpg.Connection, merge: Merge) -> None:
    """Let nobody be `none_published` until the transaction ends."""
    await connection.execute("SELECT FROM pcare.merges WHERE gone = $1 FOR UPDATE", merge.gone)


async def links(connection: asyncpg.Connection, merge: Merge) -> list[Message]:
    """Return the links of the person, as they now are."""
    found = await connection.fetch(
        f"SELECT {', '.join(LINK_COLUMNS)} FROM pcare.subjects WHERE subject_id = pcare.person_of($1) "  # noqa: S608
        "ORDER BY pseudonym",
        merge.kept,
    )
    return [rows.link_message(tuple(row)) for row in found]


async def event_messages(connection: asyncpg.Connection, merge: Merge) -> AsyncIterator[list[Message]]:
    """Give the events that were moved, as they now stand in the log, a bounded number at a time."""
    for first in range(0, len(merge.events), EVENTS_AT_A_TIME):
        part = merge.events[first : first + EVENTS_AT_A_TIME]
        found = await connection.fetch(
            """
            SELECT i.subject, p.published::text, p.traceparent
            FROM unnest($1::text[], $2::text[]) AS asked (source, id)
            JOIN pcare.interventions AS i ON i.source = asked.source AND i.id = asked.id
            JOIN pcare.published AS p ON p.origin_topic = i.origin_topic
             AND p.origin_partition = i.origin_partition AND p.origin_offset = i.origin_offset
            """,
            [source for source, _ in part],
            [name for _, name in part],
        )
        yield [Message(RECORDED, row[0].encode(), row[1].encode(), row[2]) for row in found]


async def published(connection: asyncpg.Connection, merge: Merge) -> None:
    """Put down that all of a merge is on the topics."""
    await connection.execute("UPDATE pcare.merges SET published_at = clock_timestamp() WHERE gone = $1", merge.gone)


async def known(connection: asyncpg.Connection) -> dict[str, str]:
    """Return who every subject that is gone turned out to be, both as in the log."""
    found = await connection.fetch("SELECT gone, pcare.person_of(gone) FROM pcare.merges")
    return {f"{PERSON}{row[0]}": f"{PERSON}{row[1]}" for row in found}
