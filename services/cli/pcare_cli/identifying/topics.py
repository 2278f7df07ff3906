"""Looks through every record of every topic: key, value and headers; those of aborted transactions too."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from pcare_cli.identifying.places import Place, Report, Scanned, UnreadableError
from pcare_cli.identifying.searching import Search

POLL_MILLISECONDS = 1000
AT_ONCE = 500
FETCH_BYTES = 8 * 1024 * 1024
SILENT_POLLS = 30  # so many polls in a row without a step forward: the rest is not coming


def scan(options: Mapping[str, Any], search: Search, report: Report) -> Iterator[Scanned]:
    """Look through all topics up to the ends that they have now; give how many records each held. Blocks.

    `options` are kafka-python's connection options. It joins no group and commits nothing. Raises UnreadableError when
    records do not come.
    """
    consumer = KafkaConsumer(
        client_id="pcare-audit-identifiers",
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_uncommitted",
        auto_offset_reset="earliest",
        fetch_max_bytes=FETCH_BYTES,
        **options,
    )
    with closing(consumer):
        for topic in _names(options):
            yield Scanned(topic, _scan_topic(consumer, topic, search, report))


def _names(options: Mapping[str, Any]) -> list[str]:
    """Return the names of all topics, Kafka's own too: a group's name, or what a client committed, is text as well."""
    with closing(KafkaAdminClient(client_id="pcare-audit-identifiers", **options)) as admin:
        return sorted(admin.list_topics())


def _scan_topic(consumer: KafkaConsumer, topic: str, search: Search, report: Report) -> int:
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    ends = consumer.end_offsets(partitions)
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    number = silent = 0
    positions = {one: consumer.position(one) for one in partitions}
    while waiting := [one for one in partitions if positions[one] < ends[one]]:
        if silent >= SILENT_POLLS:
            one = waiting[0]
            raise UnreadableError(
                f"{topic}/{one.partition}: offsets {positions[one]} to {ends[one]} did not come. See that its brokers "
                "run, then try again."
            )
        for records in consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=AT_ONCE).values():
            number += len(records)
            for record in records:
                _scan_record(record, search, report)
        reached = {one: consumer.position(one) for one in partitions}
        silent = silent + 1 if reached == positions else 0
        positions = reached
    return number


def _scan_record(record: Any, search: Search, report: Report) -> None:
    where = f"{record.topic}/{record.partition}/{record.offset}"
    for part, data in (("key", record.key), ("value", record.value)):
        if data is not None and search.finds_one(data):
            report(Place(where, part))
    for place, (name, value) in enumerate(record.headers):
        if search.finds_one(name.encode("utf-8", "surrogatepass")) or (value is not None and search.finds_one(value)):
            report(Place(where, f"header {place}"))
