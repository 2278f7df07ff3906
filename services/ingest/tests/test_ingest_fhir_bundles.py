"""POST /fhir: what the entries of a Bundle have to do with each other."""

from typing import Any

import pytest
from fhir_support import bundle, events, example, issues, responses, send
from ingest_support import Service

PATIENT, ORGANISATION, REFERRAL = (entry["resource"] for entry in example("sp-referral")["entry"])


def statuses(found: list[dict[str, Any]]) -> list[str]:
    return [response["status"][:3] for response in found]


async def test_of_a_transaction_with_one_bad_entry_nothing_is_recorded(service: Service) -> None:
    good, bad = example("pam-scored"), example("sdm-conversation")
    bad["performedDateTime"] = "2030-01-01"

    answer = await send(service, bundle("transaction", good, bad, {"resourceType": "Medication"}))

    assert answer.status_code == 422
    assert [issue["expression"] for issue in issues(answer)] == [
        ["Bundle.entry[1].resource.performed.ofType(dateTime)"],
        ["Bundle.entry[2].resource"],
    ]
    assert service.publisher.records == []


@pytest.mark.parametrize("kind", ["batch", "collection"])
async def test_of_a_batch_each_entry_stands_by_itself(service: Service, kind: str) -> None:
    good, bad = example("pam-scored"), example("sdm-conversation")
    bad["performedDateTime"] = "2030-01-01"

    answer = await send(service, bundle(kind, good, bad, {"resourceType": "Medication"}, {"resourceType": "x y"}))

    assert answer.json()["type"] == "batch-response"
    assert statuses(responses(answer)) == ["201", "422", "422", "400"]
    assert len(service.publisher.records) == 1


async def test_the_answer_of_a_transaction_names_each_entry(service: Service) -> None:
    answer = await send(service, example("sp-referral"))

    assert answer.json()["type"] == "transaction-response"
    assert statuses(responses(answer)) == ["200", "200", "201"]
    assert "location" in responses(answer)[2]


@pytest.mark.parametrize(
    ("full_url", "reference"),
    [
        ("urn:uuid:5d2e6c5e-7b0f-4f6b-9d5a-0d6f3d7d7a01", "urn:uuid:5d2e6c5e-7b0f-4f6b-9d5a-0d6f3d7d7a01"),
        (None, "Patient/p1"),
        ("https://gp.example/fhir/Patient/p1", "https://gp.example/fhir/Patient/p1"),
        ("https://gp.example/fhir/Patient/p1", "https://gp.example/fhir/Patient/p1/_history/3"),
        ("https://gp.example/fhir/Patient/p1", "Patient/p1"),
    ],
)
async def test_references_lead_to_the_patient_in_the_bundle(
    service: Service, full_url: str | None, reference: str
) -> None:
    sent = bundle("batch", {**PATIENT, "id": "p1"}, {**example("sp-closed"), "subject": {"reference": reference}})
    if full_url is not None:
        sent["entry"][0]["fullUrl"] = full_url
        sent["entry"][1]["fullUrl"] = "https://gp.example/fhir/ServiceRequest/s1"

    assert statuses(responses(await send(service, sent))) == ["200", "201"]
    assert events(service)[0]["data"]["sex"] == "female"


@pytest.mark.parametrize("reference", ["Patient/other", "https://gp.example/fhir/Patient/p1", "#p1", "nonsense", "#"])
async def test_a_reference_that_leads_nowhere_names_nobody(service: Service, reference: str) -> None:
    sent = bundle("batch", {**PATIENT, "id": "p1"}, {**example("sp-closed"), "subject": {"reference": reference}})

    found = responses(await send(service, sent))

    assert statuses(found) == ["422", "422"]
    assert "Nothing refers to this Patient" in found[0]["outcome"]["issue"][0]["details"]["text"]
    assert found[1]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[1].resource.subject"]


async def test_a_patient_whom_only_they_themselves_refer_to_is_refused(service: Service) -> None:
    patient = {**PATIENT, "id": "p1", "link": [{"other": {"reference": "Patient/p1"}, "type": "seealso"}]}

    assert statuses(responses(await send(service, bundle("batch", patient)))) == ["422"]


async def test_a_contained_patient_is_read(service: Service) -> None:
    referral = {**example("sp-closed"), "contained": [{**PATIENT, "id": "p"}], "subject": {"reference": "#p"}}

    assert (await send(service, referral)).status_code == 201
    assert events(service)[0]["data"]["age_band"] == "65-69"


async def test_a_bad_patient_is_not_read_for_anybody(service: Service) -> None:
    sent = bundle(
        "batch", {**PATIENT, "id": "p1", "mood": 1}, {**example("sp-closed"), "subject": {"reference": "Patient/p1"}}
    )

    assert statuses(responses(await send(service, sent))) == ["422", "422"]


async def test_only_a_patient_is_a_subject(service: Service) -> None:
    sent = bundle(
        "batch", {**ORGANISATION, "id": "o"}, {**example("sp-closed"), "subject": {"reference": "Organization/o"}}
    )

    found = responses(await send(service, sent))

    assert statuses(found) == ["200", "422"]
    assert found[1]["outcome"]["issue"][0]["code"] == "not-supported"


async def test_the_organisation_is_found_by_the_role_of_who_asked(service: Service) -> None:
    role = {"resourceType": "PractitionerRole", "id": "r", "organization": {"reference": "Organization/o"}}
    referral = {
        **REFERRAL,
        "subject": example("sp-closed")["subject"],
        "requester": {"reference": "PractitionerRole/r"},
    }
    referral["extension"] = [*referral["extension"], *example("pam-scored")["extension"][:1]]

    found = responses(await send(service, bundle("transaction", referral, role, {**ORGANISATION, "id": "o"})))

    assert statuses(found) == ["201", "200", "200"]
    assert events(service)[0]["source"].endswith("/RKE")


async def test_roles_that_lead_in_circles_lead_nowhere(service: Service) -> None:
    role = {"resourceType": "PractitionerRole", "id": "r", "organization": {"reference": "PractitionerRole/r"}}
    closed = {**example("sp-closed"), "requester": {"reference": "PractitionerRole/r"}}
    closed["meta"] = {}

    found = responses(await send(service, bundle("batch", closed, role)))

    assert found[0]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[0].resource.meta.source"]


async def test_a_plan_in_the_bundle_is_named_by_its_identifier(service: Service) -> None:
    plan = {**example("care-plan-ended"), "id": "c"}
    review = {**example("care-plan-reviewed"), "basedOn": [{"reference": "CarePlan/c"}]}

    await send(service, bundle("transaction", plan, review))

    assert [event["data"]["plan_ref"] for event in events(service)] == ["PCSP-2024-0012"] * 2


@pytest.mark.parametrize(
    ("request_part", "code", "at"),
    [
        (None, "required", "request"),
        ({"method": "DELETE", "url": "Observation/1"}, "not-supported", "request.method"),
        ({"method": "GET", "url": "Observation"}, "not-supported", "request.method"),
        ({"method": "POST", "url": "Procedure"}, "invariant", "request.url"),
        ({"method": "PUT", "url": "Observation/1", "ifMatch": 'W/"3"'}, "not-supported", "request.ifMatch"),
        ({"method": "POST", "url": "Observation", "colour": 1}, "structure", "request.colour"),
    ],
)
async def test_what_an_entry_asks_for_is_looked_at(service: Service, request_part: Any, code: str, at: str) -> None:
    sent = bundle("batch", example("sdm-conversation"), example("pam-scored"))
    sent["entry"][1]["request"] = request_part
    if request_part is None:
        del sent["entry"][1]["request"]

    found = responses(await send(service, sent))

    assert statuses(found) == ["201", "422"]
    assert found[1]["outcome"]["issue"][0]["code"] == code
    assert found[1]["outcome"]["issue"][0]["expression"] == [f"Bundle.entry[1].{at}"]


async def test_put_is_taken_as_post_is(service: Service) -> None:
    sent = bundle("transaction", {**example("pam-scored"), "id": "1"})
    sent["entry"][0]["request"] = {"method": "PUT", "url": "Observation/1"}

    assert statuses(responses(await send(service, sent))) == ["201"]


async def test_an_entry_without_a_resource_is_refused(service: Service) -> None:
    found = responses(await send(service, {"resourceType": "Bundle", "type": "collection", "entry": [{}]}))

    assert found[0]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[0].resource"]
