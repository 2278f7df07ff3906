"""Holds resources against the schemas of the pinned versions, without a cluster."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from pcare_kubernetes.compact import Schema
from pcare_kubernetes.schemas import DIRECTORY

_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def mistakes(resource: Mapping[str, Any]) -> list[str]:
    """Return what is wrong in a resource, each with its place; empty if it is as the schema of its kind says."""
    kind = f"{resource.get('apiVersion')}/{resource.get('kind')}"
    validator = _validators().get(kind)
    if validator is None:
        return [f"{kind} has no schema here: add it to deploy/kubernetes/schemas/sources.yaml"]
    return [*_told(validator, resource, ""), *_told(_metadata(), resource.get("metadata", {}), "metadata")]


def named(resource: Mapping[str, Any]) -> str:
    """Return how a resource is spoken of."""
    return f"{resource.get('kind')} {resource.get('metadata', {}).get('name')}"


def of_all(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong in any of the resources, each named."""
    return [f"{named(resource)}: {mistake}" for resource in resources for mistake in mistakes(resource)]


def _told(validator: Any, value: object, place: str) -> list[str]:
    return sorted(
        f"{'.'.join(filter(None, [place, *map(str, error.instance_path)]))}: {error.message}"
        for error in validator.iter_errors(value)
    )


@cache
def _files() -> dict[str, Schema]:
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(DIRECTORY.glob("*.json"))}


@cache
def _validators() -> dict[str, Any]:
    return {
        kind: jsonschema_rs.Draft202012Validator({**schema, "$defs": file["$defs"]})
        for file in _files().values()
        for kind, schema in file["kinds"].items()
    }


@cache
def _metadata() -> Any:
    """Return what Kubernetes wants of everybody's metadata; a custom resource's definition says nothing of them."""
    definitions = _files()["kubernetes"]["$defs"]
    return jsonschema_rs.Draft202012Validator({"$ref": f"#/$defs/{_METADATA}", "$defs": definitions})
