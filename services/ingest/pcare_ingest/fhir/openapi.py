"""POST /fhir and GET /fhir/metadata in the OpenAPI document."""

from typing import Any, Final

from pcare_ingest.fhir import capability, examples
from pcare_ingest.fhir.bundle import TYPES
from pcare_ingest.fhir.limits import MAX_BYTES, MAX_ENTRIES, MAX_RESOURCE_BYTES
from pcare_ingest.fhir.mapping import built_in
from pcare_ingest.fhir.outcomes import MEDIA_TYPE

_MEANINGS: Final = {
    200: "A batch, a collection or a transaction, with one response an entry; or a resource that took events back.",
    201: "The resource was recorded as an event. Location is the address of its receipt.",
    400: "Not JSON, not a FHIR resource, or not a Bundle that is taken here.",
    401: "Who calls is not known.",
    403: "The caller may not speak for the organisation that the resource names.",
    408: "The body did not come in time. Nothing was stored; send it again.",
    413: "Too large, the whole or one resource of it. Nothing was stored; send less at once.",
    415: "The content type or encoding is not taken here.",
    422: "Refused: each issue says what is wrong, and `expression` where. Of a transaction, nothing was recorded.",
    429: "Sent faster than the caller may send: wait as Retry-After says.",
    500: "A fault of ours. Send it again: repeating is safe.",
    503: "Not known to be safe: wait as Retry-After says and send all of it again.",
}
_BUNDLE: Final = "FhirBundle"
_OUTCOME: Final = "OperationOutcome"


def paths() -> dict[str, Any]:
    """Return the paths of the FHIR API."""
    return {
        "/fhir": {"post": _post()},
        "/fhir/metadata": {
            "get": {
                "operationId": "fhirMetadata",
                "summary": "What the FHIR server does: a CapabilityStatement",
                "tags": ["fhir"],
                "responses": {
                    "200": {
                        "description": "The CapabilityStatement",
                        "content": {
                            MEDIA_TYPE: {"schema": {"type": "object"}, "example": capability.document(built_in())}
                        },
                    }
                },
            }
        },
    }


def schemas() -> dict[str, Any]:
    """Return the schemas that `paths` refers to."""
    issue = {
        "type": "object",
        "properties": {
            "severity": {"enum": ["error", "information"]},
            "code": {"type": "string"},
            "details": {"type": "object", "description": "`text`, and in `coding` the reason code that /events gives"},
            "expression": {"type": "array", "items": {"type": "string"}, "description": "Where: a FHIRPath"},
        },
        "required": ["severity", "code", "details"],
    }
    response = {
        "type": "object",
        "properties": {
            "status": {"type": "string"},
            "location": {"type": "string"},
            "outcome": {"$ref": f"#/components/schemas/{_OUTCOME}"},
        },
        "required": ["status"],
    }
    return {
        _OUTCOME: {
            "type": "object",
            "properties": {
                "resourceType": {"const": _OUTCOME},
                "issue": {"type": "array", "minItems": 1, "items": issue},
            },
            "required": ["resourceType", "issue"],
        },
        _BUNDLE: {
            "type": "object",
            "properties": {
                "resourceType": {"const": "Bundle"},
                "type": {"enum": ["transaction-response", "batch-response"]},
                "entry": {"type": "array", "items": {"type": "object", "properties": {"response": response}}},
            },
            "required": ["resourceType", "type", "entry"],
        },
    }


def _post() -> dict[str, Any]:
    types = [*built_in().resources, "Bundle"]
    return {
        "operationId": "sendFhir",
        "summary": "Send a FHIR R4 resource, or a Bundle",
        "description": (
            f"UK Core resources in FHIR R4: one by itself, or a Bundle ({', '.join(TYPES)}) of at most "
            f"{MAX_ENTRIES} entries and {MAX_BYTES} bytes. A resource has at most {MAX_RESOURCE_BYTES} bytes. "
            "They become events as POST /events takes them, and are checked as these are. "
            "A single resource may go to /fhir/{type} as well. "
            "`Prefer: return=minimal` leaves out what is said of what went well."
        ),
        "tags": ["fhir"],
        "requestBody": {
            "required": True,
            "content": {
                MEDIA_TYPE: {
                    "schema": {
                        "type": "object",
                        "properties": {"resourceType": {"enum": types}},
                        "required": ["resourceType"],
                    },
                    "examples": {name: {"value": value} for name, value in examples.load().items()},
                }
            },
        },
        "responses": {str(status): _answer(status) for status in _MEANINGS},
    }


def _answer(status: int) -> dict[str, Any]:
    outcome = {"$ref": f"#/components/schemas/{_OUTCOME}"}
    schema: dict[str, Any] = (
        {"anyOf": [{"$ref": f"#/components/schemas/{_BUNDLE}"}, outcome]} if status == 200 else outcome
    )
    answer: dict[str, Any] = {"description": _MEANINGS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
    names = {201: ("Location",), 429: ("Retry-After",), 503: ("Retry-After",)}.get(status, ())
    if names:
        answer["headers"] = {name: {"schema": {"type": "string"}} for name in names}
    return answer
