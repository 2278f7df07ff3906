"""What the tests of POST /fhir share."""

import copy
import json
from typing import Any

import httpx
from fhir.resources.R4B import get_fhir_model_class
from ingest_support import Service

from pcare_ingest.fhir import examples

FHIR = "application/fhir+json"
EXAMPLES = examples.load()
KINDS = [name for name in EXAMPLES if name not in {"collection", "event-retracted"}]
OWN = "urn:ncl:personalised-care:fhir:"


def example(name: str) -> Any:
    """Return an example that the test may spoil."""
    return copy.deepcopy(EXAMPLES[name])


def bundle(kind: str, *resources: Any) -> dict[str, Any]:
    entries: list[dict[str, Any]] = [{"resource": one} for one in resources]
    if kind != "collection":
        entries = [{**one, "request": {"method": "POST", "url": one["resource"]["resourceType"]}} for one in entries]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


async def send(service: Service, body: Any, path: str = "/fhir", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"content-type": FHIR} | {name.replace("_", "-"): value for name, value in headers.items()}
    return await service.client.post(path, content=content, headers=given)


def events(service: Service) -> list[dict[str, Any]]:
    """Return the events that were published, in order."""
    return [json.loads(record.value) for record in service.publisher.records]


def issues(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the issues of an OperationOutcome, which is one as FHIR has it."""
    assert answer.headers["content-type"] == FHIR
    model: Any = get_fhir_model_class("OperationOutcome")
    model.model_validate(answer.json())
    found: list[dict[str, Any]] = answer.json()["issue"]
    return found


def responses(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the responses of a Bundle, which is one as FHIR has it."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == FHIR
    entries = answer.json()["entry"]
    outcome: Any = get_fhir_model_class("OperationOutcome")
    for entry in entries:
        outcome.model_validate(entry["response"]["outcome"])
    return [entry["response"] for entry in entries]
