"""The OpenAPI document, made from the models and from what the service really answers."""

from typing import Any

from pcare_ingest import (
    openapi_answers,
    openapi_credentials,
    openapi_events,
    openapi_pseudonyms,
    openapi_receipts,
    openapi_requests,
)
from pcare_ingest.fhir import openapi as openapi_fhir
from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES

_DESCRIPTION = f"""\
Send an event when something happened to a person, not in a nightly export. A person is named by NHS number
(`nhs-number:{openapi_requests.EXAMPLE_NHS_NUMBER}`, which is replaced by a pseudonym here and goes no further) or by
pseudonym.

* **202 means safe**: every in-sync replica has the event.
* **Sending again with the same `id` is always safe**, and is the right thing to do after a timeout or a 503.
* One event has at most {MAX_EVENT_BYTES} bytes; a batch at most {MAX_BATCH_EVENTS} events and {MAX_BATCH_BYTES} bytes.
* A whole number is written without a decimal point: `2`, not `2.0`.
* **Try first**: `POST /events/check` gives the same verdicts and stores nothing.
* **Location of a 202 leads to the receipt**: accepted, recorded, duplicate, rejected or retracted.
* An event may be sent in structured mode, in binary mode (`ce-` headers) or in a batch; the body may be gzip.
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
            "/events": {
                "post": _send(
                    "sendEvents",
                    "Send one event, or a batch",
                    "Answers when every event has its verdict. See the statuses below for what to do next.",
                    openapi_answers.responses(),
                )
            },
            "/events/check": {
                "post": _send(
                    "checkEvents",
                    "Check one event, or a batch, and store nothing",
                    "All checks of the edge, and the same answers; what is good is called valid. What needs the record "
                    "(an id used twice, what a retraction takes back) is not checked here.",
                    openapi_answers.check_responses(),
                )
            },
            **openapi_fhir.paths(),
            **openapi_receipts.paths(),
            **(openapi_credentials.paths() if credentials else {}),
            "/pseudonyms": openapi_pseudonyms.path(),
            "/health/live": {"get": _probe("Whether the process turns", "live")},
            "/health/ready": {"get": _probe("Whether events can be accepted now, and if not, why", "ready")},
            "/metrics": {"get": _metrics()},
        },
        **({"security": openapi_credentials.SECURITY} if credentials else {}),
        "components": {
            "schemas": {
                **openapi_events.schemas(),
                **openapi_answers.schemas(),
                **openapi_fhir.schemas(),
                **openapi_receipts.schemas(),
                **openapi_pseudonyms.schemas(),
                **(openapi_credentials.schemas() if credentials else {}),
            },
            "securitySchemes": openapi_credentials.schemes(),
        },
    }


def _send(operation: str, summary: str, description: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "description": description,
        "tags": ["events"],
        "parameters": openapi_requests.parameters(),
        "requestBody": openapi_requests.body(),
        "responses": responses,
    }


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
