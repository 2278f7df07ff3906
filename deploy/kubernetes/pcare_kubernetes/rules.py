"""Prometheus' rules as a resource of its operator, from deploy/prometheus. Pure."""

from collections.abc import Mapping
from typing import Any

LABELS = {"app.kubernetes.io/part-of": "pcare"}


def prometheus_rule(name: str, rules: Mapping[str, Any], every: str) -> dict[str, Any]:
    """Return a PrometheusRule of one file of rules; groups that say nothing else are evaluated `every` so often.

    The operator's Prometheus has a default of its own, and the rules of the KPIs need to be evaluated as often as here.
    """
    groups = [{"interval": every, **group} for group in rules["groups"]]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": f"pcare-{name.replace('_', '-')}", "labels": LABELS},
        "spec": {"groups": groups},
    }
