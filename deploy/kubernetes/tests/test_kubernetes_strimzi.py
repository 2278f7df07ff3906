"""Strimzi's topics and users say what deploy/kafka says, and nothing else."""

from pathlib import Path

import pytest
import yaml

from pcare_cli.kafka_access.plan import Permission
from pcare_cli.kafka_access.plan import read_plan as read_access
from pcare_cli.topic_plan import read_plan as read_topics
from pcare_kubernetes.generate import Declared, files, main, own_overlays, stale
from pcare_kubernetes.rules import prometheus_rule
from pcare_kubernetes.strimzi import ADMINISTRATOR, topics, users
from pcare_kubernetes.validating import of_all

PATTERNS = {"literal": "LITERAL", "prefix": "PREFIXED"}


def permissions(user: dict) -> frozenset[Permission]:
    """What Strimzi's operator makes of a KafkaUser, in the words of the plan."""
    return frozenset(
        Permission(
            acl["resource"]["type"].upper(),
            acl["resource"]["name"],
            operation.upper(),
            PATTERNS[acl["resource"]["patternType"]],
            host=acl["host"],
        )
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    )


def test_each_user_may_do_what_the_plan_says():
    plan = read_access()
    made = {user["metadata"]["name"]: user for user in users(plan, ["RKE"])}
    administrator = made.pop(ADMINISTRATOR)
    assert "authorization" not in administrator["spec"]
    assert made.keys() == {*plan.users, "provider-rke"}
    for name in plan.users:
        assert permissions(made[name]) == plan.users[name].permissions(), name
    assert permissions(made["provider-rke"]) == plan.of_provider("RKE").permissions


def test_a_name_that_ends_with_a_star_is_a_prefix():
    recorder = next(user for user in users(read_access(), []) if user["metadata"]["name"] == "recorder")
    resources = [acl["resource"] for acl in recorder["spec"]["authorization"]["acls"]]
    assert {"type": "topic", "name": "interventions.submitted.", "patternType": "prefix"} in resources


@pytest.mark.parametrize(("brokers", "copies", "in_sync"), [(1, 1, "1"), (3, 3, "2"), (5, 3, "2")])
def test_each_topic_is_kept_as_the_plan_says(brokers, copies, in_sync):
    plan = read_topics()
    made = {topic["metadata"]["name"]: topic["spec"] for topic in topics(plan, ["RKE"], brokers)}
    assert made.keys() == {*plan.topics, "interventions.submitted.rke"}
    for name, planned in plan.with_providers(["RKE"]).items():
        assert made[name]["partitions"] == planned.partitions
        assert made[name]["replicas"] == copies
        assert made[name]["config"] == planned.configs(brokers)
        assert made[name]["config"]["min.insync.replicas"] == in_sync


def test_what_is_no_provider_is_refused():
    with pytest.raises(ValueError, match="ODS code or a slug"):
        topics(read_topics(), ["no provider at all"], 3)


def test_all_of_it_is_as_strimzis_schema_says():
    assert of_all([*topics(read_topics(), ["RKE"], 3), *users(read_access(), ["RKE"])]) == []


def test_the_files_are_what_would_be_made_now():
    assert [str(path) for path in stale(files(own_overlays()))] == [], "run `make generate`"


def test_an_overlay_elsewhere_gets_its_own(tmp_path: Path, capsys):
    (tmp_path / "declared.yaml").write_text("brokers: 3\nproviders: [RKE]\n")
    assert main(["--check", str(tmp_path)]) == 1
    assert "topics.yaml is stale" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    made = list(yaml.safe_load_all((tmp_path / "generated" / "topics.yaml").read_text()))
    assert "interventions.submitted.rke" in [topic["metadata"]["name"] for topic in made]
    (tmp_path / "generated" / "users.yaml").write_text("---\n")
    assert main(["--check", str(tmp_path)]) == 1


def test_a_declaration_says_nothing_that_is_not_known():
    with pytest.raises(ValueError, match="borkers"):
        Declared.model_validate({"borkers": 3})


def test_rules_are_evaluated_as_often_as_elsewhere_but_where_they_say_themselves():
    rules = {"groups": [{"name": "a", "rules": []}, {"name": "b", "interval": "1m", "rules": []}]}
    made = prometheus_rule("kpi", rules, "5s")
    assert [group["interval"] for group in made["spec"]["groups"]] == ["5s", "1m"]
    assert made["metadata"]["name"] == "pcare-kpi"
    assert prometheus_rule("kpi_alerts", rules, "5s")["metadata"]["name"] == "pcare-kpi-alerts"
