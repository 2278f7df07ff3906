"""When everything that was submitted has gone all the way. `progress` is pure; `look` asks Kafka and PostgreSQL."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from re import fullmatch
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from pcare_cli.accounting import Cursor
from pcare_schemas.topics import RECORDED, SUBMITTED_PATTERN

RECORDER_GROUP = "pcare-recorder"


@dataclass(frozen=True, slots=True)
class Kafka:
    """What Kafka holds: where the partitions of the submitted topics begin and end, and those of `recorded` end.

    `published` is what the recorder's group has committed: everything below is published.
    """

    starts: Mapping[tuple[str, int], int]
    ends: Mapping[tuple[str, int], int]
    published: Mapping[tuple[str, int], int]
    recorded_ends: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Left:
    """What is still on its way, in records."""

    to_judge: int
    to_publish: int
    to_apply: int

    @property
    def nothing(self) -> bool:
        """Whether all has arrived."""
        return self == Left(0, 0, 0)

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.to_judge} to judge, {self.to_publish} to publish, {self.to_apply} to count"


def left(
    kafka: Kafka, cursors: Mapping[tuple[str, int], Cursor], applied: Mapping[int, int], *, merges: int = 0
) -> Left:
    """Return what is still on its way; `merges` of two subjects are in the database, and not published yet.

    `cursors` are the database's, `applied` the last offset of each partition of `recorded` that the aggregator has
    counted. An empty partition needs neither.
    """
    to_judge, to_publish = 0, merges
    for where, end in kafka.ends.items():
        start = kafka.starts[where]
        judged = cursors[where].next_offset if where in cursors else start
        to_judge += max(0, end - judged)
        to_publish += max(0, judged - max(start, kafka.published.get(where, start)))
    to_apply = sum(max(0, end - 1 - applied.get(partition, -1)) for partition, end in kafka.recorded_ends.items())
    return Left(to_judge, to_publish, to_apply)


def look(options: Mapping[str, Any], group: str = RECORDER_GROUP) -> Kafka:
    """Ask Kafka. `options` are kafka-python's connection options, `group` is the recorder's. Blocks."""
    with closing(KafkaAdminClient(client_id="pcare-settling", **options)) as admin:
        topics = [name for name in admin.list_topics() if fullmatch(SUBMITTED_PATTERN, name)]
        committed = admin.list_group_offsets(group)[group]
    consumer = KafkaConsumer(client_id="pcare-settling", isolation_level="read_committed", **options)
    with closing(consumer):
        submitted = _partitions(consumer, topics)
        recorded = _partitions(consumer, [RECORDED])
        starts, ends = consumer.beginning_offsets(submitted), consumer.end_offsets([*submitted, *recorded])
    return Kafka(
        starts={(one.topic, one.partition): starts[one] for one in submitted},
        ends={(one.topic, one.partition): ends[one] for one in submitted},
        published={(one.topic, one.partition): at.offset for one, at in committed.items() if at.offset >= 0},
        recorded_ends={one.partition: ends[one] for one in recorded},
    )


def _partitions(consumer: KafkaConsumer, topics: list[str]) -> list[TopicPartition]:
    return [
        TopicPartition(topic, partition)
        for topic in topics
        for partition in sorted(consumer.partitions_for_topic(topic) or ())
    ]
