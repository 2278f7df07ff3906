"""The overlays hold against the schemas of the pinned versions, and against the policy; each of its checks can fail."""

import re
from operator import itemgetter
from pathlib import Path

import pytest
import yaml

from kubernetes_overlays import NAMES, built, changed, mappings, one, without
from pcare_kubernetes.check import main as check
from pcare_kubernetes.generate import OVERLAYS
from pcare_kubernetes.pods import pods, selects
from pcare_kubernetes.policy_system import complaints
from pcare_kubernetes.validating import mistakes, of_all

ROOT = Path(__file__).parents[1]
FREE = {
    "labels",
    "matchLabels",
    "annotations",
    "limits",
    "requests",
    "data",
    "selector",
    "config",
    "parameters",
    "metadata",
}
"""Mappings whose keys are anybody's: what is unknown there is no mistake."""

CONTAINER = ("spec", "template", "spec", "containers", 0)
POD = ("spec", "template", "spec")


def of_container(change, *place):
    return changed("Deployment", "recorder", change, *CONTAINER, *place)


def of_pod(change, *place):
    return changed("Deployment", "ingest", change, *POD, *place)


def put(**given):
    return lambda value: value.update(given)


def take(*keys):
    return lambda value: [value.pop(key) for key in keys]


def add(item):
    return lambda value: value.append(item)


@pytest.mark.parametrize("name", NAMES)
def test_an_overlay_is_as_the_schemas_say(name):
    assert of_all(built(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_overlay_keeps_to_the_policy(name):
    assert complaints(built(name), production=name == "production") == []


def test_a_field_that_nobody_knows_is_a_mistake_wherever_it_stands():
    taken = []
    for resource in built("production"):
        for place, mapping in mappings(resource):
            if not FREE & set(place[-1:]):
                mapping["unknown"] = "1"
                if not mistakes(resource):
                    taken.append((resource["kind"], place))
                del mapping["unknown"]
    assert taken == []


VIOLATIONS = [
    ("is privileged", of_container(put(privileged=True), "securityContext")),
    ("may become more than it is", of_container(take("allowPrivilegeEscalation"), "securityContext")),
    ("may write into its image", of_container(put(readOnlyRootFilesystem=False), "securityContext")),
    ("has capabilities", of_container(put(add=["NET_ADMIN"]), "securityContext", "capabilities")),
    ("has no limits of memory", of_container(take("memory"), "resources", "limits")),
    ("has no requests of cpu", of_container(take("requests"), "resources")),
    ("names no version of its image", of_container(put(image="pcare-recorder"))),
    ("names no version of its image", of_container(put(image="registry.example:5000/pcare-recorder:latest"))),
    ("takes a port of the host", of_container(put(hostPort=8081), "ports", 0)),
    ("has a secret in its environment", of_container(add({"name": "PCARE_POSTGRES_DSN", "value": "x"}), "env")),
    ("has a whole Secret in its environment", of_container(add({"secretRef": {"name": "login-pcare"}}), "envFrom")),
    ("has no readinessProbe at /health/ready", of_container(take("readinessProbe"))),
    ("has no livenessProbe at /health/live", of_container(put(path="/health/ready"), "livenessProbe", "httpGet")),
    ("is asked in the clear", of_container(take("scheme"), "startupProbe", "httpGet")),
    ("runs as root", of_pod(put(runAsUser=0), "securityContext")),
    ("may make every system call", of_pod(take("seccompProfile"), "securityContext")),
    ("is given a token of Kubernetes' API", of_pod(take("automountServiceAccountToken"))),
    ("has no service account of its own", of_pod(take("serviceAccountName"))),
    ("is given Services as variables", of_pod(take("enableServiceLinks"))),
    ("is not given the time that it takes to stop", of_pod(put(terminationGracePeriodSeconds=1))),
    ("shares what is the host's", of_pod(put(hostNetwork=True))),
    ("mounts a directory of the host", of_pod(add({"name": "etc", "hostPath": {"path": "/etc"}}), "volumes")),
    ("may fill the host's disk", of_pod(add({"name": "more", "emptyDir": {}}), "volumes")),
    ("given more of postgres-ca", of_pod(add({"name": "ca", "secret": {"secretName": "postgres-ca"}}), "volumes")),
    ("may have all its copies in one place", of_pod(take("topologySpreadConstraints"))),
    ("does not say how it is updated", changed("Deployment", "ingest", take("strategy"), "spec")),
    ("has no PodDisruptionBudget", without("PodDisruptionBudget", "watch")),
    ("allows nothing", changed("PodDisruptionBudget", "ingest", put(maxUnavailable=0), "spec")),
    ("in a name", changed("Service", "ingest", put(name="the_ingest"), "metadata")),
    ("nothing is closed", without("NetworkPolicy", "default-deny")),
    ("pod broker: no NetworkPolicy", without("NetworkPolicy", "kafka")),
    ("pod migrate: no NetworkPolicy", without("NetworkPolicy", "to-postgres")),
    ("administrator: kpi-aggregator lets it in, and no", without("NetworkPolicy", "to-board")),
    ("console: recorder lets it in, and no", without("NetworkPolicy", "to-health")),
    ("lets everybody in", changed("NetworkPolicy", "metrics", take("from"), "spec", "ingress", 0)),
    ("lets everything out", changed("NetworkPolicy", "names", take("to", "ports"), "spec", "egress", 0)),
    ("nobody makes the Secret recorder-tls", without("Certificate", "recorder")),
    ("nobody makes the Secret kafka-user-auditor", without("KafkaUser", "auditor")),
    ("nobody makes the Secret logins", of_pod(add({"name": "l", "secret": {"secretName": "logins"}}), "volumes")),
    ("selects no pod", changed("Service", "ingest", put(selector={"a": "b"}), "spec")),
    ("its pods have no port web", changed("Service", "ingest", put(targetPort="web"), "spec", "ports", 0)),
    ("selects 0 Services", without("Service", "watch")),
    ("scrapes in the clear", changed("ServiceMonitor", "watch", take("scheme"), "spec", "endpoints", 0)),
    ("scales nothing", changed("ScaledObject", "recorder", put(name="other"), "spec", "scaleTargetRef")),
    ("everybody may do everything", changed("Kafka", "pcare", take("authorization"), "spec", "kafka")),
    ("whoever comes", changed("Kafka", "pcare", put(tls=False), "spec", "kafka", "listeners", 0)),
    ("networkPolicyPeers", changed("Kafka", "pcare", take("networkPolicyPeers"), "spec", "kafka", "listeners", 0)),
    ("topics make themselves", changed("Kafka", "pcare", take("auto.create.topics.enable"), "spec", "kafka", "config")),
    ("whole topics", changed("Kafka", "pcare", put(**{"delete.topic.enable": True}), "spec", "kafka", "config")),
    ("has no limit of memory", changed("KafkaNodePool", "broker", take("resources"), "spec")),
    ("a superuser may log in", changed("Cluster", "postgres", put(enableSuperuserAccess=True), "spec")),
    ("come without TLS", changed("Cluster", "postgres", add("host all all all md5"), "spec", "postgresql", "pg_hba")),
    ("lets logins in without TLS", changed("Cluster", "postgres", take("pg_hba"), "spec", "postgresql")),
    ("PostgreSQL: has no limit", changed("Cluster", "postgres", take("limits"), "spec", "resources")),
    ("may more than its work", changed("Cluster", "postgres", put(createrole=True), "spec", "managed", "roles", 0)),
    ("fewer than three instances", changed("Cluster", "postgres", put(instances=2), "spec")),
    ("is not backed up", without("ScheduledBackup", "nightly")),
    ("fewer than three nodes", changed("KafkaNodePool", "controller", put(replicas=1), "spec")),
    ("can be lost with one broker", changed("KafkaTopic", "interventions.recorded", put(replicas=1), "spec")),
    ("kpi-aggregator: one copy only", changed("Deployment", "kpi-aggregator", put(replicas=1), "spec")),
]


@pytest.mark.parametrize(("told", "change"), VIOLATIONS, ids=[f"{n}: {told}" for n, (told, _) in enumerate(VIOLATIONS)])
def test_a_violation_is_told(told, change):
    resources = built("production")
    change(resources)
    found = complaints(resources, production=True)
    assert any(told in complaint for complaint in found), found


def test_the_rules_are_those_of_prometheus():
    made = [each for each in built("production") if each["kind"] == "PrometheusRule"]
    files = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
    assert [each["metadata"]["name"] for each in made] == [f"pcare-{file.stem.replace('_', '-')}" for file in files]
    for each, file in zip(made, files, strict=True):
        groups = [{key: value for key, value in group.items() if key != "interval"} for group in each["spec"]["groups"]]
        assert groups == [
            {key: value for key, value in group.items() if key != "interval"}
            for group in yaml.safe_load(file.read_text())["groups"]
        ]


def test_grafana_is_given_every_dashboard():
    files = {file.name: file.read_text() for file in (ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")}
    maps = [each for each in built("production") if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1"]
    assert {name: text for each in maps for name, text in each["data"].items()} == files


def test_prometheus_asks_each_service_under_the_name_that_the_rules_know():
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "targets.yml").read_text())
    jobs = {entry["labels"]["job"] for entry in scraped}
    services = {each["metadata"]["name"]: each for each in built("production") if each["kind"] == "Service"}
    assert jobs <= services.keys()
    interval = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["global"]
    for monitor in (each for each in built("production") if each["kind"] == "ServiceMonitor"):
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["interval"] == interval["scrape_interval"]
        chosen = [
            name for name, each in services.items() if selects(monitor["spec"]["selector"], each["metadata"]["labels"])
        ]
        assert chosen == [monitor["metadata"]["name"]]


@pytest.mark.parametrize("name", NAMES)
def test_only_ingest_and_sealer_have_their_keys_and_only_who_migrates_owns_the_database(name):
    resources = built(name)
    holders: dict[str, set[str]] = {}
    for pod in pods(resources):
        for place, mapping in mappings(pod.spec):
            for secret in (mapping.get("secretName"), mapping.get("name") if place[-1:] == ("secret",) else None):
                holders.setdefault(secret, set()).add(pod.name)
    assert holders["ingest-keys"] == {"ingest"}
    assert holders["checkpoint-signing"] == holders["login-sealer"] == {"sealer"}
    assert holders["login-pcare"] == {"migrate", "administrator"}
    assert holders["login-recorder"] == {"recorder"}
    assert holders["kafka-user-admin"] == {"administrator"}
    assert not {"login-pcare", "postgres-app"} & {secret for secret in holders if "recorder" in holders[secret]}


def test_a_pod_may_reach_what_its_settings_name():
    """Or the first that one hears of a policy is a time-out."""
    for pod in pods(built("production")):
        given = {entry["path"] for _, mapping in mappings(pod.spec) for entry in mapping.get("items", [])}
        assert ("PCARE_KAFKA_SASL_PASSWORD" in given) == (pod.labels.get("pcare/kafka") == "client"), pod.name
        assert ("PCARE_POSTGRES_DSN" in given) == (pod.labels.get("pcare/postgres") == "client"), pod.name


def test_kafka_lets_in_the_label_that_pods_have():
    kafka = one(built("production"), "Kafka", "pcare")
    peers = map(itemgetter("podSelector"), kafka["spec"]["kafka"]["listeners"][0]["networkPolicyPeers"][:1])
    assert list(peers) == [{"matchLabels": {"pcare/kafka": "client"}}]


def test_the_local_overlay_is_as_safe_as_production_and_smaller():
    local = built("local")
    assert one(local, "KafkaNodePool", "broker")["spec"]["roles"] == ["controller", "broker"]
    assert one(local, "Cluster", "postgres")["spec"]["instances"] == 1
    for kind, name in (("NetworkPolicy", "default-deny"), ("KafkaUser", "recorder"), ("Certificate", "ingest")):
        assert one(local, kind, name)


def test_the_command_says_whether_an_overlay_is_right(capsys, tmp_path):
    assert built("local")
    assert check(["--small", str(OVERLAYS / "local")]) == 0
    assert "0 mistakes" in capsys.readouterr().out
    assert check([str(OVERLAYS / "local")]) == 1
    assert "PostgreSQL: is not backed up" in capsys.readouterr().out
    assert check([str(tmp_path)]) == 78
    assert "kustomization" in capsys.readouterr().err


def test_the_policy_of_the_manual_lets_out_whoever_traces():
    (policy,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "tracing.md").read_text(), re.DOTALL)
    resource = yaml.safe_load(policy)
    assert of_all([resource]) == []
    assert complaints([*built("production"), resource], production=True) == []
    let_out = {pod.name for pod in pods(built("production")) if selects(resource["spec"]["podSelector"], pod.labels)}
    assert let_out == {"ingest", "recorder", "kpi-aggregator"}
