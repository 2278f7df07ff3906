"""Makes a small, strict JSON Schema of what Kubernetes says of its kinds. Pure.

Small: without descriptions, defaults, `status` and rules in CEL. Strict: a field that is not in the schema is a
mistake, as `kubectl apply --validate=strict` sees it, and not, as by the definitions, dropped without a word.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = dict[str, Any]

_KEPT = frozenset({
    "type", "required", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
    "minProperties", "maxProperties", "exclusiveMinimum", "exclusiveMaximum", "uniqueItems", "multipleOf",
})  # fmt: skip
_OF_SCHEMAS = ("allOf", "anyOf", "oneOf")
_NUMBER_OR_TEXT: Schema = {"type": ["integer", "string"]}
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_DEFINITIONS = "#/components/schemas/"


def compact(node: Mapping[str, Any], *, closed: bool = True) -> Schema:
    """Return the schema of one value. Not `closed`: part of an `anyOf` and the like, which says nothing of the rest."""
    if "$ref" in node:
        return {"$ref": "#/$defs/" + node["$ref"].removeprefix(_DEFINITIONS)}
    if node.get("x-kubernetes-int-or-string") or node.get("format") == "int-or-string":
        return dict(_NUMBER_OR_TEXT)
    kept: Schema = {key: value for key, value in node.items() if key in _KEPT}
    if node.get("nullable") and isinstance(kept.get("type"), str):
        kept["type"] = [kept["type"], "null"]
    if isinstance(node.get("items"), Mapping):
        kept["items"] = compact(node["items"], closed=closed)
    kept |= _fields(node, closed=closed)
    kept |= {of: [compact(one, closed=False) for one in node[of]] for of in _OF_SCHEMAS if of in node}
    if "not" in node:
        kept["not"] = compact(node["not"], closed=False)
    if list(kept) == ["allOf"] and len(kept["allOf"]) == 1:
        only: Schema = kept["allOf"][0]
        return only
    return kept


def _fields(node: Mapping[str, Any], *, closed: bool) -> Schema:
    kept: Schema = {}
    if "properties" in node:
        kept["properties"] = {name: compact(value, closed=closed) for name, value in node["properties"].items()}
        if closed and not node.get("x-kubernetes-preserve-unknown-fields"):
            kept["additionalProperties"] = False
    if isinstance(node.get("additionalProperties"), Mapping):
        kept["additionalProperties"] = compact(node["additionalProperties"])
    return kept


def of_definition(definition: Mapping[str, Any], version: str) -> Schema:
    """Return the schema of a kind from its custom resource definition."""
    versions = {one["name"]: one for one in definition["spec"]["versions"]}
    whole = compact(versions[version]["schema"]["openAPIV3Schema"])
    return _without_status(whole)


def of_openapi(document: Mapping[str, Any], group: str, version: str, kind: str) -> tuple[Schema, dict[str, Schema]]:
    """Return the schema of a kind from Kubernetes' own OpenAPI, and the definitions that it refers to, by name."""
    described: Mapping[str, Any] = document["components"]["schemas"]
    wanted = {"group": group, "kind": kind, "version": version}
    name = next(
        name for name, schema in described.items() if wanted in schema.get("x-kubernetes-group-version-kind", [])
    )
    used: dict[str, Schema] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in used:
            used[one] = {"type": ["string", "number"]} if one == _QUANTITY else compact(described[one])
            waiting += references(used[one])
    return _without_status(used.pop(name)), {one: schema for one, schema in used.items() if not one.endswith("Status")}


def references(schema: object) -> Iterator[str]:
    """Yield the name of each definition that a schema refers to."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix("#/$defs/")
            else:
                yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def _without_status(schema: Schema) -> Schema:
    schema["properties"].pop("status", None)
    return schema
