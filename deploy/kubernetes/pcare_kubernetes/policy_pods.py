"""What each pod has to hold to, beyond what Kubernetes asks. Pure: each check yields what is wrong, in words."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pcare_kubernetes.pods import Pod, Resource, of_kind, pods, selects

_HOST = ("hostNetwork", "hostPID", "hostIPC")
_SECRET = re.compile(r"PASSWORD|DSN|SECRET_KEY|(?<!INGEST_)TOKEN$|_KEY$")
_FILES = re.compile(r"_FILE$|_TLS_KEY$")
_PROBES = {"startupProbe": "/health/live", "livenessProbe": "/health/live", "readinessProbe": "/health/ready"}


def of_pods(resources: Iterable[Resource]) -> list[str]:
    """Return what any pod does that it must not, and lacks that it must have."""
    resources = list(resources)
    wrong: list[str] = []
    for pod in pods(resources):
        found = [*_of_pod(pod), *_of_volumes(pod)]
        for container in pod.containers:
            found += _of_container(container)
            found += _of_environment(container)
        if pod.runs_on:
            found += [*_of_service(pod), *_of_disruption(pod, resources)]
        wrong += [f"{pod.owner['kind']} {pod.name}: {one}" for one in found]
    return wrong


def _of_pod(pod: Pod) -> Iterator[str]:
    security = pod.spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or security.get("runAsUser", 0) == 0:
        yield "runs as root, or may: runAsNonRoot and a runAsUser other than 0"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "may make every system call: seccompProfile RuntimeDefault"
    if pod.spec.get("automountServiceAccountToken") is not False:
        yield "is given a token of Kubernetes' API: automountServiceAccountToken false"
    if pod.spec.get("serviceAccountName", "default") == "default":
        yield "has no service account of its own"
    if pod.spec.get("enableServiceLinks") is not False:
        yield "is given Services as variables, which may be named like settings: enableServiceLinks false"
    if not 15 <= pod.spec.get("terminationGracePeriodSeconds", 0) <= 120:
        yield "is not given the time that it takes to stop: terminationGracePeriodSeconds"
    for name in _HOST:
        if pod.spec.get(name):
            yield f"shares what is the host's: {name}"


def _of_volumes(pod: Pod) -> Iterator[str]:
    for volume in pod.spec.get("volumes", []):
        if "hostPath" in volume:
            yield f"mounts a directory of the host: {volume['name']}"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"may fill the host's disk: {volume['name']} has no sizeLimit"
        for source in [volume, *volume.get("projected", {}).get("sources", [])]:
            secret = source.get("secret", {})
            name = secret.get("secretName") or secret.get("name", "")
            if name.endswith(("-ca", "-ca-cert")) and [one["key"] for one in secret.get("items", [])] != ["ca.crt"]:
                yield f"is given more of {name} than the authority's certificate"


def _of_container(container: Mapping[str, Any]) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("privileged"):
        yield "is privileged"
    if security.get("allowPrivilegeEscalation") is not False:
        yield "may become more than it is: allowPrivilegeEscalation false"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "may write into its image: readOnlyRootFilesystem"
    capabilities = security.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        yield "has capabilities: drop ALL, and add none"
    for bound, resource in itertools.product(("requests", "limits"), ("cpu", "memory")):
        if not container.get("resources", {}).get(bound, {}).get(resource):
            yield f"has no {bound} of {resource}"
    _, _, tag = container["image"].rpartition("/")[2].partition(":")
    if "@sha256:" not in container["image"] and tag in {"", "latest"}:
        yield f"names no version of its image: {container['image']}"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "takes a port of the host"


def _of_environment(container: Mapping[str, Any]) -> Iterator[str]:
    """Yield what has to be a file: a variable is in every dump of the process and in every crash report."""
    for variable in container.get("env", []):
        name = variable["name"]
        if "secretKeyRef" in variable.get("valueFrom", {}) or (_SECRET.search(name) and not _FILES.search(name)):
            yield f"has a secret in its environment: {name}"
    if any("secretRef" in source for source in container.get("envFrom", [])):
        yield "has a whole Secret in its environment"


def _of_service(pod: Pod) -> Iterator[str]:
    for probe, path in _PROBES.items():
        for container in pod.spec["containers"]:
            asked = container.get(probe, {}).get("httpGet", {})
            if asked.get("path") != path:
                yield f"has no {probe} at {path}"
            elif asked.get("scheme") != "HTTPS":
                yield f"is asked in the clear: {probe}"
    if {one["topologyKey"] for one in pod.spec.get("topologySpreadConstraints", [])} != {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }:
        yield "may have all its copies in one place: topologySpreadConstraints over zones and hosts"
    if pod.owner["spec"].get("strategy", {}).get("type") not in {"RollingUpdate", "Recreate"}:
        yield "does not say how it is updated: strategy"


def _of_disruption(pod: Pod, resources: Iterable[Resource]) -> Iterator[str]:
    budgets = [
        budget
        for budget in of_kind(resources, "PodDisruptionBudget")
        if selects(budget["spec"]["selector"], pod.labels)
    ]
    if not budgets:
        yield "may lose all its copies when hosts are emptied: it has no PodDisruptionBudget"
    if any(budget["spec"].get("maxUnavailable") == 0 for budget in budgets):
        yield "keeps hosts from being emptied: its PodDisruptionBudget allows nothing"
