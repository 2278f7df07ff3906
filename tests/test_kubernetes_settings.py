"""What the overlays tell the services are settings that there are, and the services take them."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from certificates import self_signed
from kubernetes_overlays import NAMES, Resources, built
from pcare_cli.sealing.settings import SealSettings
from pcare_cli.watch.settings import WatchSettings
from pcare_ingest.settings import IngestSettings
from pcare_kpi_aggregator.settings import AggregatorSettings
from pcare_kubernetes.pods import Pod, of_kind, pods
from pcare_kubernetes.secrets import make
from pcare_recorder.settings import MigrationSettings, RecorderSettings

ROOT = Path(__file__).parents[1]
SETTINGS: dict[str, type[BaseSettings]] = {
    "ingest": IngestSettings,
    "recorder": RecorderSettings,
    "kpi-aggregator": AggregatorSettings,
    "migrate": MigrationSettings,
    "watch": WatchSettings,
    "sealer": SealSettings,
}


def environment(pod: Pod, resources: Resources) -> dict[str, str]:
    """The variables of a pod's container."""
    (container,) = pod.spec["containers"]
    given: dict[str, str] = {}
    for source in container.get("envFrom", []):
        (map_,) = [
            one for one in of_kind(resources, "ConfigMap") if one["metadata"]["name"] == source["configMapRef"]["name"]
        ]
        given |= map_["data"]
    return given | {variable["name"]: variable["value"] for variable in container.get("env", [])}


def files(pod: Pod) -> dict[str, tuple[str, str]]:
    """Where a pod's Secrets are mounted: path, to the Secret's name and key."""
    (container,) = pod.spec["containers"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    found = {}
    for volume in pod.spec["volumes"]:
        whole = volume.get("secret", {}).get("secretName")
        for key in {"ingest-keys": ("pseudonym", "token")}.get(whole, ("tls.crt", "tls.key") if whole else ()):
            found[f"{mounted[volume['name']]}/{key}"] = whole, key
        for source in volume.get("projected", {}).get("sources", []):
            for item in source["secret"]["items"]:
                found[f"{mounted[volume['name']]}/{item['path']}"] = source["secret"]["name"], item["key"]
    return found


def _named(pod: Pod) -> set[str]:
    """The settings that a pod is given as files."""
    return {Path(path).name for path in files(pod) if Path(path).name.startswith("PCARE_")}


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_is_a_setting(name):
    """A misspelt one would be ignored, and its default hold."""
    known = set(re.findall(r"PCARE_[A-Z_]+", (ROOT / "docs" / "settings.md").read_text()))
    resources = built(name)
    unknown = {pod.name: sorted({*environment(pod, resources), *_named(pod)} - known) for pod in pods(resources)}
    assert {pod: names for pod, names in unknown.items() if names} == {}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_takes_what_it_is_told(name, service, tmp_path, monkeypatch):
    resources = built(name)
    (pod,) = [one for one in pods(resources) if one.name == service]
    secrets: dict[str, dict[str, Any]] = {
        one["metadata"]["name"]: one["stringData"] for one in make("pcare") if one["kind"] == "Secret"
    }
    certificate, key = self_signed(tmp_path)
    of_authorities = {"tls.crt": certificate, "ca.crt": certificate, "tls.key": key}
    for path, (secret, entry) in files(pod).items():
        file = tmp_path / path.removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        made = secrets.get(secret, {"password": "of Strimzi's making"})
        text = of_authorities[entry].read_text() if entry in of_authorities else made[entry]
        file.write_text(text.replace("=/etc/pcare", f"={tmp_path}/etc/pcare"))
    for variable, value in environment(pod, resources).items():
        monkeypatch.setenv(variable, f"{tmp_path}{value}" if value.startswith("/") else value)
    taken = SETTINGS[service]()
    if service != "migrate":
        assert taken.kafka_sasl_password.get_secret_value() == "of Strimzi's making"
        assert taken.kafka_security_protocol == "SASL_SSL"
    if service != "kpi-aggregator":
        assert "sslmode=verify-full" in taken.postgres_dsn.get_secret_value()
