"""Reads the log from its first record to the end that it has when the reading begins, and leaves no trace there."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from pcare_schemas.log import LogLine, read_line
from pcare_schemas.topics import RECORDED

POLL_MILLISECONDS = 1000
AT_ONCE = 10_000
SILENT_POLLS = 30  # so many polls in a row without a step forward: the rest is not coming


class LogUnreadableError(Exception):
    """The log could not be read to its end. The message says how far it came."""


def read_log(options: Mapping[str, Any], topic: str = RECORDED) -> Iterator[LogLine]:
    """Give every record that stands in the log now. As `read_records`, which tells the partition too."""
    return (line for _, line in read_records(options, topic))


def read_records(options: Mapping[str, Any], topic: str = RECORDED) -> Iterator[tuple[int, LogLine]]:
    """Give every record that stands in the log now and its partition, of each partition in its order. Blocks.

    `options` are kafka-python's connection options. It joins no group and commits nothing. Records of transactions
    that were taken back are passed over. Raises LogUnreadableError when the records do not come or one is no event.
    """
    consumer = KafkaConsumer(
        client_id="pcare-audit",
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        **options,
    )
    with closing(consumer):
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        yield from _to_the_ends(consumer, ends)


def _to_the_ends(consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> Iterator[tuple[int, LogLine]]:
    silent = 0
    positions = {partition: consumer.position(partition) for partition in ends}
    while waiting := {one for one, end in ends.items() if positions[one] < end}:
        if silent >= SILENT_POLLS:
            one = min(waiting)
            raise LogUnreadableError(
                f"{one.topic}/{one.partition}: offsets {positions[one]} to {ends[one]} did not come"
            )
        for partition, records in consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=AT_ONCE).items():
            for record in records:
                if record.offset < ends[partition]:
                    yield partition.partition, _line(record)
        reached = {partition: consumer.position(partition) for partition in ends}
        silent = silent + 1 if reached == positions else 0
        positions = reached


def _line(record: Any) -> LogLine:
    try:
        return read_line(record.value)
    except msgspec.MsgspecError as error:  # its words do not quote the record
        raise LogUnreadableError(f"{record.topic}/{record.partition}@{record.offset} is no event: {error}") from error
