"""What the resources have to hold to together: networks, names that refer to one another, Kafka, PostgreSQL. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pcare_kubernetes.pods import Pod, Resource, of_kind, operated, pods, selects
from pcare_kubernetes.policy_pods import of_pods
from pcare_kubernetes.secrets import NAMES as MADE_BY_COMMAND

MADE_BY_PEOPLE = frozenset({"backup-storage"})
"""Secrets whose content only whoever sets up the installation knows."""

ALONE = frozenset({"watch", "sealer"})
"""Deployments of one copy: a second watcher would say the same, and a second sealer only wait for the first to go."""

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""What Kubernetes takes as a name (RFC 1123); no schema says it."""


def complaints(resources: Iterable[Resource], *, production: bool) -> list[str]:
    """Return everything that is wrong. `production` also asks for what survives the loss of a host."""
    resources = list(resources)
    wrong = [
        *_of_names(resources),
        *of_pods(resources),
        *_of_networks(resources),
        *_of_hops(resources),
        *_of_secrets(resources),
        *_of_targets(resources),
        *_of_monitors(resources),
        *_of_kafka(resources),
        *_of_postgres(resources),
    ]
    return [*wrong, *(_of_production(resources) if production else ())]


def _of_names(resources: list[Resource]) -> Iterator[str]:
    for resource in resources:
        name = resource["metadata"]["name"]
        if not NAME.fullmatch(name):
            yield f"{resource['kind']} {name}: Kubernetes takes small letters, digits, - and . in a name, and no others"


def _of_networks(resources: list[Resource]) -> Iterator[str]:
    policies = of_kind(resources, "NetworkPolicy")
    closed = [
        policy
        for policy in policies
        if policy["spec"]["podSelector"] == {}
        and set(policy["spec"].get("policyTypes", [])) == {"Ingress", "Egress"}
        and not policy["spec"].get("ingress")
        and not policy["spec"].get("egress")
    ]
    if not closed:
        yield "nothing is closed: there is no NetworkPolicy that denies everything to every pod"
    for name, labels in [*((pod.name, pod.labels) for pod in pods(resources)), *operated(resources)]:
        own = [one for one in policies if one["spec"]["podSelector"] and selects(one["spec"]["podSelector"], labels)]
        if not own:
            yield f"pod {name}: no NetworkPolicy of its own says whom it may reach"
    for policy in policies:
        for rule in policy["spec"].get("ingress", []):
            if not rule.get("from"):
                yield f"NetworkPolicy {policy['metadata']['name']}: lets everybody in"
        for rule in policy["spec"].get("egress", []):
            if not rule.get("to") and not rule.get("ports"):
                yield f"NetworkPolicy {policy['metadata']['name']}: lets everything out"


def _of_hops(resources: list[Resource]) -> Iterator[str]:
    """Hold the two ends of each hop together: who is let in at one end has to be let out at the other."""
    policies = [policy["spec"] for policy in of_kind(resources, "NetworkPolicy")]
    here = [*((pod.name, pod.labels) for pod in pods(resources)), *operated(resources)]
    for policy in policies:
        within = [peer for rule in policy.get("ingress", []) for peer in rule.get("from", []) if _is_within(peer)]
        targets = [(name, labels) for name, labels in here if selects(policy["podSelector"], labels)]
        for peer in within:
            for source, labels in here:
                if not selects(peer["podSelector"], labels):
                    continue
                out = _egress(policies, labels)
                for target, theirs in targets:
                    if not any(selects(one["podSelector"], theirs) for one in out):
                        yield f"pod {source}: {target} lets it in, and no NetworkPolicy lets it out to there"


def _egress(policies: Iterable[Mapping[str, Any]], labels: Mapping[str, str]) -> list[Mapping[str, Any]]:
    rules = [rule for one in policies if selects(one["podSelector"], labels) for rule in one.get("egress", [])]
    return [peer for rule in rules for peer in rule.get("to", []) if _is_within(peer)]


def _is_within(peer: Mapping[str, Any]) -> bool:
    return "podSelector" in peer and "namespaceSelector" not in peer


def _of_secrets(resources: list[Resource]) -> Iterator[str]:
    made = {*MADE_BY_COMMAND, *MADE_BY_PEOPLE}
    made |= {one["spec"]["secretName"] for one in of_kind(resources, "Certificate")}
    for kafka in of_kind(resources, "Kafka"):
        made.add(f"{kafka['metadata']['name']}-cluster-ca-cert")
        prefix = kafka["spec"]["entityOperator"]["userOperator"].get("secretPrefix", "")
        made |= {prefix + user["metadata"]["name"] for user in of_kind(resources, "KafkaUser")}
    made |= {f"{cluster['metadata']['name']}-ca" for cluster in of_kind(resources, "Cluster")}
    for resource in resources:
        for name in sorted(set(_secrets_in(resource)) - made):
            yield f"{resource['kind']} {resource['metadata']['name']}: nobody makes the Secret {name}"


def _secrets_in(value: object) -> Iterator[str]:
    """Yield the names of the Secrets that a resource refers to, by the ways in which ours do."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            by_name = isinstance(inner, Mapping) and isinstance(inner.get("name"), str)
            if by_name and key in {"secret", "passwordSecret", "credentials", "accessKeyId", "secretAccessKey"}:
                yield inner["name"]
            if key == "secretName" and isinstance(inner, str):
                yield inner
            if key == "secretTargetRef":
                yield from (one["name"] for one in inner)
            yield from _secrets_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets_in(inner)


def _of_targets(resources: list[Resource]) -> Iterator[str]:
    running = list(pods(resources))
    for service in of_kind(resources, "Service"):
        chosen = [pod for pod in running if selects({"matchLabels": service["spec"]["selector"]}, pod.labels)]
        if not chosen:
            yield f"Service {service['metadata']['name']}: selects no pod"
        for port in service["spec"]["ports"]:
            if any(port["targetPort"] not in _ports(pod) for pod in chosen):
                yield f"Service {service['metadata']['name']}: its pods have no port {port['targetPort']}"
    deployments = {one["metadata"]["name"] for one in of_kind(resources, "Deployment")}
    for scaler in of_kind(resources, "HorizontalPodAutoscaler", "ScaledObject"):
        if scaler["spec"]["scaleTargetRef"]["name"] not in deployments:
            yield f"{scaler['kind']} {scaler['metadata']['name']}: scales nothing that there is"


def _of_monitors(resources: list[Resource]) -> Iterator[str]:
    for monitor in of_kind(resources, "ServiceMonitor"):
        chosen_services = [
            service
            for service in of_kind(resources, "Service")
            if selects(monitor["spec"]["selector"], service["metadata"].get("labels", {}))
        ]
        if len(chosen_services) != 1:
            yield f"ServiceMonitor {monitor['metadata']['name']}: selects {len(chosen_services)} Services"
        for endpoint in monitor["spec"]["endpoints"]:
            if endpoint.get("scheme") != "https" or "authorization" not in endpoint:
                yield f"ServiceMonitor {monitor['metadata']['name']}: scrapes in the clear, or without a token"


def _ports(pod: Pod) -> set[object]:
    return {value for one in pod.containers for port in one.get("ports", []) for value in port.values()}


def _of_kafka(resources: list[Resource]) -> Iterator[str]:
    for kafka in of_kind(resources, "Kafka"):
        spec = kafka["spec"]["kafka"]
        if spec.get("authorization", {}).get("type") != "simple":
            yield "Kafka: everybody may do everything (authorization)"
        for listener in spec["listeners"]:
            if not listener.get("tls") or listener.get("authentication", {}).get("type") != "scram-sha-512":
                yield f"Kafka: the listener {listener['name']} takes whoever comes, or in the clear"
            if not listener.get("networkPolicyPeers"):
                yield f"Kafka: Strimzi's policy lets everybody to the listener {listener['name']} (networkPolicyPeers)"
        if str(spec["config"].get("auto.create.topics.enable", True)).lower() != "false":
            yield "Kafka: topics make themselves"
        if str(spec["config"].get("delete.topic.enable", True)).lower() != "false":
            yield "Kafka: who erases may delete whole topics (delete.topic.enable)"
        parts = kafka["spec"]["entityOperator"]
        bounded: list[Mapping[str, Any]] = [parts["topicOperator"], parts["userOperator"]]
        bounded += [pool["spec"] for pool in of_kind(resources, "KafkaNodePool")]
        if not all(part.get("resources", {}).get("limits", {}).get("memory") for part in bounded):
            yield "Kafka: a part of it has no limit of memory"


def _of_postgres(resources: list[Resource]) -> Iterator[str]:
    for cluster in of_kind(resources, "Cluster"):
        spec = cluster["spec"]
        if spec.get("enableSuperuserAccess"):
            yield "PostgreSQL: a superuser may log in from outside"
        if any(rule.split()[0] in {"host", "hostnossl"} and rule.split()[-1] != "reject" for rule in _hba(spec)):
            yield "PostgreSQL: some may come without TLS (pg_hba)"
        if not any(rule.split()[0] == "hostnossl" and rule.split()[-1] == "reject" for rule in _hba(spec)):
            yield "PostgreSQL: CloudNativePG's last rule lets logins in without TLS (pg_hba: hostnossl … reject)"
        if not spec.get("resources", {}).get("limits", {}).get("memory"):
            yield "PostgreSQL: has no limit of memory"
        for role in spec["managed"]["roles"]:
            if role.get("superuser") or role.get("createrole") or role.get("createdb") or role.get("bypassrls"):
                yield f"PostgreSQL: the role {role['name']} may more than its work needs"


def _hba(spec: Mapping[str, Any]) -> list[str]:
    rules: list[str] = spec["postgresql"].get("pg_hba", [])
    return rules


def _of_production(resources: list[Resource]) -> Iterator[str]:
    for cluster in of_kind(resources, "Cluster"):
        if cluster["spec"]["instances"] < 3:
            yield "PostgreSQL: fewer than three instances"
        if not cluster["spec"].get("plugins") or not of_kind(resources, "ScheduledBackup"):
            yield "PostgreSQL: is not backed up"
    for pool in of_kind(resources, "KafkaNodePool"):
        if pool["spec"]["replicas"] < 3:
            yield f"Kafka: {pool['metadata']['name']} has fewer than three nodes"
    for topic in of_kind(resources, "KafkaTopic"):
        if topic["spec"]["replicas"] < 3 or topic["spec"]["config"]["min.insync.replicas"] != "2":
            yield f"Kafka: {topic['metadata']['name']} can be lost with one broker"
    scaled = {
        one["spec"]["scaleTargetRef"]["name"] for one in of_kind(resources, "HorizontalPodAutoscaler", "ScaledObject")
    }
    for deployment in of_kind(resources, "Deployment"):
        name = deployment["metadata"]["name"]
        if deployment["spec"].get("replicas", 2) < 2 and name not in scaled | ALONE:
            yield f"Deployment {name}: one copy only"
