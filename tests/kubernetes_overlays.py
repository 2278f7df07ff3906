"""The overlays of deploy/kubernetes as kustomize builds them, each once a run."""

import copy
import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from pcare_kubernetes.generate import OVERLAYS
from pcare_kubernetes.rendering import builder, render
from tools import REQUIRE

NAMES = ("local", "production")
Resources = list[dict[str, Any]]
Place = tuple[str | int, ...]


def built(name: str) -> Resources:
    """Return the resources of an overlay, to be changed at will. Skips where kustomize is missing, or fails in CI."""
    if builder() is None:
        reason = "kustomize 5 is not installed: `make test-tools`"
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(f"{reason} ({REQUIRE}=1)", pytrace=False)
        pytest.skip(reason)
    return copy.deepcopy(_built(name))


@cache
def _built(name: str) -> Resources:
    return render(OVERLAYS / name)


def one(resources: Resources, kind: str, name: str) -> dict[str, Any]:
    """Return the one resource of this kind and name."""
    (found,) = [each for each in resources if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def changed(kind: str, name: str, change: Callable[[Any], object], *place: str | int) -> Callable[[Resources], None]:
    """Return what changes one place of one resource."""

    def apply(resources: Resources) -> None:
        value: Any = one(resources, kind, name)
        for step in place:
            value = value[step]
        change(value)

    return apply


def without(kind: str, name: str) -> Callable[[Resources], None]:
    """Return what takes one resource away."""
    return lambda resources: resources.remove(one(resources, kind, name))


def mappings(value: object, place: Place = ()) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield every mapping in a value with its place."""
    if isinstance(value, dict):
        yield place, value
        for key, inner in value.items():
            yield from mappings(inner, (*place, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from mappings(inner, (*place, number))
