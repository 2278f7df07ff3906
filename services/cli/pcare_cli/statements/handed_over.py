"""What the topics that events come by still hold of a time: there alone it shows what was a repeat.

Each record of a partition was recorded or rejected, and then a row has its place; or it was a repeat; or it stands
where the recorder has not come to yet. So what has no row and is behind the cursor is a repeat, of something that
must be recorded: that is asked too. A bounded number of records is in memory.
"""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import asyncpg
import msgspec
from kafka import KafkaConsumer, TopicPartition

from pcare_cli.statements.rows import Period, Providers
from pcare_schemas.kinds import TYPES
from pcare_schemas.topics import provider_of_topic

AT_ONCE = 5_000
POLL_MILLISECONDS = 1000
SILENT_POLLS = 30  # so many polls in a row without a step forward: the rest is not coming
MARGIN = dt.timedelta(hours=1)
"""Brokers' clocks may go back a little when another becomes leader: records are looked for so far outside."""
TROUBLES_TOLD = 20


class NotReadError(Exception):
    """Records did not come. The message says which."""


class Stretch(NamedTuple):
    """Offsets of a partition that are read; None where the period is not held any more, which `why` then says."""

    partition: TopicPartition
    first: int
    end: int
    why: str | None = None


@dataclass(slots=True)
class Seen:
    """What was read. `left` counts records without a row, by provider, topic, kind and whether they wait."""

    recorded: Counter[tuple[str, str]] = field(default_factory=Counter)
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    left: Counter[tuple[str, str, str, bool]] = field(default_factory=Counter)
    drawn: list[str] = field(default_factory=list)
    not_held: dict[str, list[str]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    unlike: int = 0

    def trouble(self, sentence: str) -> None:
        """Put down what contradicts itself; all are counted, the first are told of."""
        self.unlike += 1
        if len(self.troubles) < TROUBLES_TOLD:
            self.troubles.append(sentence)


class _Head(msgspec.Struct):
    source: str
    id: str
    type: str


_DECODER = msgspec.json.Decoder(_Head)
_ROWS = """
SELECT origin_offset, true AS recorded, recorded_at AS at, source, NULL AS sender FROM pcare.interventions
WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset BETWEEN $3 AND $4
UNION ALL
SELECT origin_offset, false, received_at, source, sender FROM pcare.rejections
WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset BETWEEN $3 AND $4
"""
_ARE_RECORDED = """
SELECT asked.source, asked.id FROM unnest($1::text[], $2::text[]) AS asked (source, id)
JOIN pcare.interventions AS i ON i.source = asked.source AND i.id = asked.id
"""


class Walk:
    """Reads stretches of partitions beside their rows. Call it in a transaction that sees one moment."""

    def __init__(
        self, connection: asyncpg.Connection, period: Period, known: Providers, cursors: Mapping[TopicPartition, int]
    ) -> None:
        self._connection = connection
        self._period = period
        self._known = known
        self._cursors = cursors
        self.seen = Seen()

    async def read(self, consumer: KafkaConsumer, stretch: Stretch) -> None:
        """Read a stretch to its end. Raises NotReadError."""
        topic, partition = stretch.partition
        number, reached = 0, stretch.first
        batches = _batches(consumer, stretch)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            records, then = batch
            number += await self._look(stretch.partition, records, reached, then)
            reached = then
        if number:
            self.seen.drawn.append(f"{topic}/{partition}, offsets {stretch.first} to {reached - 1}: {number:,} records")

    async def _look(self, where: TopicPartition, records: Sequence[Any], first: int, then: int) -> int:
        rows = {row[0]: row for row in await self._connection.fetch(_ROWS, *where, first, then - 1)}
        left, inside = [], 0
        for record in records:
            at = dt.datetime.fromtimestamp(record.timestamp / 1000, dt.UTC)
            row = rows.pop(record.offset, None)
            if row is not None and abs(row["at"] - at) >= dt.timedelta(milliseconds=1):
                self.seen.trouble(f"{_place(where, record.offset)}: the row and the record say another time of arrival")
            if not self._period.holds(at):
                continue
            inside += 1
            if row is None:
                left.append(record)
            elif row["recorded"]:
                self.seen.recorded[self._known.of_source(row["source"]), where.topic] += 1
            else:
                self.seen.rejected[self._known.of_rejected(row["sender"], row["source"]), where.topic] += 1
        for offset in sorted(rows):
            self.seen.trouble(f"{_place(where, offset)} has a row, and the topic holds no such record")
        await self._count_left(where, left)
        return inside

    async def _count_left(self, where: TopicPartition, left: Sequence[Any]) -> None:
        judged = self._cursors.get(where, 0)
        heads = {record.offset: _head(record.value) for record in left}
        asked = [head for offset, head in heads.items() if head is not None and offset < judged]
        found = await self._connection.fetch(
            _ARE_RECORDED, [head.source for head in asked], [head.id for head in asked]
        )
        recorded = {(row[0], row[1]) for row in found}
        for offset, head in heads.items():
            if offset < judged and (head is None or (head.source, head.id) not in recorded):
                self.seen.trouble(
                    f"{_place(where, offset)} was judged, and is neither recorded nor rejected nor a repeat"
                )
                continue
            code = self._known.of_rejected(provider_of_topic(where.topic), None if head is None else head.source)
            kind = "" if head is None or head.type not in TYPES else TYPES[head.type].KIND
            self.seen.left[code, where.topic, kind, offset >= judged] += 1


@contextmanager
def consumer_of(options: Mapping[str, Any]) -> Iterator[KafkaConsumer]:
    """Connect as one who reads alone: without a group, and committing nothing."""
    consumer = KafkaConsumer(
        client_id="pcare-audit",
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="none",
        **options,
    )
    try:
        yield consumer
    finally:
        consumer.close()


def stretches(
    consumer: KafkaConsumer, topic: str, period: Period, *, deleted_before: dt.datetime, rows: Mapping[int, int]
) -> list[Stretch]:
    """Return what is to be read of each partition of a topic. Blocks.

    Kafka deletes nothing that is younger than `deleted_before` by itself; `rows` has of each partition the lowest
    offset that a row of the period stands for: where that is gone, so may others be.
    """
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    oldest = consumer.offsets_for_times(dict.fromkeys(partitions, 0))
    first = consumer.offsets_for_times(dict.fromkeys(partitions, _milliseconds(period.begins - MARGIN)))
    last = consumer.offsets_for_times(dict.fromkeys(partitions, _milliseconds(period.ends + MARGIN)))
    found = []
    for one in partitions:
        start, end = _offset(first[one], ends[one]), _offset(last[one], ends[one])
        oldest_at = None if oldest[one] is None else dt.datetime.fromtimestamp(oldest[one].timestamp / 1000, dt.UTC)
        whole = is_held(
            period.begins,
            begins=begins[one],
            oldest=oldest_at,
            deleted_before=deleted_before,
            lowest=rows.get(one.partition),
        )
        why = None if whole else f"{topic}/{one.partition} begins at offset {begins[one]}: what came before is deleted"
        found.append(Stretch(one, start, end, why))
    return found


def is_held(
    since: dt.datetime, *, begins: int, oldest: dt.datetime | None, deleted_before: dt.datetime, lowest: int | None
) -> bool:
    """Whether a partition still holds all that arrived since an instant. Pure.

    It begins at the offset `begins`, with a record of `oldest`, if there is one at all. `lowest` is the lowest offset
    that a row stands for since then: below where the partition begins, it shows that others may be gone as well.
    """
    if begins == 0 or (oldest is not None and oldest < since):
        return True
    return since >= deleted_before and (lowest is None or lowest >= begins)


def _batches(consumer: KafkaConsumer, stretch: Stretch) -> Iterator[tuple[list[Any], int]]:
    """Give the records below the end of a stretch, and how far each batch comes."""
    consumer.assign([stretch.partition])
    consumer.seek(stretch.partition, stretch.first)
    position, silent = stretch.first, 0
    while position < stretch.end:
        if silent >= SILENT_POLLS:
            raise NotReadError(
                f"{stretch.partition.topic}/{stretch.partition.partition}: offset {position} did not come"
            )
        polled = consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=AT_ONCE)
        records = [one for one in polled.get(stretch.partition, ()) if one.offset < stretch.end]
        reached = min(consumer.position(stretch.partition), stretch.end)
        silent = 0 if reached > position else silent + 1
        position = reached
        yield records, position


def _head(value: bytes | None) -> _Head | None:
    try:
        return None if value is None else _DECODER.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _place(where: TopicPartition, offset: int) -> str:
    return f"{where.topic}/{where.partition}/{offset}"


def _milliseconds(instant: dt.datetime) -> int:
    return max(0, int(instant.timestamp() * 1000))


def _offset(found: Any, otherwise: int) -> int:
    return otherwise if found is None else int(found.offset)
