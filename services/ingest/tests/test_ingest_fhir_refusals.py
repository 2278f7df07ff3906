"""POST /fhir: what is refused is refused by name and place, and the answer repeats nothing that was sent."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import structlog
from fhir_support import FHIR, OWN, bundle, example, issues, responses, send
from ingest_support import NHS_NUMBER, MakeService, Service, until
from starlette.requests import HTTPConnection

from pcare_ingest import problems
from pcare_ingest.callers import Caller
from pcare_ingest.fhir import taking
from pcare_ingest.fhir.limits import MAX_BYTES, MAX_ENTRIES
from pcare_ingest.limits import MAX_BATCH_BYTES
from pcare_ingest.publishing import Failure
from pcare_ingest.refusal import RefusedError
from pcare_schemas.examples import VALID

ANOTHER_NUMBER = "9990000026"


def spoil(name: str, **fields: Any) -> Callable[[], Any]:
    """Make an example with some elements set, or taken away: None."""

    def make() -> Any:
        resource = example(name)
        resource.update({field: value for field, value in fields.items() if value is not None})
        for field in [field for field, value in fields.items() if value is None]:
            del resource[field]
        return resource

    return make


def null(field: str) -> Callable[[], Any]:
    return lambda: example("pam-scored") | {field: None}


def of_referral(**fields: Any) -> Callable[[], Any]:
    def make() -> Any:
        referral = example("sp-referral")["entry"][2]["resource"] | fields
        referral["subject"] = {"identifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NHS_NUMBER}}
        referral["meta"]["source"] = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
        return referral

    return make


def extended(name: str, url: str, **value: Any) -> Callable[[], Any]:
    def make() -> Any:
        resource = example(name)
        resource["extension"] = [one for one in resource["extension"] if one["url"] != OWN + url]
        if value:
            resource["extension"].append({"url": OWN + url, **value})
        return resource

    return make


def subject(*numbers: str) -> dict[str, Any]:
    return {"identifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": numbers[0]}}


BOROUGH_AT = f"Observation.extension('{OWN}borough').value.ofType(code)"

REFUSED: list[tuple[str, Callable[[], Any], str, str | None, str | None]] = [
    ("a type that is not mapped", lambda: {"resourceType": "Medication"}, "not-supported", "Medication", None),
    ("a Patient by itself", lambda: {"resourceType": "Patient"}, "not-supported", "Patient", None),
    ("an element that R4 has not", spoil("pam-scored", mood="gloomy"), "structure", "Observation.mood", None),
    (
        "an element with a name that may hold anything",
        spoil("pam-scored", **{f"Mrs Example {NHS_NUMBER}": 1}),
        "structure",
        "Observation",
        None,
    ),
    (
        "text in the form of an object",
        spoil("pam-scored", subject='{"reference": "Patient/p"}'),
        "structure",
        "Observation.subject",
        None,
    ),
    ("text beside a value", spoil("pam-scored", _status="0"), "structure", "Observation._status", None),
    ("null", null("issued"), "structure", "Observation.issued", None),
    ("a required element missing", spoil("pam-scored", status=None), "required", "Observation.status", None),
    (
        "a value that R4 does not allow",
        spoil("pam-scored", effectiveDateTime="yesterday"),
        "value",
        "Observation.effective.ofType(dateTime)",
        None,
    ),
    (
        "a code that is not mapped",
        of_referral(code={"text": "something"}),
        "not-supported",
        "ServiceRequest.code",
        None,
    ),
    ("a draft", spoil("care-plan-ended", status="draft"), "not-supported", "CarePlan.status", None),
    ("a proposal", of_referral(intent="proposal"), "not-supported", "ServiceRequest.intent", None),
    ("what is not to be done", of_referral(doNotPerform=True), "not-supported", "ServiceRequest.doNotPerform", None),
    (
        "a modifier that is not understood",
        spoil("pam-scored", modifierExtension=[{"url": "urn:example:not", "valueBoolean": True}]),
        "not-supported",
        "Observation.modifierExtension",
        None,
    ),
    (
        "rules that are not understood",
        spoil("pam-scored", implicitRules="urn:example:rules"),
        "not-supported",
        "Observation.implicitRules",
        None,
    ),
    ("nobody", spoil("pam-scored", subject={"display": "Mrs Example"}), "required", "Observation.subject", None),
    ("no subject", spoil("pam-scored", subject=None), "required", "Observation.subject", None),
    (
        "a number that is none",
        spoil("pam-scored", subject=subject("9990000019")),
        "value",
        "Observation.subject.identifier.value",
        "invalid_data",
    ),
    ("no organisation", spoil("pam-scored", meta=None), "required", "Observation.meta.source", None),
    (
        "an organisation of no register",
        spoil("pam-scored", meta={"source": "urn:ncl:provider:nobody-knows"}),
        "value",
        "Observation.meta.source",
        "unknown_provider",
    ),
    ("no identifier", spoil("pam-scored", identifier=None), "required", "Observation", None),
    (
        "an identifier that is an NHS number",
        spoil("pam-scored", identifier=[{"value": NHS_NUMBER}]),
        "security",
        "Observation.identifier[0].value",
        "identifiable_data",
    ),
    ("no borough", extended("pam-scored", "borough"), "required", BOROUGH_AT, "invalid_data"),
    (
        "a borough elsewhere",
        extended("pam-scored", "borough", valueCode="E09000001"),
        "code-invalid",
        "Observation.extension[1].value.ofType(code)",
        "unknown_code",
    ),
    (
        "an NHS number where a code should be",
        extended("pam-scored", "borough", valueCode=NHS_NUMBER),
        "security",
        "Observation.extension[1].value.ofType(code)",
        "identifiable_data",
    ),
    (
        "a score that there is not",
        spoil("pam-scored", valueQuantity={"value": 101}),
        "value",
        "Observation.value.ofType(Quantity).value",
        "invalid_data",
    ),
    (
        "a level that is not the score's",
        spoil("pam-scored", valueQuantity={"value": 99}),
        "value",
        "Observation.component[0].value.ofType(integer)",
        "invalid_data",
    ),
    (
        "a month for a time",
        spoil("pam-scored", effectiveDateTime="2024-05"),
        "value",
        "Observation.effective.ofType(dateTime)",
        "invalid_data",
    ),
    (
        "no time",
        spoil("pam-scored", effectiveDateTime=None),
        "required",
        "Observation.effective.ofType(dateTime)",
        "invalid_data",
    ),
    (
        "a time to come",
        spoil("pam-scored", effectiveDateTime="2030-01-01"),
        "value",
        "Observation.effective.ofType(dateTime)",
        "time_out_of_range",
    ),
    (
        "a decline without its time",
        of_referral(status="revoked"),
        "required",
        f"ServiceRequest.extension('{OWN}event-date').value.ofType(dateTime)",
        "invalid_data",
    ),
    (
        "an error without a time",
        spoil("event-retracted", effectiveDateTime=None),
        "required",
        "Observation.effective.ofType(dateTime)",
        None,
    ),
    (
        "a reason of no list",
        spoil("sdm-conversation", reasonCode=[{"coding": [{"system": f"{OWN}situation", "code": "vertigo"}]}]),
        "code-invalid",
        "Procedure.reasonCode[0].coding[0].code",
        "unknown_code",
    ),
    (
        "a contained resource that is none",
        spoil("pam-scored", contained=[{"resourceType": "Patient", "colour": "red"}]),
        "structure",
        "Observation.contained[0].colour",
        None,
    ),
]


@pytest.mark.parametrize(
    ("make", "code", "at", "reason"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED]
)
async def test_what_is_refused_is_told_by_place_and_code(
    service: Service, make: Callable[[], Any], code: str, at: str, reason: str | None
) -> None:
    answer = await send(service, make())

    assert answer.status_code == 422, answer.text
    first = issues(answer)[0]
    codings = first["details"].get("coding")
    assert (first["severity"], first["code"], first.get("expression")) == ("error", code, [at])
    assert (codings and codings[0]["code"]) == reason
    assert service.publisher.records == []
    for secret in (NHS_NUMBER, "9990000019", "Mrs Example", "gloomy", "vertigo", "nobody-knows"):
        assert secret not in answer.text


async def test_a_type_that_is_none_is_not_repeated(service: Service) -> None:
    answer = await send(service, {"resourceType": "MrsExample"})

    assert answer.status_code == 422
    assert issues(answer)[0]["code"] == "not-supported"
    assert "MrsExample" not in answer.text


async def test_two_numbers_are_two_persons(service: Service) -> None:
    observation = example("pam-scored")
    observation["contained"] = [
        {"resourceType": "Patient", "id": "p", "identifier": [subject(ANOTHER_NUMBER)["identifier"]]}
    ]
    observation["subject"]["reference"] = "#p"

    answer = await send(service, observation)

    assert issues(answer)[0]["code"] == "invariant"
    assert service.publisher.records == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b'{"resourceType": "Patient", "resourceType": "Patient"}',
        b'{"resourceType": 7}',
        b'{"resourceType": "x y"}',
        b'{"resourceType":"Patient","a":' * 40 + b"1" + b"}" * 40,
        b"[" * 100_000,
        b'{"resourceType": "Bundle"}',
        b'{"resourceType": "Bundle", "type": "message", "entry": [{}]}',
        b'{"resourceType": "Bundle", "type": "batch"}',
        b'{"resourceType": "Bundle", "type": "batch", "entry": []}',
        b'{"resourceType": "Bundle", "type": "batch", "entry": {}}',
        b'{"resourceType": "Bundle", "type": "batch", "colour": 1, "entry": [{}]}',
        b'{"resourceType": "Bundle", "type": "batch", "entry": [{"\xff": 1}]}',
        b'{"resourceType": "Patient", "multipleBirthInteger": NaN}',
    ],
)
async def test_what_is_no_resource_is_400(service: Service, body: bytes) -> None:
    answer = await send(service, body)

    assert answer.status_code == 400
    assert issues(answer)


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        (FHIR, True),
        ("application/json", True),
        ("application/fhir+json; charset=UTF-8; fhirVersion=4.0", True),
        ("application/fhir+json; fhirVersion=5.0", False),
        ("application/fhir+json; charset=latin-1", False),
        ("application/fhir+xml", False),
        ("application/cloudevents+json", False),
        ("", False),
    ],
)
async def test_only_fhir_r4_in_json_is_taken(service: Service, content_type: str, taken: bool) -> None:
    answer = await send(service, example("pam-scored"), content_type=content_type)

    assert answer.status_code == (201 if taken else 415)
    assert issues(answer)


async def test_too_much_is_refused(service: Service) -> None:
    large = await send(service, b" " * (MAX_BYTES + 1))
    many = await send(service, bundle("batch", *[{"resourceType": "Patient"}] * (MAX_ENTRIES + 1)))
    encoded = await send(service, example("pam-scored"), content_encoding="br")

    assert [one.status_code for one in (large, many, encoded)] == [413, 413, 415]
    assert [issues(one)[0]["code"] for one in (large, many, encoded)] == ["too-long", "too-long", "not-supported"]


async def test_gzip_is_taken_and_what_is_none_is_refused(service: Service) -> None:
    body = json.dumps(example("pam-scored")).encode()
    taken = await send(service, gzip.compress(body), content_encoding="gzip")
    refused = await send(service, body, content_encoding="gzip")
    bomb = await send(service, gzip.compress(b" " * (MAX_BYTES + 1)), content_encoding="gzip")

    assert [one.status_code for one in (taken, refused, bomb)] == [201, 400, 413]
    assert issues(refused)


async def test_more_events_than_a_batch_may_hold_are_refused(service: Service) -> None:
    referral = {**example("sp-closed"), "status": "entered-in-error"}
    entries = [{**referral, "identifier": [{"value": f"SP-{number}"}]} for number in range(400)]

    answer = await send(service, bundle("batch", *entries))

    assert answer.status_code == 413
    assert service.publisher.records == []


async def test_what_is_not_known_to_be_safe_is_503(service: Service) -> None:
    service.publisher.outcome = Failure.UNKNOWN

    single = await send(service, example("pam-scored"))
    together = await send(service, example("sp-referral"))

    for answer in (single, together):
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert [issue["code"] for issue in issues(answer)] == ["transient"]


async def test_too_much_in_hand_is_503(make_service: MakeService) -> None:
    service = make_service(ingest_max_events_in_hand=1000)
    service.publisher.hold = True
    sent = [{**VALID["sp-referral"], "id": f"waiting-{number}"} for number in range(1000)]
    first = asyncio.create_task(service.send_batch(sent))
    await until(lambda: len(service.publisher.records) == 1000)

    answer = await send(service, example("pam-scored"))
    service.publisher.acknowledge()

    assert answer.status_code == 503
    assert issues(answer)[0]["details"]["coding"][0]["code"] == "overloaded"
    assert (await first).status_code == 202


class OneProvider:
    """Callers who may speak for one organisation."""

    def __init__(self, source: str) -> None:
        self._source = source

    async def identify(self, connection: HTTPConnection) -> Caller:  # noqa: ARG002
        return Caller(name="one", sources=frozenset({self._source}), credential="c1")


ODS = "https://fhir.nhs.uk/Id/ods-organization-code/"


async def test_the_largest_body_fits_into_the_least_that_may_be_set(make_service: MakeService) -> None:
    service = make_service(ingest_max_bytes_in_hand=2 * MAX_BATCH_BYTES)
    body = json.dumps(bundle("transaction", example("pam-scored"))).encode()

    answer = await send(service, body + b" " * (MAX_BYTES - len(body)))

    assert [one["status"][:3] for one in responses(answer)] == ["201"]


async def test_nobody_speaks_for_another_organisation(make_service: MakeService) -> None:
    service = make_service(callers=OneProvider(f"{ODS}RAL"))

    answer = await send(service, example("pam-scored"))

    assert answer.status_code == 403
    assert issues(answer)[0]["code"] == "forbidden"
    assert issues(answer)[0]["expression"] == ["Observation.meta.source"]
    assert service.publisher.records == []


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_speaking_for_another_is_counted_and_logged_as_the_callers(make_service: MakeService, kind: str) -> None:
    service = make_service(callers=OneProvider(f"{ODS}RRP"))
    own = example("sdm-conversation") | {"meta": {"source": f"{ODS}RRP"}}

    with structlog.testing.capture_logs() as logged:
        await send(service, bundle(kind, example("pam-scored"), own))

    def count(name: str, **labels: str) -> float | None:
        return service.registry.get_sample_value(f"pcare_ingest_{name}_total", labels)

    assert count("rejected", provider="one", reason="source_not_allowed") == 1
    assert count("rejected", provider="RKE", reason="source_not_allowed") is None
    assert count("events", outcome="accepted") == (1 if kind == "batch" else 0)
    [line] = [line for line in logged if line["event"] == "events refused"]
    assert (line["caller"], line["credential"], line["reasons"]) == ("one", "c1", ["source_not_allowed"])


async def test_who_may_speak_for_one_organisation_need_not_name_it(make_service: MakeService) -> None:
    service = make_service(callers=OneProvider(f"{ODS}RAL"))

    answer = await send(service, spoil("pam-scored", meta=None)())

    assert answer.status_code == 201
    assert json.loads(service.publisher.records[0].value)["source"] == f"{ODS}RAL"


class Nobody:
    """Callers of whom none proves who they are."""

    async def identify(self, connection: HTTPConnection) -> Caller:  # noqa: ARG002
        raise RefusedError(problems.TOO_MANY_EVENTS, {"Retry-After": "7"})


async def test_who_is_turned_away_at_the_gate_is_told_in_fhirs_terms(make_service: MakeService) -> None:
    answer = await send(make_service(callers=Nobody()), example("pam-scored"))

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert issues(answer)[0]["code"] == "throttled"


async def test_a_fault_of_ours_is_told_in_fhirs_terms_and_logged_without_its_words(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("words that nobody is to see")

    monkeypatch.setattr(taking, "take", fail)

    answer = await send(service, example("pam-scored"))

    assert answer.status_code == 500
    assert issues(answer)[0]["details"]["coding"][0]["code"] == "internal_error"
    logged = capsys.readouterr()
    assert "a fault of ours" in logged.out + logged.err
    assert "nobody is to see" not in answer.text + logged.out + logged.err


async def test_a_body_that_does_not_come_is_408(make_service: MakeService) -> None:
    service = make_service(ingest_read_within_seconds=0.01)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = await service.client.post("/fhir", content=never(), headers={"content-type": FHIR})

    assert answer.status_code == 408
    assert issues(answer)
