"""What of the Kubernetes resources can be proven without a cluster, and what cannot."""

import asyncio
import os
import shutil
from pathlib import Path

from pcare_kubernetes.generate import OVERLAYS
from pcare_kubernetes.pods import pods
from pcare_kubernetes.rendering import builder, render
from pcare_kubernetes.validating import named
from proof_deploy.kubernetes_api import Api, Resource, programs, running_api
from proof_deploy.step import Step, by_tests
from proof_provider.checks import Checks

AREA = "Kubernetes"
CONTEXT = "PCARE_KUBERNETES_CONTEXT"
IN_A_CLUSTER = (
    ("condition=Ready", "kafkas.kafka.strimzi.io/pcare"),
    ("condition=Ready", "kafkatopics.kafka.strimzi.io --all"),
    ("condition=Ready", "kafkausers.kafka.strimzi.io --all"),
    ("condition=Ready", "certificates.cert-manager.io --all"),
    ("condition=Ready", "clusters.postgresql.cnpg.io/postgres"),
    ("condition=Complete", "jobs.batch/migrate"),
    ("condition=Available", "deployments.apps --all"),
)
FIRST = ("Namespace", "ServiceAccount")
"""What has to be there before others are taken."""


def _lacks_kustomize() -> str | None:
    return None if builder() else "kustomize 5 is not installed: make test-tools"


def _lacks_an_api_server() -> str | None:
    if programs() is None:
        return "no kube-apiserver and etcd: tests/build_kubernetes_api builds them, or KUBEBUILDER_ASSETS names them"
    missing = [program for program in ("go", "mvn", "java") if shutil.which(program) is None]
    if missing:
        return f"the operators' definitions are fetched with {', '.join(missing)}, which is not installed"
    return _lacks_kustomize()


def _lacks_a_cluster() -> str | None:
    if os.environ.get(CONTEXT) and shutil.which("kubectl"):
        return None
    return (
        "no cluster: nothing was scheduled, no policy held anything back and no operator made a topic, a login or a "
        f"backup. Where one runs the system, {CONTEXT} names its context"
    )


async def _offered_to_a_server(checks: Checks, directory: Path) -> None:
    async with running_api(directory) as api:
        checks.that("the operators' definitions are taken", await api.define() > 0)
        for overlay in ("local", "production"):
            resources = render(OVERLAYS / overlay)
            for resource in sorted(resources, key=lambda one: one["kind"] not in FIRST):
                kept = resource["kind"] in FIRST and overlay == "local"
                if resource["kind"] not in FIRST or kept:
                    refused = await api.refusal(resource, keep=kept)
                    checks.that(f"{overlay}: {named(resource)} is taken", not refused, refused)
            for pod in pods(resources):
                refused = await api.refusal(_alone(pod.name, pod.labels, pod.spec))
                checks.that(f"{overlay}: a pod {pod.name} keeps to the `restricted` standard", not refused, refused)
        await _refusals(checks, api, render(OVERLAYS / "production"))


async def _refusals(checks: Checks, api: Api, resources: list[dict[str, object]]) -> None:
    """Show that the server does look: what is wrong is refused, by each of the ways in which it can be."""
    by_name: dict[str, Resource] = {named(one): one for one in resources}
    for words, name, changed in (
        ("a field that nobody knows", "Deployment recorder", {"replica": 2}),
        ("a number that is too small", "Cluster postgres", {"instances": 0}),
        ("an unknown way to log in", "KafkaUser recorder", {"authentication": {"type": "plain"}}),
    ):
        wrong = {**by_name[name], "spec": {**by_name[name]["spec"], **changed}}
        checks.that(f"{words} is refused ({name})", await api.refusal(wrong) != "")
    recorder = next(pod for pod in pods(resources) if pod.name == "recorder")
    for words, changed in (("of root", {"runAsUser": 0}), ("that may be root", {"runAsNonRoot": False})):
        spec = {**recorder.spec, "securityContext": {**recorder.spec["securityContext"], **changed}}
        refused = await api.refusal(_alone("recorder", recorder.labels, spec))
        checks.that(f"a pod {words} is refused", "restricted" in refused, refused)


def _alone(name: str, labels: object, spec: object) -> Resource:
    metadata = {"name": name, "namespace": "pcare", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


async def _in_a_cluster(checks: Checks, _directory: Path) -> None:
    """Ask a cluster that runs the system for what has to be so; changes nothing there."""
    for condition, what in IN_A_CLUSTER:
        asked = ["kubectl", "--context", os.environ[CONTEXT], "--namespace", "pcare", "wait", "--timeout=300s"]
        process = await asyncio.create_subprocess_exec(
            *asked,
            f"--for={condition}",
            *what.split(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await process.communicate()
        checks.that(f"{what}: {condition}", process.returncode == 0, told.decode(errors="replace").strip())


STEPS: tuple[Step, ...] = (
    by_tests(
        AREA,
        "topics, users and rights of Strimzi are those of deploy/kafka, the rules those of deploy/prometheus",
        "deploy/kubernetes/tests",
    ),
    by_tests(
        AREA,
        "both overlays hold against the schemas of the pinned versions and against the policy; each check can fail",
        "tests/test_kubernetes.py",
        lacks=_lacks_kustomize,
    ),
    by_tests(
        AREA,
        "the services take the settings that the overlays give them, and the migrations need no role that is not there",
        "tests/test_kubernetes_settings.py",
        "tests/test_kubernetes_postgres.py",
        lacks=_lacks_kustomize,
    ),
    Step(
        AREA,
        "a real API server with the operators' definitions takes every resource, and every pod as `restricted`",
        _offered_to_a_server,
        _lacks_an_api_server,
        seconds=900.0,
    ),
    Step(
        AREA,
        "in a cluster: topics, users, certificates and database are made, and every service makes progress",
        _in_a_cluster,
        _lacks_a_cluster,
        seconds=3600.0,
    ),
)
