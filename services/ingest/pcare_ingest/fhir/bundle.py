"""A request's resources, and how they refer to each other: a Bundle, or one resource by itself.

Whatever is looked at here is looked at once: a request may refer tens of thousands of times to the same thing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pcare_ingest.fhir.issues import Code, Issue, UnfitError
from pcare_ingest.fhir.limits import MAX_REFERENCE
from pcare_ingest.fhir.paths import Node
from pcare_ingest.fhir.reading import is_type

TRANSACTION: Final = "transaction"
BATCH: Final = "batch"
COLLECTION: Final = "collection"
TYPES: Final = (TRANSACTION, BATCH, COLLECTION)
_REST = re.compile(
    r"(?:(?P<base>https?://[^\s#]*)/)?(?P<name>[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})(?:/_history/[^/\s#]*)?"
)


@dataclass(frozen=True, slots=True)
class Held:
    """A resource of the request. `entry` is its place in the Bundle; `within` what contains it, if anything does.

    `base` is what relative references in it are relative to, `contained` what it contains, by id.
    """

    node: Node
    entry: int | None = None
    full_url: str | None = None
    within: "Held | None" = None
    base: str | None = None
    contained: Mapping[str, Node] = field(default_factory=dict, repr=False)

    @property
    def type(self) -> str:
        """The type of the resource."""
        return str(self.node.value["resourceType"])


@dataclass(slots=True)
class Known:
    """The resources that a reference may lead to."""

    _by_url: dict[str, Held] = field(default_factory=dict)
    _by_name: dict[str, Held] = field(default_factory=dict)

    def add(self, held: Held) -> None:
        """Let references lead to `held`. The first of several under one name stays."""
        if held.full_url is not None:
            self._by_url.setdefault(held.full_url, held)
        identity = held.node.value.get("id")
        if isinstance(identity, str):
            self._by_name.setdefault(f"{held.type}/{identity}", held)

    def resolve(self, reference: Any, by: Held) -> Held | None:
        """Return what a reference's text leads to from `by`: contained, in the Bundle, or None: elsewhere."""
        if not isinstance(reference, str):
            return None
        if reference.startswith("#"):
            return _contained(reference[1:], by.within or by)
        if reference in self._by_url:
            return self._by_url[reference]
        found = _REST.fullmatch(reference)
        if found is None:
            return None
        base = found["base"] or by.base
        if base and (held := self._by_url.get(f"{base}/{found['name']}")):
            return held
        return None if found["base"] else self._by_name.get(found["name"])


def resource_of(value: Any, at: str | None, entry: int | None = None, full_url: Any = None) -> Held:
    """Return a resource as it is held. Raises UnfitError if this is none, or its fullUrl is too long."""
    node = _resource(value, at)
    if not isinstance(full_url, str):
        return Held(node, entry, contained=_by_id(node))
    if len(full_url) > MAX_REFERENCE:
        text = f"A fullUrl has at most {MAX_REFERENCE} characters."
        raise UnfitError(Issue(Code.too_long, text, None if entry is None else f"Bundle.entry[{entry}].fullUrl"))
    own = _REST.fullmatch(full_url)
    return Held(node, entry, full_url, base=own["base"] if own else None, contained=_by_id(node))


def check_references(held: Held) -> None:
    """Raise UnfitError if a reference in a resource, or in what it contains, is too long to be followed."""
    if any(len(text) > MAX_REFERENCE for text in references(held.node.value)):
        raise UnfitError(Issue(Code.too_long, f"A reference has at most {MAX_REFERENCE} characters.", held.node.at))


def _resource(value: Any, at: str | None) -> Node:
    kind = value.get("resourceType") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not re.fullmatch("[A-Z][A-Za-z]{1,63}", kind):
        text = "This is no FHIR resource: send a JSON object with a `resourceType`."
        raise UnfitError(Issue(Code.structure, text, at, "not_json", 400))
    if not is_type(kind):
        raise UnfitError(Issue(Code.not_supported, "R4 has no type of resource of this name.", at))
    return Node(value, at or kind)


def references(value: Any) -> Iterator[str]:
    """Yield the texts of all references in plain JSON."""
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            if isinstance(current.get("reference"), str):
                yield current["reference"]
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)


def _by_id(held: Node) -> dict[str, Node]:
    """Return what a resource contains by id. The first of several under one id stays."""
    found: dict[str, Node] = {}
    for node in held.child("contained"):
        name = node.value.get("id") if isinstance(node.value, dict) else None
        if isinstance(name, str) and name:
            found.setdefault(name, node)
    return found


def _contained(name: str, by: Held) -> Held | None:
    node = by.contained.get(name)
    if node is None:
        return None
    try:
        return Held(_resource(node.value, node.at), by.entry, None, by)
    except UnfitError:
        return None
