"""`pcare topics`: make the topics of the plan on a cluster, and see in what a cluster differs from it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError

from pcare_cli.topic_plan import Difference, Found, Plan, TopicPlan, copies, differences
from pcare_schemas.topics import SUBMITTED_PATTERN, provider_of_topic

ANSWER_MILLISECONDS = 10_000  # a person waits


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `create` did: the topics made, the differences mended, and those that are left to a person."""

    created: list[str]
    repaired: list[Difference]
    left: list[Difference]


@contextmanager
def admin_of(options: Mapping[str, Any]) -> Iterator[KafkaAdminClient]:
    """Connect to a cluster as an administrator for the length of a `with`; `options` are kafka-python's."""
    admin = KafkaAdminClient(client_id="pcare-topics", bootstrap_timeout_ms=ANSWER_MILLISECONDS, **options)
    try:
        yield admin
    finally:
        admin.close()


def create(admin: KafkaAdminClient, plan: Plan, providers: Sequence[str] = (), *, repair: bool = False) -> Outcome:
    """Make the topics that are missing, with those of the providers named, and return once they have leaders.

    May be repeated, also by several at once. With `repair`, settings that differ are set and partitions that lack are
    added (never to a topic whose number is fixed). What differs otherwise is returned, not touched.
    """
    brokers = _brokers(admin)
    wanted = plan.with_providers([*providers, *_providers_there(admin)])
    found = read(admin, wanted)
    missing = [name for name in wanted if name not in found]
    for name in missing:
        _create_one(admin, name, wanted[name], brokers)
    if missing:
        admin.wait_for_topics(missing)
        found = read(admin, wanted)
    unlike = differences(wanted, found, brokers)
    repaired = [difference for difference in unlike if difference.safe] if repair else []
    for name in sorted({difference.topic for difference in repaired}):
        _repair_one(admin, name, wanted[name], found[name], brokers)
    return Outcome(missing, repaired, [difference for difference in unlike if difference not in repaired])


def check(admin: KafkaAdminClient, plan: Plan, providers: Sequence[str] = ()) -> list[Difference]:
    """Return in what the cluster differs from the plan; providers' topics that exist are held to the template."""
    wanted = plan.with_providers([*providers, *_providers_there(admin)])
    return differences(wanted, read(admin, wanted), _brokers(admin))


def read(admin: KafkaAdminClient, names: Mapping[str, TopicPlan]) -> dict[str, Found]:
    """Return those of the topics named that exist, as they are."""
    there = sorted(set(names) & set(admin.list_topics()))
    if not there:
        return {}
    described = {topic["name"]: topic["partitions"] for topic in admin.describe_topics(there)}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in there]
    settings = admin.describe_configs(resources, config_filter="all")["topic"]
    return {
        name: Found(
            partitions=len(described[name]),
            copies=min(len(partition["replica_nodes"]) for partition in described[name]),
            configs={key: entry["value"] for key, entry in settings[name].items()},
        )
        for name in there
    }


def _brokers(admin: KafkaAdminClient) -> int:
    return len(admin.describe_cluster()["brokers"])


def _providers_there(admin: KafkaAdminClient) -> list[str]:
    topics = (name for name in admin.list_topics() if re.fullmatch(SUBMITTED_PATTERN, name))
    return [code for name in topics if (code := provider_of_topic(name)) is not None]


def _create_one(admin: KafkaAdminClient, name: str, planned: TopicPlan, brokers: int) -> None:
    topic = {
        "num_partitions": planned.partitions,
        "replication_factor": copies(brokers),
        "configs": planned.configs(brokers),
    }
    try:
        admin.create_topics({name: topic})
    except TopicAlreadyExistsError:
        return  # somebody else made it a moment ago, from the same plan


def _repair_one(admin: KafkaAdminClient, name: str, planned: TopicPlan, found: Found, brokers: int) -> None:
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, planned.configs(brokers))])
    if found.partitions < planned.partitions and not planned.fixed:
        admin.create_partitions({name: planned.partitions})
