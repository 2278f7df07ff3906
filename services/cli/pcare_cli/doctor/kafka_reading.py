"""Asks Kafka for what `kafka_rules` judges. Every function blocks, and raises KafkaError."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import KafkaError

from pcare_cli.doctor.kafka_facts import Brokers, Copies, Disk, Group, Layout
from pcare_recorder.cursors import Held, Partition
from pcare_schemas.topics import RECORDED, SUBMITTED_PATTERN

OURS = "interventions."
OFFSETS = "__consumer_offsets"
NONE = -1
NO_GROUP = "GroupIdNotFound"


def layout(admin: KafkaAdminClient) -> Layout:
    """Return the brokers, and where the copies of our partitions and of the groups' offsets are."""
    described = admin.describe_cluster()["brokers"]
    brokers = Brokers(
        frozenset(one["broker_id"] for one in described),
        frozenset(one["broker_id"] for one in described if one.get("is_fenced")),
        _metadata_version(admin),
    )
    topics = [topic for topic in admin.describe_topics() if topic["name"].startswith(OURS) or topic["name"] == OFFSETS]
    minimums = _minimums(admin, [topic["name"] for topic in topics])
    copies = tuple(
        Copies(
            Partition(topic["name"], one["partition_index"]),
            None if one["leader_id"] == NONE else one["leader_id"],
            tuple(one["replica_nodes"]),
            tuple(one["isr_nodes"]),
            tuple(one["offline_replicas"]),
            minimums.get(topic["name"], 1),
        )
        for topic in topics
        for one in topic["partitions"]
    )
    return Layout(brokers, tuple(sorted(copies, key=lambda one: one.partition)))


def may_see_settings(admin: KafkaAdminClient) -> bool:
    """Whether this login sees every topic and its settings: else one that it may not see would look missing."""
    return "DESCRIBE_CONFIGS" in set(map(str, admin.describe_cluster().get("authorized_operations") or ()))


def _metadata_version(admin: KafkaAdminClient) -> int | None:
    try:
        features = admin.describe_features()
        level: int = features["metadata.version"]["finalized"][1]
    except (KafkaError, KeyError, TypeError):  # an older broker, or one that does not tell this login
        return None
    return level


def _minimums(admin: KafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
    try:
        settings = admin.describe_configs(resources, config_filter="all")["topic"]
    except (KafkaError, KeyError):  # a login that may not see settings: one copy is the least there must be
        return {}
    found = {name: entries.get("min.insync.replicas") for name, entries in settings.items()}
    return {name: int(entry["value"]) for name, entry in found.items() if entry}


def groups(admin: KafkaAdminClient, names: Sequence[str]) -> list[Group]:
    """Return the consumer groups of these names; one that is not there is dead and has no members."""
    return [_group(name, admin.describe_groups([name])[name]) for name in names]


def _group(name: str, described: Mapping[str, Any]) -> Group:
    error = described["error"]
    if error is not None and NO_GROUP not in error:
        return Group(name, str(error), 0, hidden=True)
    return Group(name, described["group_state"], len(described["members"]))


def disks(admin: KafkaAdminClient) -> list[Disk]:
    """Return the directories that brokers keep their records in."""
    return [
        Disk(
            broker["broker"],
            one["log_dir"],
            _bytes(one.get("total_bytes")),
            _bytes(one.get("usable_bytes")),
            failed=bool(one["error_code"]),
        )
        for broker in admin.describe_log_dirs()
        for one in broker["log_dirs"]
    ]


def _bytes(number: int | None) -> int | None:
    return None if number is None or number < 0 else number


def committed(admin: KafkaAdminClient, group: str) -> dict[Partition, int]:
    """Return what the group has committed of partitions of submitted events."""
    offsets = admin.list_group_offsets(group)[group]
    return {
        Partition(one.topic, one.partition): at.offset
        for one, at in offsets.items()
        if at.offset >= 0 and re.fullmatch(SUBMITTED_PATTERN, one.topic)
    }


def held(admin: KafkaAdminClient) -> dict[Partition, Held]:
    """Return what Kafka holds of each partition of submitted events."""
    described = admin.describe_topics([name for name in admin.list_topics() if re.fullmatch(SUBMITTED_PATTERN, name)])
    led = [
        TopicPartition(topic["name"], one["partition_index"])
        for topic in described
        for one in topic["partitions"]
        if one["leader_id"] != NONE
    ]
    if not led:
        return {}
    firsts = admin.list_partition_offsets(dict.fromkeys(led, OffsetSpec.EARLIEST))
    ends = admin.list_partition_offsets(dict.fromkeys(led, OffsetSpec.LATEST))
    return {Partition(*one): Held(firsts[one].offset, ends[one].offset) for one in led}


def ends_of_log(admin: KafkaAdminClient) -> dict[int, int]:
    """Return where the partitions of the log end."""
    (topic,) = admin.describe_topics([RECORDED])
    asked = [TopicPartition(RECORDED, one["partition_index"]) for one in topic["partitions"]]
    found = admin.list_partition_offsets(dict.fromkeys(asked, OffsetSpec.LATEST))
    return {one.partition: found[one].offset for one in asked}


def first_since(admin: KafkaAdminClient, milliseconds: Mapping[Partition, int]) -> dict[Partition, int | None]:
    """Return the broker's time of the first record that is not older than an instant, both in milliseconds."""
    asked: dict[Any, int] = {TopicPartition(*partition): since for partition, since in milliseconds.items()}
    found = admin.list_partition_offsets(asked) if asked else {}
    return {Partition(*one): None if at.offset < 0 else at.timestamp for one, at in found.items()}
