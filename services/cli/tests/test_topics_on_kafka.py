"""`pcare topics` against a real broker."""

from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from pcare_cli import topics
from pcare_cli.topic_plan import DEFAULT_FILE, Plan, read_plan

pytestmark = pytest.mark.integration

PLAN = read_plan(DEFAULT_FILE)


@pytest.fixture
def admin(backend: object) -> Iterator[KafkaAdminClient]:
    with topics.admin_of({"bootstrap_servers": backend.bootstrap_servers}) as client:  # type: ignore[attr-defined]
        yield client


def under_other_names(prefix: str) -> Plan:
    """The plan with names that no other test uses: the broker is shared."""
    return Plan(
        topics={f"{prefix}.{name}": topic for name, topic in PLAN.topics.items()}, provider_topic=PLAN.provider_topic
    )


def test_topics_are_made_once_and_found_as_planned(admin: KafkaAdminClient) -> None:
    plan = under_other_names("made")
    first = topics.create(admin, plan, ["MADE1"])
    assert set(first.created) == {*plan.topics, "interventions.submitted.made1"}
    assert topics.create(admin, plan, ["MADE1"]).created == []
    assert topics.check(admin, plan, ["MADE1"]) == []


def test_drift_is_found_and_mended_where_that_is_safe(admin: KafkaAdminClient) -> None:
    plan = under_other_names("drift")
    topics.create(admin, plan)
    rejected, recorded = "drift.interventions.rejected", "drift.interventions.recorded"
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, rejected, {"retention.ms": "1000"})])
    admin.delete_topics([recorded])
    admin.create_topics(
        {
            recorded: {
                "num_partitions": 3,
                "replication_factor": 1,
                "configs": PLAN.topics["interventions.recorded"].configs(1),
            }
        },
        wait_for_metadata=True,
    )
    more = plan.model_copy(
        update={"topics": {**plan.topics, rejected: plan.topics[rejected].model_copy(update={"partitions": 5})}}
    )

    found = {(one.topic, one.text) for one in topics.check(admin, more)}
    assert found == {
        (rejected, "has 3 partitions, planned 5"),
        (rejected, "retention.ms is 1000, planned 34560000000"),
        (recorded, "has 3 partitions, planned 12"),
    }

    outcome = topics.create(admin, more, repair=True)
    assert {one.topic for one in outcome.repaired} == {rejected}
    assert [one.topic for one in outcome.left] == [recorded]
    assert [one.topic for one in topics.check(admin, more)] == [recorded]


def test_a_providers_topic_that_is_there_is_held_to_the_template(admin: KafkaAdminClient) -> None:
    name = "interventions.submitted.odd1"
    admin.create_topics({name: {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True)
    unlike = [one for one in topics.check(admin, under_other_names("odd")) if one.topic == name]
    assert any("retention.ms" in one.text for one in unlike)
    admin.delete_topics([name])
