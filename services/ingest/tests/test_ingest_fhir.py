"""POST /fhir: each kind of event that FHIR resources give, and what makes two of them one."""

import uuid
from typing import Any
from urllib.parse import unquote

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir_support import FHIR, KINDS, OWN, bundle, events, example, issues, responses, send
from ingest_support import NHS_NUMBER, Service

from pcare_ingest.fhir.events import event_id
from pcare_schemas.envelope import type_of
from pcare_schemas.identifiers import holds_one

RKE = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
PERSON = {"borough": "E09000019"}
PATIENT = {
    "borough": "E09000019",
    "pcn": "U12345",
    "practice": "F83004",
    "age_band": "65-69",
    "sex": "female",
    "ethnic_category": "H",
    "imd_decile": 3,
}
STATED: dict[str, tuple[str, dict[str, Any]]] = {
    "sp-referral": (
        "2024-05-14T10:30:00+01:00",
        PATIENT
        | {
            "referral_ref": "SP-2024-0147",
            "referrer": "hospital",
            "reasons": ["lonely_or_isolated", "long_term_condition"],
            "link_worker_provider": "RKE",
            "snomed_code": "871731000000106",
        },
    ),
    "sp-declined": ("2024-05-16T09:00:00+01:00", PERSON | {"referral_ref": "SP-2024-0151"}),
    "sp-closed": ("2024-06-20T00:00:00+01:00", PERSON | {"referral_ref": "SP-2024-0147", "outcome": "goals_met"}),
    "self-management-referral": (
        "2024-05-14T10:30:00+01:00",
        PERSON | {"referral_ref": "SSM-2024-0031", "programme": "diabetes_education"},
    ),
    "self-management-completed": (
        "2024-06-24T00:00:00+01:00",
        PERSON | {"referral_ref": "SSM-2024-0031", "programme": "diabetes_education"},
    ),
    "care-plan-agreed": (
        "2024-05-30T00:00:00+01:00",
        PATIENT
        | {
            "plan_ref": "PCSP-2024-0012",
            "plan_kind": "long_term_condition",
            "review_due": "2024-11-30",
            "snomed_code": "1187911000000105",
        },
    ),
    "care-plan-reviewed": (
        "2024-06-12T00:00:00+01:00",
        PERSON | {"plan_ref": "PCSP-2024-0012", "next_review_due": "2025-05-30", "snomed_code": "1187921000000104"},
    ),
    "care-plan-ended": ("2024-06-28T00:00:00+01:00", PERSON | {"plan_ref": "PCSP-2024-0012", "reason": "goals_met"}),
    "care-plan-declined": (
        "2024-06-03T00:00:00+01:00",
        PERSON | {"reason": "not_now", "snomed_code": "1325711000000103"},
    ),
    "sdm-conversation": (
        "2024-06-05T14:00:00+01:00",
        PERSON
        | {
            "conversation_ref": "SDM-2024-0101",
            "situation": "knee_pain",
            "setting": "secondary",
            "decision_aid": True,
            "decision": "option_chosen",
            "snomed_code": "815691000000107",
        },
    ),
    "pam-scored": (
        "2024-06-11T11:15:00+01:00",
        PERSON
        | {
            "score": 56.4,
            "level": 3,
            "instrument": "PAM-13",
            "cut_points": "revised",
            "plan_ref": "PCSP-2024-0012",
            "snomed_code": "925431000000109",
        },
    ),
    "phb-issued": (
        "2024-04-08T00:00:00+01:00",
        PERSON
        | {
            "budget_ref": "PHB-2024-0009",
            "starts": "2024-04-08",
            "cohorts": ["s117", "adult_mh"],
            "management": ["direct_payment", "notional"],
            "integrated": True,
            "annual_value_pence": 1250000,
            "plan_ref": "PCSP-2024-0012",
        },
    ),
    "phb-ended": (
        "2024-06-21T00:00:00+01:00",
        PERSON | {"budget_ref": "PHB-2024-0009", "reason": "no_longer_eligible"},
    ),
}


@pytest.mark.parametrize("name", KINDS)
async def test_each_kind_is_taken_with_all_that_the_resource_says(service: Service, name: str) -> None:
    answer = await send(service, example(name))

    assert answer.status_code in {200, 201}, answer.text
    (event,) = events(service)
    time, data = STATED[name]
    assert (event["type"], event["time"], event["data"]) == (type_of(name), time, data)
    assert event["subject"].startswith("person:k1:")
    assert service.publisher.records[0].key.decode() == event["subject"]
    assert not holds_one(service.publisher.records[0].value)


async def test_a_single_resource_is_answered_with_the_address_of_its_receipt(service: Service) -> None:
    answer = await send(service, example("pam-scored"))

    (event,) = events(service)
    assert answer.status_code == 201
    assert unquote(answer.headers["location"]) == f"/events/{RKE}/{event['id']}?at=interventions.submitted/0/0"
    assert [issue["severity"] for issue in issues(answer)] == ["information"]


async def test_the_id_is_the_one_that_the_documentation_says(service: Service) -> None:
    await send(service, example("pam-scored"))

    name = "Observation|https://whittington.example/ids|PAM-2024-0077|pam-scored"
    assert events(service)[0]["id"] == str(uuid.uuid5(uuid.UUID("0290964c-0fa2-5a33-84a9-62f7af0a9aa2"), name))


async def test_narrative_versions_and_the_way_it_came_change_nothing(service: Service) -> None:
    plain, told = example("pam-scored"), example("pam-scored")
    told["text"] = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Mrs Example</div>'}
    told["note"] = [{"text": f"Mrs Example, {NHS_NUMBER}, was tired"}]
    told["subject"]["display"] = "Mrs Example"
    told["meta"] |= {"versionId": "7"}

    answers = [await send(service, one) for one in (plain, told, bundle("batch", told))]

    assert [answer.status_code for answer in answers] == [201, 201, 200]
    assert len({record.value for record in service.publisher.records}) == 1
    assert all("Example" not in answer.text and NHS_NUMBER not in answer.text for answer in answers)


async def test_when_it_was_recorded_is_stated_and_is_no_part_of_what_happened(service: Service) -> None:
    observation = example("pam-scored")
    observation["meta"]["lastUpdated"] = "2024-06-11T12:00:00Z"

    await send(service, observation)

    assert events(service)[0]["recordedtime"] == "2024-06-11T12:00:00Z"


async def test_entered_in_error_takes_back_what_the_resource_stated(service: Service) -> None:
    await send(service, example("pam-scored"))
    answer = await send(service, example("event-retracted"))

    stated, retraction = events(service)
    assert answer.status_code == 200
    assert retraction["type"] == type_of("event-retracted")
    assert retraction["data"] == {"retracts": stated["id"], "reason": "entered_in_error"}
    assert (retraction["subject"], retraction["source"]) == (stated["subject"], stated["source"])
    assert retraction["id"] != stated["id"]


async def test_a_closed_referral_in_error_takes_back_beginning_and_end(service: Service) -> None:
    closed, referral = example("sp-closed"), example("sp-referral")["entry"][2]["resource"]
    closed["extension"] += referral["extension"]
    closed["reasonCode"] = referral["reasonCode"]
    await send(service, {**closed, "status": "active"})
    await send(service, closed)
    published = {event["id"] for event in events(service)}
    answer = await send(service, {**closed, "status": "entered-in-error"})

    retractions = events(service)[2:]
    declined = event_id("ServiceRequest", "https://whittington.example/ids|SP-2024-0147", "sp-declined")
    assert len(published) == 2
    assert {event["data"]["retracts"] for event in retractions} == published | {declined}
    assert len({event["id"] for event in retractions}) == len(issues(answer)) == 3


async def test_a_plan_that_is_agreed_anew_is_a_new_event_and_in_error_only_that_one_goes(service: Service) -> None:
    plan = example("care-plan-ended") | {"status": "active"}
    for start in ("2023-05-30", "2024-05-30", "2024-05-30T00:00:00+01:00"):
        await send(service, plan | {"period": {"start": start}})
    await send(service, plan | {"period": {"start": "2024-05-30"}, "status": "entered-in-error"})

    first, second, again, retraction = events(service)
    assert first["id"] != second["id"] == again["id"]
    assert retraction["data"]["retracts"] == second["id"]


async def test_a_plan_in_error_is_taken_back_although_its_end_was_to_come(service: Service) -> None:
    plan = example("care-plan-ended") | {"period": {"start": "2024-05-30", "end": "2030-01-01"}}

    answer = await send(service, plan | {"status": "entered-in-error"})

    assert answer.status_code == 200, answer.text
    assert {event["time"] for event in events(service)} == {"2024-05-30T00:00:00+01:00"}


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("phb-issued", "finished", "phb-ended"),
        ("care-plan-ended", "revoked", "care-plan-ended"),
        ("sp-closed", "revoked", "sp-declined"),
        ("pam-scored", "amended", "pam-scored"),
    ],
)
async def test_the_status_decides_the_kind(service: Service, name: str, status: str, kind: str) -> None:
    resource = example(name) | {"status": status}
    resource.setdefault("period", {})["end"] = "2024-06-20"
    if resource["resourceType"] not in {"EpisodeOfCare", "CarePlan"}:
        del resource["period"]
    if kind == "phb-ended":
        reason = {"coding": [{"system": f"{OWN}budget-end", "code": "spent"}]}
        resource["extension"].append({"url": f"{OWN}status-reason", "valueCodeableConcept": reason})

    answer = await send(service, resource)

    assert answer.status_code == 201, answer.text
    assert events(service)[0]["type"] == type_of(kind)


async def test_a_declined_offer_may_be_a_procedure(service: Service) -> None:
    procedure = example("care-plan-declined")
    procedure["code"]["coding"][0]["code"] = "871711000000103"
    procedure["basedOn"] = [{"reference": "ServiceRequest/SP-17"}]

    await send(service, procedure)

    assert events(service)[0]["type"] == type_of("sp-declined")
    assert events(service)[0]["data"]["referral_ref"] == "SP-17"


async def test_the_level_is_the_component_that_says_so(service: Service) -> None:
    observation = example("pam-scored")
    other = {"code": {"text": "items answered"}, "valueInteger": 2}
    observation["component"] = [other, *observation["component"]]

    await send(service, observation)

    assert events(service)[0]["data"]["level"] == 3


async def test_several_contacts_about_one_decision_share_a_reference(service: Service) -> None:
    procedure = example("sdm-conversation")
    procedure["partOf"] = [{"identifier": {"value": "SDM-2024-0100"}}]

    await send(service, procedure)

    assert events(service)[0]["data"]["conversation_ref"] == "SDM-2024-0100"


async def test_a_person_may_be_named_by_pseudonym_and_an_old_number_is_nobody(service: Service) -> None:
    pseudonym = "person:k1:" + "5" * 32
    observation = example("pam-scored")
    observation["subject"] = {"reference": "#p"}
    observation["contained"] = [
        {
            "resourceType": "Patient",
            "id": "p",
            "identifier": [
                {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NHS_NUMBER, "use": "old"},
                {"system": "urn:ncl:personalised-care:pseudonym", "value": pseudonym},
            ],
        }
    ]

    await send(service, observation)

    assert events(service)[0]["subject"] == pseudonym


async def test_spaces_in_a_number_are_no_other_person(service: Service) -> None:
    observation = example("pam-scored")
    observation["subject"]["identifier"]["value"] = "999 000 0018"

    await send(service, example("pam-scored"))
    await send(service, observation)

    assert len({record.value for record in service.publisher.records}) == 1


async def test_an_organisation_without_an_ods_code_is_named_by_its_slug(service: Service) -> None:
    referral = example("sp-referral")
    referral["entry"][2]["resource"]["performer"] = [
        {"identifier": {"system": "urn:ncl:provider", "value": "no-such-charity"}}
    ]

    answer = await send(service, referral)

    assert issues(answer)[0]["code"] == "code-invalid"
    assert issues(answer)[0]["expression"] == ["Bundle.entry[2].resource.performer[0].identifier.value"]


async def test_a_host_closes_the_referral_of_another_organisation(service: Service) -> None:
    closed = example("sp-closed")
    ods = {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "RAL"}
    closed["identifier"][0]["assigner"] = {"identifier": ods}

    await send(service, closed)

    (event,) = events(service)
    assert event["source"] == RKE
    assert event["data"]["ref_source"] == "https://fhir.nhs.uk/Id/ods-organization-code/RAL"


async def test_minimal_answers_say_no_more_than_is_needed(service: Service) -> None:
    single = await send(service, example("pam-scored"), prefer="return=minimal")
    several = await send(service, example("sp-referral"), prefer='respond-async, return="minimal"')
    refused = await send(service, example("pam-scored") | {"status": "registered"}, prefer="return=minimal")

    assert (single.status_code, single.content) == (201, b"")
    assert single.headers["location"]
    assert [set(entry["response"]) for entry in several.json()["entry"]] == [
        {"status"},
        {"status"},
        {"status", "location"},
    ]
    assert issues(refused)


async def test_a_resource_may_go_to_the_address_of_its_type(service: Service) -> None:
    taken = await send(service, example("pam-scored"), "/fhir/Observation")
    wrong = await send(service, example("pam-scored"), "/fhir/Procedure")
    whole = await send(service, example("sp-referral"), "/fhir/Observation")
    nowhere = await send(service, example("sp-referral"), "/fhir/Medication")

    assert [one.status_code for one in (taken, wrong, whole, nowhere)] == [201, 400, 400, 404]
    assert issues(wrong)[0]["code"] == issues(whole)[0]["code"] == "invariant"
    assert len(service.publisher.records) == 1


async def test_the_capability_statement_is_one(service: Service) -> None:
    answer = await service.client.get("/fhir/metadata")

    assert answer.headers["content-type"] == FHIR
    model: Any = get_fhir_model_class("CapabilityStatement")
    model.model_validate(answer.json())
    assert answer.json()["fhirVersion"] == "4.0.1"
    assert {one["type"] for one in answer.json()["rest"][0]["resource"]} == {
        "ServiceRequest",
        "CarePlan",
        "Procedure",
        "Observation",
        "EpisodeOfCare",
    }


async def test_resources_are_counted_by_type_and_by_what_became_of_them(service: Service) -> None:
    await send(service, example("sp-referral"))
    await send(service, {"resourceType": "Medication"})
    await send(service, example("pam-scored") | {"status": "registered"})

    def count(resource: str, outcome: str) -> float | None:
        labels = {"resource": resource, "outcome": outcome}
        return service.registry.get_sample_value("pcare_ingest_fhir_resources_total", labels)

    assert count("ServiceRequest", "accepted") == 1
    assert count("Patient", "context") == 1
    assert count("other", "refused") == 1
    assert count("Observation", "refused") == 1
    assert service.registry.get_sample_value("pcare_ingest_fhir_requests_total", {"status": "422"}) == 2
    assert service.registry.get_sample_value("pcare_ingest_events_total", {"outcome": "accepted"}) == 1
    assert [one["status"] for one in responses(await send(service, example("sp-referral")))][-1] == "201 Created"
