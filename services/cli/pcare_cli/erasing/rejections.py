"""What rejections hold of a person: in the table, and on the topic."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import asyncpg

from pcare_cli.erasing.names import Names
from pcare_recorder import store
from pcare_recorder.cursors import Partition
from pcare_recorder.log_reader import LogReader
from pcare_recorder.rows import Message
from pcare_schemas.log import read_rejected
from pcare_schemas.origin import Origin
from pcare_schemas.topics import REJECTED

AT_ONCE = 500

_SINCE = """
SELECT r.origin_topic, r.origin_partition, r.origin_offset, r.evidence, r.source, r.id, r.errors::text AS errors
FROM pcare.rejections AS r
LEFT JOIN unnest($1::text[], $2::integer[], $3::bigint[]) AS since (topic, partition, first)
  ON since.topic = r.origin_topic AND since.partition = r.origin_partition
WHERE NOT r.erased AND r.origin_offset >= coalesce(since.first, 0)
"""
_ERASE = """
UPDATE pcare.rejections AS r SET erased = true
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS asked (topic, partition, place)
WHERE r.origin_topic = asked.topic AND r.origin_partition = asked.partition AND r.origin_offset = asked.place
  AND NOT r.erased
RETURNING r.origin_topic, r.origin_partition, r.origin_offset, r.published::text, r.traceparent
"""


class OnTopic(NamedTuple):
    """How many records of the topic of rejections name the person, and how many of them are the last of their key."""

    records: int
    last: int


async def naming(
    connection: asyncpg.Connection, names: Names, origins: Collection[Origin], since: Mapping[Partition, int]
) -> set[Origin]:
    """Return the rejections from these offsets on that name the person, or are about a record of `origins`."""
    found = set()
    topics, numbers = store.split(since)
    async with connection.transaction():  # a cursor lives in one
        async for row in connection.cursor(_SINCE, topics, numbers, list(since.values()), prefetch=AT_ONCE):
            origin = Origin(row["origin_topic"], row["origin_partition"], row["origin_offset"])
            said = (row["source"], row["id"], row["errors"])
            parts = (row["evidence"], *(text.encode() for text in said if text is not None))
            if origin in origins or names.are_in(*parts):
                found.add(origin)
    return found


async def erase(connection: asyncpg.Connection, origins: Collection[Origin]) -> list[Message]:
    """Take out of these rejections what they hold of a person, and return what is to be published in their place."""
    asked = list(origins)
    found = await connection.fetch(
        _ERASE,
        [origin.topic for origin in asked],
        [origin.partition for origin in asked],
        [origin.offset for origin in asked],
    )
    return [Message(REJECTED, str(Origin(*row[:3])).encode(), row[3].encode(), row[4]) for row in map(tuple, found)]


async def on_topic(log: LogReader, names: Names) -> OnTopic:
    """Look through the topic of rejections, what compaction is about to remove among it."""
    records = 0
    last: dict[bytes, bool] = {}
    async for batch in log.read(REJECTED):
        for record in batch:
            if record.value is None:
                continue
            data = read_rejected(record.value).data
            named = names.are_in(data.evidence, record.value)
            records += named
            if named or record.key in last:
                last[record.key] = named
    return OnTopic(records, sum(last.values()))
