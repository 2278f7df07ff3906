"""Reads the log from its first record to the end that it has when the reading begins, and leaves no trace there."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
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

    As `read_raw`. Raises LogUnreadableError also where a record is no event.
    """
    return ((record.partition, _line(record)) for record in read_raw(options, topic))


def read_raw(options: Mapping[str, Any], topic: str) -> Iterator[Any]:
    """Give every record that stands in a topic now, as kafka-python gives them, of each partition in its order. Blocks.

    `options` are kafka-python's connection options. It joins no group and commits nothing. Records of transactions
    that were taken back are passed over. Raises LogUnreadableError when the records do not come, or there is no topic.
    """
    with _consumer(options) as consumer:
        partitions = _partitions(consumer, topic)
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        yield from _to_the_ends(consumer, ends)


def end_of(options: Mapping[str, Any], topic: str) -> int:
    """Return the offset that the next record of a topic with one partition gets, whatever was deleted. Blocks.

    Raises LogUnreadableError where there is no such topic.
    """
    with _consumer(options) as consumer:
        ends: dict[TopicPartition, int] = consumer.end_offsets(_partitions(consumer, topic))
        return max(ends.values())


@contextmanager
def _consumer(options: Mapping[str, Any]) -> Iterator[KafkaConsumer]:
    consumer = KafkaConsumer(
        client_id="pcare-audit",
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        **options,
    )
    with closing(consumer):
        yield consumer


def _partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise LogUnreadableError(f"there is no topic {topic}, or this user of Kafka may not read it")
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def _to_the_ends(consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> Iterator[Any]:
    silent = 0
    positions = {partition: consumer.position(partition) for partition in ends}
    while waiting := {one for one, end in ends.items() if positions[one] < end}:
        if silent >= SILENT_POLLS:
            one = min(waiting)
            raise LogUnreadableError(
                f"{one.topic}/{one.partition}: offsets {positions[one]} to {ends[one]} did not come"
            )
        for partition, records in consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=AT_ONCE).items():
            yield from (record for record in records if record.offset < ends[partition])
        reached = {partition: consumer.position(partition) for partition in ends}
        silent = silent + 1 if reached == positions else 0
        positions = reached


@contextmanager
def countable() -> Iterator[None]:
    """Turn what counting does with an event that is not as its kind must be into a LogUnreadableError."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LogUnreadableError(
            f"An event of the log is not as events of its kind are ({type(error).__name__}), and cannot be counted: "
            "`pcare audit replay` says which."
        ) from error


def _line(record: Any) -> LogLine:
    if record.value is None:
        raise LogUnreadableError(f"{record.topic}/{record.partition}@{record.offset} is no event: it is empty")
    try:
        return read_line(record.value)
    except (msgspec.MsgspecError, RecursionError) as error:  # its words do not quote the record
        raise LogUnreadableError(f"{record.topic}/{record.partition}@{record.offset} is no event: {error}") from error


def read_partition(consumer: KafkaConsumer, partition: TopicPartition, end: int) -> Iterator[LogLine]:
    """Give the records of one partition from where a consumer of it alone stands to before an offset, likewise."""
    return (_line(record) for record in _to_the_ends(consumer, {partition: end}))
