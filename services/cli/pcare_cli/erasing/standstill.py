"""A moment in which no recorder writes or publishes: everything that is judged is on the topics, and nothing moves.

A recorder that has written a batch publishes it from memory. A link that is erased in between would be on the topic
after all: so nothing is erased before Kafka has heard (by the group's committed offset) that all is published.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

import asyncpg

from pcare_cli.operators import not_while_rebuilding
from pcare_recorder import merges, store
from pcare_recorder.cursors import Cursor, Partition
from pcare_recorder.log_reader import LogReader

PUBLISHED_WITHIN_SECONDS = 15.0
LOOK_SECONDS = 0.05


class NotYetError(Exception):
    """Something is on its way that has to arrive first. The message says what, for a person."""


@asynccontextmanager
async def standstill(
    connection: asyncpg.Connection, log: LogReader, partitions: Collection[Partition]
) -> AsyncIterator[Mapping[Partition, Cursor]]:
    """Let no batch begin and nobody publish a merge for the length of the block, a transaction; give the cursors.

    Raises NotYetError where something that is judged is not published.
    """
    async with connection.transaction():
        await not_while_rebuilding(connection)
        await merges.alone(connection)
        await merges.none_published(connection)
        if await connection.fetchval("SELECT EXISTS (SELECT FROM pcare.merges WHERE published_at IS NULL)"):
            raise NotYetError("a merge of two persons is in the database, and no recorder has published it yet")
        cursors = await store.read_cursors(connection, partitions)
        await _published(log, cursors)
        yield cursors


async def _published(log: LogReader, cursors: Mapping[Partition, Cursor]) -> None:
    moved = {where: cursor.next_offset for where, cursor in cursors.items() if cursor.next_offset > cursor.base_offset}
    loop = asyncio.get_running_loop()
    until = loop.time() + PUBLISHED_WITHIN_SECONDS
    while True:
        committed = await log.committed(moved)
        behind = [where for where, next_offset in moved.items() if (committed[where] or 0) < next_offset]
        if not behind:
            return
        if loop.time() > until:
            raise NotYetError(f"what was recorded from {behind[0]} is not published yet: a recorder must run for that")
        await asyncio.sleep(LOOK_SECONDS)
