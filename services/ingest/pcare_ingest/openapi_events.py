"""The kinds of event in the OpenAPI document: the contract, and what else the service knows when it starts.

The contract's schemas leave the code lists to data that changes without it. The document is made anew with each start,
so it can name the codes: what it lets through and the service refuses is left to the register, the clock and the
check digit.
"""

from collections.abc import Mapping
from typing import Any

from pcare_schemas import json_schemas
from pcare_schemas.code_lists import CodeList
from pcare_schemas.envelope import Event
from pcare_schemas.fields import DAY_PATTERN, INSTANT_PATTERN
from pcare_schemas.kinds import KINDS
from pcare_schemas.rules import Rules

_NHS_NUMBER_SUBJECT = {
    "type": "string",
    "pattern": "^nhs-number:[0-9]{10}$",
    "description": "The person by NHS number: over HTTP only, and replaced by the pseudonym before it is stored",
}

_NARROWED = {
    INSTANT_PATTERN: INSTANT_PATTERN.replace("[0-9]{4}", "20(1[4-9]|[2-9][0-9])", 1),
    DAY_PATTERN: DAY_PATTERN.replace("[0-9]{4}", "20[0-9]{2}", 1),
}
"""An event is of 2015 or later, whose first hours are of 2014 in offsets behind UTC; a day is one of 2000 to 2099."""


def schemas() -> dict[str, Any]:
    """Return the schema of every kind as HTTP takes it, by name."""
    rules = Rules.load()
    return {name: _over_http(name, kind, rules) for name, kind in KINDS.items()}


def _over_http(name: str, kind: type[Event], rules: Rules) -> dict[str, Any]:
    schema = {key: value for key, value in json_schemas.of_kind(kind).items() if not key.startswith("$")}
    properties = _narrowed(schema["properties"])
    properties["subject"] = _subject(kind, properties["subject"], rules)
    fields = properties["data"]["properties"]
    coded = {field: _one_of(codes, fields[field]) for field, codes in rules.code_fields[name]}
    properties["data"] = {**properties["data"], "properties": {**fields, **coded}}
    return {"title": name, **schema, "properties": properties}


def _subject(kind: type[Event], schema: Mapping[str, Any], rules: Rules) -> Mapping[str, Any]:
    """Let a person be named by NHS number, and name the commissioners."""
    if kind.SUBJECT in {"person", "any"}:
        return {"anyOf": [_NHS_NUMBER_SUBJECT, schema]}
    if kind.SUBJECT == "commissioner":
        return {**schema, "enum": [f"commissioner:{code}" for code in rules.lists["commissioners"].codes]}
    return schema


def _narrowed(node: Any) -> Any:
    if isinstance(node, list):
        return [_narrowed(item) for item in node]
    if isinstance(node, dict):
        return {name: _narrowed(value) for name, value in node.items()}
    return _NARROWED.get(node, node) if isinstance(node, str) else node


def _one_of(codes: CodeList, field: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a coded field with its codes named. Which of them hold depends on the event's day."""
    if "items" in field:
        return {**field, "items": {**field["items"], "enum": [int(code) for code in codes.codes]}}
    if "anyOf" not in field:
        return {**field, "enum": list(codes.codes)}
    code, null = field["anyOf"]
    return {**field, "anyOf": [{**code, "enum": list(codes.codes)}, null] if codes.codes else [null]}
