from pathlib import Path

import pytest

from pcare_cli.topic_plan import DEFAULT_FILE, Found, Plan, PlanError, TopicPlan, differences, read_plan
from pcare_schemas import topics as names

PLAN = read_plan(DEFAULT_FILE)


def as_planned(plan: dict[str, TopicPlan], brokers: int) -> dict[str, Found]:
    return {
        name: Found(topic.partitions, min(3, brokers), {**topic.configs(brokers), "segment.ms": "604800000"})
        for name, topic in plan.items()
    }


def test_the_file_declares_every_topic_and_keeps_it_as_promised() -> None:
    assert set(PLAN.topics) == {
        names.SUBMITTED,
        names.RECORDED,
        names.SUBJECTS,
        names.REJECTED,
        names.KPI_PARTIALS,
        names.CHECKPOINTS,
    }
    recorded = PLAN.topics[names.RECORDED]
    assert (recorded.partitions, recorded.fixed) == (12, True)
    assert recorded.configs(1)["retention.ms"] == "-1"
    assert PLAN.topics[names.SUBMITTED].configs(1)["retention.ms"] == str(90 * 24 * 3600 * 1000)
    assert PLAN.topics[names.REJECTED].configs(1)["retention.ms"] == str(400 * 24 * 3600 * 1000)
    assert PLAN.provider_topic.configs(1)["retention.ms"] == str(14 * 24 * 3600 * 1000)
    assert PLAN.topics[names.SUBJECTS].configs(1)["cleanup.policy"] == "compact"
    assert PLAN.topics[names.KPI_PARTIALS].configs(1)["cleanup.policy"] == "compact"
    assert PLAN.topics[names.REJECTED].configs(1)["cleanup.policy"] == "compact,delete"
    assert PLAN.topics[names.SUBMITTED].configs(1)["cleanup.policy"] == "delete"


def test_where_a_person_is_erased_from_kafka_forgets_within_a_day_and_one_more() -> None:
    for name in (names.SUBJECTS, names.REJECTED):
        configs = PLAN.topics[name].configs(3)
        assert configs["max.compaction.lag.ms"] == configs["delete.retention.ms"] == str(24 * 3600 * 1000)
    for name in (names.SUBMITTED, names.RECORDED, names.KPI_PARTIALS):
        assert "max.compaction.lag.ms" not in PLAN.topics[name].configs(3)
    assert {topic.configs(1)["message.timestamp.type"] for topic in PLAN.topics.values()} == {"LogAppendTime"}


def test_two_of_three_copies_must_be_in_sync_where_there_are_three_brokers() -> None:
    topic = PLAN.topics[names.SUBMITTED]
    assert [topic.configs(brokers)["min.insync.replicas"] for brokers in (1, 2, 3, 5)] == ["1", "1", "2", "2"]


def test_a_providers_topic_follows_the_template() -> None:
    assert PLAN.with_providers(["RKE"])["interventions.submitted.rke"] == PLAN.provider_topic
    with pytest.raises(ValueError, match="provider code"):
        PLAN.with_providers(["no good"])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("topics: {}\n", "provider_topic"),
        ("provider_topic: {partitions: 0, keep: 1, largest_kib: 1}\ntopics: {}\n", "provider_topic.partitions"),
        ("provider_topic: {partitions: 1, keep: 1, largest_kib: 1, kep: 2}\ntopics: {}\n", "provider_topic.kep"),
        ("provider_topic: {partitions: 1, keep: 9, erased_within: 1, largest_kib: 1}\ntopics: {}\n", "erased_within"),
        ("topics: [", "not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, place: str) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text(text)
    with pytest.raises(PlanError, match=place):
        read_plan(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="--file"):
        read_plan(tmp_path / "none.yaml")


@pytest.mark.parametrize("brokers", [1, 3])
def test_a_cluster_as_planned_differs_in_nothing(brokers: int) -> None:
    plan = PLAN.with_providers(["RKE"])
    assert differences(plan, as_planned(plan, brokers), brokers) == []


def only(plan: Plan, name: str, found: Found, brokers: int = 1) -> tuple[str, str, bool]:
    (difference,) = differences({name: plan.topics[name]}, {name: found}, brokers)
    return difference.text, difference.repair, difference.safe


def test_a_missing_topic_is_told() -> None:
    (difference,) = differences({names.SUBJECTS: PLAN.topics[names.SUBJECTS]}, {}, 1)
    assert (difference.text, difference.safe) == ("is missing", False)
    assert "pcare topics create" in difference.repair


def test_the_number_of_partitions_of_the_log_is_never_changed() -> None:
    topic = PLAN.topics[names.RECORDED]
    for partitions in (6, 24):
        text, repair, safe = only(PLAN, names.RECORDED, Found(partitions, 1, topic.configs(1)))
        assert text == f"has {partitions} partitions, planned 12"
        assert "never change it" in repair
        assert not safe


def test_partitions_are_added_elsewhere_and_never_taken_away() -> None:
    topic = PLAN.topics[names.REJECTED]
    assert only(PLAN, names.REJECTED, Found(1, 1, topic.configs(1)))[2]
    assert "cannot take partitions away" in only(PLAN, names.REJECTED, Found(9, 1, topic.configs(1)))[1]


def test_a_setting_that_drifted_is_told_with_both_values() -> None:
    topic = PLAN.topics[names.RECORDED]
    found = Found(12, 1, {**topic.configs(1), "retention.ms": "604800000"})
    assert only(PLAN, names.RECORDED, found)[0] == "retention.ms is 604800000, planned -1"


def test_too_few_copies_are_told() -> None:
    topic = PLAN.topics[names.RECORDED]
    assert "keeps 1 copies" in only(PLAN, names.RECORDED, Found(12, 1, topic.configs(3)), brokers=3)[0]
