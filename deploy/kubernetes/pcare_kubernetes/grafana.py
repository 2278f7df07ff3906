"""Grafana's dashboards and data sources as ConfigMaps that its sidecar looks for, by kustomize. Pure."""

from collections.abc import Sequence
from typing import Any

FOLDER = "Personalised Care Recorder"
DATA_SOURCES = "provisioning/datasources/pcare.yml"


def kustomization(dashboards: Sequence[str]) -> dict[str, Any]:
    """Return what makes a ConfigMap of each dashboard, named by its file, and one of the data sources."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "generatorOptions": {"disableNameSuffixHash": True},
        "configMapGenerator": [
            *map(_dashboard, dashboards),
            {
                "name": "grafana-data-sources",
                "files": [DATA_SOURCES],
                "options": {"labels": {"grafana_datasource": "1"}},
            },
        ],
    }


def _dashboard(file: str) -> dict[str, Any]:
    return {
        "name": f"dashboard-{file.removesuffix('.json')}",
        "files": [f"dashboards/{file}"],
        "options": {"labels": {"grafana_dashboard": "1"}, "annotations": {"grafana_folder": FOLDER}},
    }
