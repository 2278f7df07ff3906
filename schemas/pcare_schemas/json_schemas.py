"""The contract as JSON Schema, made from the models."""

import hashlib
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from pcare_schemas.envelope import Event, Payload, schema_of, type_of
from pcare_schemas.kinds import KINDS
from pcare_schemas.rejections import REJECTION_SOURCE, REJECTION_TYPE, Reason

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The dialect that AsyncAPI 3 and every validator knows."""

_ORIGIN = {
    "type": "string",
    "pattern": r"^[a-zA-Z0-9._-]{1,249}/[0-9]{1,10}/[0-9]{1,19}$",
    "description": "Where the submitted record stood: topic/partition/offset",
}
_RULES_VERSION = {"type": "string", "pattern": "^[0-9]+-[0-9a-f]{12}$", "description": "The rules it was judged by"}
_INSTANT = {"type": "string", "format": "date-time"}


def of_kind(kind: type[Event]) -> dict[str, Any]:
    """Return the schema of a submitted event of one kind, whole, without references."""
    schema = _without_references(kind)
    schema["properties"]["data"]["title"] = f"Data of {kind.KIND}"
    _name_code_lists(schema["properties"]["data"], kind.model_fields["data"].annotation)
    return {"$schema": DIALECT, "$id": schema_of(kind.KIND), **schema, "title": kind.KIND}


def of_recorded() -> dict[str, Any]:
    """Return the schema of an event in the log; its `data` is that of its kind."""
    return {
        "$schema": DIALECT,
        "$id": schema_of("recorded"),
        "title": "An event as recorded",
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string"},
            "source": {"type": "string", "format": "uri"},
            "type": {"enum": [type_of(kind) for kind in KINDS]},
            "subject": {
                "type": "string",
                "description": "A person by subject id, person:<uuid>; any other subject as it was sent",
            },
            "time": {**_INSTANT, "description": "In UTC"},
            "recordedtime": {**_INSTANT, "description": "In UTC"},
            "datacontenttype": {"const": "application/json"},
            "dataschema": {"type": "string"},
            "traceparent": {"type": "string"},
            "recordedat": {**_INSTANT, "description": "The broker's timestamp of the submitted record, in UTC"},
            "origin": _ORIGIN,
            "rulesversion": _RULES_VERSION,
            "data": {"type": "object", "description": "As submitted, defaults written out, what is absent left out"},
        },
        "required": [
            *("specversion", "id", "source", "type", "subject", "time", "datacontenttype"),
            *("recordedat", "origin", "rulesversion", "data"),
        ],
        "additionalProperties": False,
    }


def of_rejection() -> dict[str, Any]:
    """Return the schema of a rejection; its `data` holds the problem document that HTTP answers with."""
    error = _whole(
        {
            "pointer": {"type": "string", "description": "JSON Pointer to what is wrong; empty for the whole"},
            "message": {"type": "string", "description": "What is wrong; never repeats what was sent"},
            "expected": {"type": ["string", "null"]},
        }
    )
    fields = {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "description": "The HTTP status that the edge answers with"},
        "detail": {"type": "string", "description": "What to do next"},
        "reason": {"enum": [str(reason) for reason in Reason]},
        "errors": {"type": "array", "items": error},
        "event_source": {"type": ["string", "null"], "description": "The source claimed, if it can be shown"},
        "event_id": {"type": ["string", "null"], "description": "The id claimed, if it can be shown"},
        "evidence": {"type": ["string", "null"], "contentEncoding": "base64", "description": "The bytes, if kept"},
        "redacted": {"type": "boolean", "description": "Whether digits of the evidence are masked"},
        "size": {"type": "integer", "minimum": 0, "description": "Bytes received"},
        "sha256": {"type": ["string", "null"], "description": "Of the bytes, where they are too many to keep"},
    }
    properties = {
        "specversion": {"const": "1.0"},
        "id": _ORIGIN,
        "source": {"const": REJECTION_SOURCE},
        "type": {"const": REJECTION_TYPE},
        "subject": _ORIGIN,
        "time": {**_INSTANT, "description": "The broker's timestamp of the submitted record"},
        "datacontenttype": {"const": "application/json"},
        "origin": _ORIGIN,
        "rulesversion": _RULES_VERSION,
        "data": _whole(fields),
    }
    return {
        "$schema": DIALECT,
        "$id": schema_of("rejection"),
        "title": "A rejection",
        **_whole(properties),
    }


def _whole(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def contract_digest() -> str:
    """Return the SHA-256, in hex, of what the schemas of all kinds demand, leaving out their words."""
    demands = {name: _without_words(of_kind(kind)) for name, kind in KINDS.items()}
    return hashlib.sha256(orjson.dumps(demands, option=orjson.OPT_SORT_KEYS)).hexdigest()


class _NoFieldTitles(GenerateJsonSchema):
    """A field's title would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def _without_references(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(mode="validation", schema_generator=_NoFieldTitles)
    definitions = schema.pop("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if reference is not None:
            beside = {name: value for name, value in node.items() if name != "$ref"}
            return inline({**definitions[reference.rpartition("/")[2]], **beside})
        return {name: inline(value) for name, value in node.items()}

    inlined: dict[str, Any] = inline(schema)
    return inlined


def _name_code_lists(schema: dict[str, Any], payload: Any) -> None:
    if isinstance(payload, type) and issubclass(payload, Payload):
        for field, code_list in payload.CODE_FIELDS.items():
            schema["properties"][field]["x-code-list"] = code_list


def _without_words(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_words(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _without_words(value)
        for name, value in node.items()
        if not (name in {"title", "description"} and isinstance(value, str))
    }
