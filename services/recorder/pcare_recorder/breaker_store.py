"""The statements of the circuit breaker: what was rejected before a batch, and what a person has released."""

from collections.abc import Iterable, Mapping

import asyncpg

from pcare_recorder.cursors import Partition
from pcare_recorder.store import split


async def rejected_before(
    connection: asyncpg.Connection, firsts: Mapping[Partition, int], window: int
) -> dict[Partition, list[int]]:
    """Return the offsets of what is rejected of these partitions in the window before these offsets, in order."""
    topics, numbers = split(firsts)
    rows = await connection.fetch(
        """
        SELECT topic, partition, r.origin_offset
        FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS asked (topic, partition, first)
        JOIN pcare.rejections AS r
          ON r.origin_topic = topic AND r.origin_partition = partition
         AND r.origin_offset >= first - $4 AND r.origin_offset < first
        ORDER BY 1, 2, 3
        """,
        topics,
        numbers,
        list(firsts.values()),
        window,
    )
    found: dict[Partition, list[int]] = {}
    for topic, number, offset in map(tuple, rows):
        found.setdefault(Partition(topic, number), []).append(offset)
    return found


async def released(connection: asyncpg.Connection, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """Return below which offsets a person has let pass whatever comes, of those partitions where one has."""
    topics, numbers = split(partitions)
    rows = await connection.fetch(
        """
        SELECT b.topic, b.partition, max(b.next_offset)
        FROM unnest($1::text[], $2::integer[]) AS asked (topic, partition)
        JOIN pcare.breaker_releases AS b ON b.topic = asked.topic AND b.partition = asked.partition
        GROUP BY 1, 2
        """,
        topics,
        numbers,
    )
    return {Partition(row[0], row[1]): row[2] for row in map(tuple, rows)}
