"""Finds the pods that resources make, and which labels select which. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pod:
    """The template of a pod. `runs_on`: a Deployment's, and no Job's, which ends."""

    name: str
    owner: Resource
    labels: Mapping[str, str]
    spec: Mapping[str, Any]
    runs_on: bool

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """All containers, also those that run before the others."""
        return [*self.spec.get("initContainers", []), *self.spec.get("containers", [])]


def of_kind(resources: Iterable[Resource], *kinds: str) -> list[Resource]:
    """Return the resources of some kinds."""
    return [resource for resource in resources if resource["kind"] in kinds]


def pods(resources: Iterable[Resource]) -> Iterator[Pod]:
    """Yield the pods that resources of Kubernetes itself make. Those of operators are told by `operated`."""
    for resource in resources:
        match resource["kind"]:
            case "Deployment" | "StatefulSet" | "DaemonSet":
                template = resource["spec"]["template"]
            case "Job":
                template = resource["spec"]["template"]
            case "CronJob":
                template = resource["spec"]["jobTemplate"]["spec"]["template"]
            case "Pod":
                template = resource
            case _:
                continue
        yield Pod(
            resource["metadata"]["name"],
            resource,
            template["metadata"].get("labels", {}),
            template["spec"],
            resource["kind"] not in {"Job", "CronJob"},
        )


def operated(resources: Iterable[Resource]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield name and labels of the pods that Strimzi and CloudNativePG make of their resources."""
    for resource in resources:
        name = resource["metadata"]["name"]
        match resource["kind"]:
            case "KafkaNodePool":
                labels = resource["metadata"]["labels"]
                broker = str("broker" in resource["spec"]["roles"]).lower()
                yield name, {**labels, "strimzi.io/pool-name": name, "strimzi.io/broker-role": broker}
            case "Kafka":
                yield f"{name}-entity-operator", {"strimzi.io/cluster": name, "strimzi.io/kind": "Kafka"}
            case "Cluster":
                yield name, {"cnpg.io/cluster": name, "cnpg.io/podRole": "instance"}


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Say whether a selector by labels takes these. An empty one takes everything."""
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        _matches(expression, labels) for expression in selector.get("matchExpressions", [])
    )


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", [])
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
