"""The OpenAPI document, made from the models and from what the service really answers."""

from typing import Any, Final

from pcare_ingest import openapi_answers, openapi_credentials, openapi_events
from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES
from pcare_ingest.media_types import Form
from pcare_schemas.examples import VALID
from pcare_schemas.kinds import KINDS, TYPES

EXAMPLE_NHS_NUMBER: Final = "9990000018"
"""Of the range set aside for tests: nobody has it."""

_DESCRIPTION = f"""\
Send an event when something happened to a person, not in a nightly export. A person is named by NHS number
(`nhs-number:{EXAMPLE_NHS_NUMBER}`, which is replaced by a pseudonym here and goes no further) or by pseudonym.

* **202 means safe**: every in-sync replica has the event.
* **Sending again with the same `id` is always safe**, and is the right thing to do after a timeout or a 503.
* One event has at most {MAX_EVENT_BYTES} bytes; a batch at most {MAX_BATCH_EVENTS} events and {MAX_BATCH_BYTES} bytes.
* A whole number is written without a decimal point: `2`, not `2.0`.
* What is refused is refused with a reason code and the place in the event; other events of the batch are not touched.

All examples are made up and can be sent as they are.
"""


def document(*, credentials: bool = False) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document. `credentials`: whether this service asks for them."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Personalised Care Recorder: send events",
            "version": "1",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/events": {"post": _post_events()},
            **(openapi_credentials.paths() if credentials else {}),
            "/health/live": {"get": _probe("Whether the process turns", "live")},
            "/health/ready": {"get": _probe("Whether events can be accepted now, and if not, why", "ready")},
            "/metrics": {"get": _metrics()},
        },
        **({"security": openapi_credentials.SECURITY} if credentials else {}),
        "components": {
            "schemas": {
                **openapi_events.schemas(),
                **openapi_answers.schemas(),
                **(openapi_credentials.schemas() if credentials else {}),
            },
            "securitySchemes": openapi_credentials.schemes(),
        },
    }


def examples() -> dict[str, dict[str, Any]]:
    """Return one event of every kind, and one that names its person by NHS number, by a name for the page."""
    referral = VALID["sp-referral"]
    by_number = {
        "specversion": "1.0",
        "id": "first-event-0001",
        "source": referral["source"],
        "type": referral["type"],
        "subject": f"nhs-number:{EXAMPLE_NHS_NUMBER}",
        "time": referral["time"],
        "data": {name: referral["data"][name] for name in ("borough", "referral_ref", "referrer", "reasons")},
    }
    return {"sp-referral-by-nhs-number": by_number, **VALID}


def _post_events() -> dict[str, Any]:
    return {
        "operationId": "sendEvents",
        "summary": "Send one event, or a batch",
        "description": "Answers when every event has its verdict. See the statuses below for what to do next.",
        "tags": ["events"],
        "requestBody": {
            "required": True,
            "content": {
                Form.SINGLE.value: {
                    "schema": {
                        "oneOf": [_reference(name) for name in KINDS],
                        "discriminator": {
                            "propertyName": "type",
                            "mapping": {
                                event_type: _reference(kind.KIND)["$ref"] for event_type, kind in TYPES.items()
                            },
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
            },
        },
        "responses": openapi_answers.responses(),
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _probe(summary: str, name: str) -> dict[str, Any]:
    def answer(description: str, status: str, reasons: list[str]) -> dict[str, Any]:
        example = {"status": status, "reasons": reasons}
        schema = {"$ref": "#/components/schemas/Health"}
        return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}}

    return {
        "operationId": f"health_{name}",
        "security": [],
        "summary": summary,
        "tags": ["operation"],
        "responses": {
            "200": answer("Yes", "ok", []),
            "503": answer("No, with the reasons in words", "unavailable", ["Kafka has not been reached yet"]),
        },
    }


def _metrics() -> dict[str, Any]:
    return {
        "operationId": "metrics",
        "security": [],
        "summary": "Prometheus metrics",
        "tags": ["operation"],
        "responses": {"200": {"description": "The text format of Prometheus", "content": {"text/plain": {}}}},
    }
