"""How events are sent, in the OpenAPI document: the forms of a body, and the headers that go with it."""

from typing import Any, Final

from pcare_ingest.limits import MAX_BATCH_EVENTS
from pcare_ingest.media_types import Form
from pcare_schemas.examples import VALID
from pcare_schemas.kinds import KINDS, TYPES

EXAMPLE_NHS_NUMBER: Final = "9990000018"
"""Of the range set aside for tests: nobody has it."""

_ATTRIBUTES: Final = {
    "specversion": "1.0",
    "id": "first-event-0001",
    "source": VALID["sp-referral"]["source"],
    "type": VALID["sp-referral"]["type"],
    "subject": f"nhs-number:{EXAMPLE_NHS_NUMBER}",
    "time": VALID["sp-referral"]["time"],
}


def examples() -> dict[str, dict[str, Any]]:
    """Return one event of every kind, and one that names its person by NHS number, by a name for the page."""
    referral = VALID["sp-referral"]
    data = {name: referral["data"][name] for name in ("borough", "referral_ref", "referrer", "reasons")}
    return {"sp-referral-by-nhs-number": {**_ATTRIBUTES, "data": data}, **VALID}


def body() -> dict[str, Any]:
    """Return the request body that POST /events and POST /events/check take."""
    return {
        "required": True,
        "content": {
            Form.SINGLE.value: {
                "schema": {
                    "oneOf": [_reference(name) for name in KINDS],
                    "discriminator": {
                        "propertyName": "type",
                        "mapping": {event_type: _reference(kind.KIND)["$ref"] for event_type, kind in TYPES.items()},
                    },
                },
                "examples": {name: {"value": event} for name, event in examples().items()},
            },
            Form.BATCH.value: {
                "schema": {
                    "type": "array",
                    "maxItems": MAX_BATCH_EVENTS,
                    "items": {"oneOf": [_reference(name) for name in KINDS]},
                },
                "examples": {
                    "two-events": {"value": [VALID["sdm-conversation"], VALID["care-plan-agreed"]]},
                    "empty": {"value": []},
                },
            },
            Form.BINARY.value: {
                "schema": {
                    "type": "object",
                    "description": "The `data` of one event, whose other attributes are the headers ce-id and so on",
                },
                "examples": {name: {"value": event["data"]} for name, event in VALID.items()},
            },
        },
    }


def parameters() -> list[dict[str, Any]]:
    """Return the headers that the two take."""
    attributes = [
        _header(f"ce-{name}", f"The attribute `{name}` of an event sent as {Form.BINARY.value}", example=example)
        for name, example in _ATTRIBUTES.items()
    ]
    return [
        *attributes,
        _header(
            "Prefer",
            "return=minimal: 204 where nothing is against an event; of a batch, only the verdicts against one",
            example="return=minimal",
        ),
        _header(
            "Content-Encoding",
            "gzip: the body is compressed. The limits are of what it is without",
            example="gzip",
            values=["identity", "gzip"],
        ),
    ]


def _header(name: str, description: str, *, example: str, values: list[str] | None = None) -> dict[str, Any]:
    schema = {"type": "string"} if values is None else {"type": "string", "enum": values}
    return {"name": name, "in": "header", "description": description, "schema": schema, "example": example}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
