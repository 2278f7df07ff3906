"""Replays of a system under test, and what tests do to it to see whether a replay notices."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from pcare_audit.replaying.ranges import Bounds
from pcare_audit.replaying.result import Difference, Result
from pcare_cli.replaying.running import Replaying
from pcare_cli.replaying.showing import Progress
from pcare_cli.replaying.wanted import Wanted
from pcare_schemas.topics import RECORDED
from system import System

EVERYTHING = Bounds()
Changes = Callable[[dict[str, Any]], bytes | None]


async def replay(
    system: System,
    *,
    begin: Bounds = EVERYTHING,
    end: Bounds = EVERYTHING,
    topics: Iterable[str] | None = None,
    stream: bool = False,
    **more: Any,
) -> Result:
    """Replay with the auditor's login; `stream` asks the running aggregator too."""
    chosen = None if topics is None else frozenset(topics)
    address = system.one("kpi-aggregator").address if stream else None
    wanted = Wanted(begin, end, topics=chosen, aggregator=address, **more)
    options = {"bootstrap_servers": [system.backend.bootstrap_servers], "security_protocol": "PLAINTEXT"}
    return await Replaying(
        wanted, system.logins["auditor"], options, system.group, workers=2, progress=Progress()
    ).run()


def kinds(result: Result) -> Counter[str]:
    """Count the differences by kind, a field with it where one is named."""
    return Counter(str(one.kind) + (f" {one.field}" if one.field else "") for one in result.differences)


def of_kind(result: Result, kind: str) -> list[Difference]:
    """Return the differences of a kind."""
    return [one for one in result.differences if one.kind == kind]


def copy_of_log(options: dict[str, str], name: str, change: Callable[[dict[str, Any], bytes], list[bytes]]) -> None:
    """Make a topic that holds what the log holds, each record as `change` returns it: none, one or several."""
    admin = KafkaAdminClient(**options)
    admin.create_topics({name: {"num_partitions": 2, "replication_factor": 1}})
    admin.close()
    consumer = KafkaConsumer(**options, isolation_level="read_committed", auto_offset_reset="earliest")
    partitions = [TopicPartition(RECORDED, number) for number in consumer.partitions_for_topic(RECORDED) or ()]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    producer = KafkaProducer(**options)
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                for value in change(json.loads(record.value), record.value):
                    producer.send(name, value, key=record.key, partition=record.partition % 2)
    producer.flush()
    producer.close()
    consumer.close()
