"""FHIR R4, UK Core: the examples of the documentation as they stand, and what must be refused by name."""

import copy
from typing import Any

import httpx

from pcare_ingest.fhir import examples
from proof_provider.checks import Checks
from proof_provider.joining import MENTAL_HEALTH, TRUST
from proof_provider.stage import Stage, receipt

FHIR = {"content-type": "application/fhir+json"}
APPOINTMENT = {"resourceType": "Appointment", "status": "booked", "participant": [{"status": "accepted"}]}


async def play(stage: Stage, checks: Checks) -> None:
    """Send each example, and see the events that it states."""
    before = await _recorded(stage)
    async with stage.client(stage.keys[TRUST]) as trust, stage.client(stage.keys[MENTAL_HEALTH]) as mental_health:
        for name, resource in examples.load().items():
            await _taken(checks, mental_health if name.startswith("phb") else trust, name, resource)
        await _refusals(checks, trust)
        answer = await trust.post("/fhir", json=examples.load()["phb-issued"], headers=FHIR)
        checks.equal("another organisation's resource is refused", answer.status_code, 403)
    checks.that("they are in the record", await _recorded(stage) > before)


async def _taken(checks: Checks, client: httpx.AsyncClient, name: str, resource: Any) -> None:
    answer = await client.post("/fhir", json=resource, headers=FHIR)
    responses = [entry["response"] for entry in answer.json().get("entry", [])] or [
        {"status": str(answer.status_code), "location": answer.headers.get("location")}
    ]
    right = all(one["status"][:3] in {"200", "201"} for one in responses)
    checks.that(f"{name}: taken", right, f"{answer.status_code} {answer.text[:300]}")
    places = [one["location"] for one in responses if one.get("location")]
    states = [(await receipt(client, place)).get("status") for place in places]
    checks.that(f"{name}: recorded", set(states) <= {"recorded", "duplicate", "retracted"}, states)


async def _refusals(checks: Checks, client: httpx.AsyncClient) -> None:
    answer = await client.post("/fhir", json=APPOINTMENT, headers=FHIR)
    outcome = answer.json()
    checks.that("a resource that is not mapped is refused", answer.status_code == 422, answer.text)
    told = outcome.get("resourceType") == "OperationOutcome" and "Appointment" in answer.text
    checks.that("by an OperationOutcome that names it", told, answer.text)
    bundle = copy.deepcopy(examples.load()["sp-referral"])
    bundle["entry"].append({"resource": APPOINTMENT, "request": {"method": "POST", "url": "Appointment"}})
    answer = await client.post("/fhir", json=bundle, headers=FHIR)
    checks.equal("a transaction with one of them is refused whole", answer.status_code, 422)
    bundle["type"] = "batch"
    answer = await client.post("/fhir", json=bundle, headers=FHIR)
    statuses = [entry["response"]["status"][:3] for entry in answer.json().get("entry", [])]
    checks.that("a batch is not", "422" in statuses and statuses.count("422") == 1, statuses)


async def _recorded(stage: Stage) -> int:
    return int((await stage.fetch("SELECT count(*) FROM pcare.interventions"))[0]["count"])
