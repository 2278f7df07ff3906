"""The log a partition at a time: so much is held at once, whatever the log has grown to.

A subject stands in one partition. Whoever was merged stands in several, so those are put aside, and come together last.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from pcare_audit.knowledge import Merged, is_merge
from pcare_audit.log_reading import read_partition
from pcare_audit.passed_over import PassedOver
from pcare_schemas.envelope import type_of
from pcare_schemas.log import LogLine
from pcare_schemas.recorded import SUBJECTS_MERGED_TYPE
from pcare_schemas.retraction import EventRetracted
from pcare_schemas.topics import RECORDED

FETCHED_BYTES = 8 * 1024 * 1024


class MergedMeanwhileError(Exception):
    """The log has a merge of two persons that the reader was not told of."""


class Stretch(NamedTuple):
    """What was read of a partition: from an offset to before another, so many records."""

    partition: int
    first: int
    end: int
    records: int


class Portions:
    """The log as it stands now, in portions that have no subject in common; `stretches` says what was read.

    `options` are kafka-python's connection options. `kinds` are the kinds of event wanted; what takes them back, or
    what nobody heard of, and what merges subjects comes beside them. `merged` are the merges that are known of;
    `recorded_before`, as the log writes it, leaves out what was recorded then or later. `told_of` grows to those of the
    merged that the log tells of, by an event of any kind. Raises LogUnreadableError, and MergedMeanwhileError.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        kinds: Collection[str],
        merged: Merged,
        *,
        recorded_before: str | None = None,
        topic: str = RECORDED,
    ) -> None:
        self.stretches: list[Stretch] = []
        self.told_of: set[str] = set()
        self._options, self._topic, self._merged, self._until = options, topic, merged, recorded_before
        self._types = {type_of(kind) for kind in kinds} | {type_of(EventRetracted.KIND), SUBJECTS_MERGED_TYPE}
        self._apart = {*merged.keys(), *merged.values()}
        self._aside: list[LogLine] = []
        self._passed_over_aside = PassedOver()

    def __iter__(self) -> Iterator[list[LogLine]]:
        """Read the log, once. Blocks."""
        consumer = KafkaConsumer(
            client_id="pcare-audit",
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCHED_BYTES,
            **self._options,
        )
        with closing(consumer):
            partitions = [TopicPartition(self._topic, number) for number in sorted(self._numbers(consumer))]
            ends = consumer.end_offsets(partitions)
            starts = consumer.beginning_offsets(partitions)
            for partition in partitions:
                consumer.assign([partition])
                consumer.seek(partition, starts[partition])
                yield self._portion(consumer, partition, starts[partition], ends[partition])
        yield self._passed_over_aside.without_their_retractions(self._aside)

    def _numbers(self, consumer: KafkaConsumer) -> Collection[int]:
        return consumer.partitions_for_topic(self._topic) or ()

    def _portion(self, consumer: KafkaConsumer, partition: TopicPartition, start: int, end: int) -> list[LogLine]:
        lines, passed_over = list[LogLine](), PassedOver()
        records = 0
        for line in read_partition(consumer, partition, end):
            records += 1
            apart = line.subject in self._apart
            if apart and not is_merge(line):
                self.told_of.add(line.subject)
            if self._until is not None and line.recordedat >= self._until:
                continue
            if line.type not in self._types:
                (self._passed_over_aside if apart else passed_over).add(line)
                continue
            if is_merge(line) and line.data["gone"] not in self._merged:
                raise MergedMeanwhileError("two persons were merged while the log was read")
            (self._aside if apart else lines).append(line)
        self.stretches.append(Stretch(partition.partition, start, end, records))
        return passed_over.without_their_retractions(lines)
