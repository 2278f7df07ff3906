"""What a field may hold, in words, read from its JSON Schema."""

from collections.abc import Mapping
from typing import Any

from pcare_schemas.fields import CODE_PATTERN, DAY_PATTERN, INSTANT_PATTERN, REF_PATTERN

_PATTERNS = {
    INSTANT_PATTERN: "RFC 3339 with an offset",
    DAY_PATTERN: "day, `2024-03-31`",
    REF_PATTERN: "1 to 64 of `A-Z a-z 0-9 . _ : -`",
    CODE_PATTERN: "code",
    r"^[!#$&-;=?-Z_a-z~]{1,200}$": "URI of the provider register",
    r"^U[0-9]{5}$": "`U` and 5 digits",
    r"^[A-Z0-9]{3,8}$": "ODS code",
    r"^([A-Z0-9]{3,8}|[a-z0-9]+(-[a-z0-9]+)*)$": "ODS code or register slug",
    r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$": "W3C `traceparent`",
    r"^(http://snomed\.info/sct/[0-9]{6,18}/version/)?[0-9]{8}$": "`20240410`, or the edition's URI ending so",
}


def words(schema: Mapping[str, Any]) -> str:
    """Return what the field may hold; a field that may be null reads as what it is otherwise."""
    if "x-code-list" in schema:
        several = "codes" if "items" in schema else "code"
        return f"{several} of [{schema['x-code-list']}](#{schema['x-code-list']})"
    if "anyOf" in schema:
        return " or ".join(words(choice) for choice in schema["anyOf"] if choice.get("type") != "null")
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if "pattern" in schema:
        return _PATTERNS.get(schema["pattern"], f"text matching `{schema['pattern']}`")
    return _of_type(schema)


def _of_type(schema: Mapping[str, Any]) -> str:
    if schema["type"] == "array":
        many = "one or more of" if schema.get("minItems") else "any of"
        return f"array, {many}: {words(schema['items'])}"
    if schema["type"] in {"integer", "number"}:
        whole = "whole number" if schema["type"] == "integer" else "number"
        return f"{whole}, {schema['minimum']} to {schema['maximum']}"
    return "`true` or `false`" if schema["type"] == "boolean" else str(schema["type"])
