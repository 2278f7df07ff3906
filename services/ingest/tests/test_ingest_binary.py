"""CloudEvents in binary mode: attributes as headers, the body as data."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_support import BATCH, NHS_NUMBER, SINGLE, Service

from pcare_ingest import binary
from pcare_ingest.media_types import Form
from pcare_schemas.examples import VALID
from pcare_schemas.rejections import Rejection

JSON = Form.BINARY.value
ENVELOPE = ("specversion", "id", "source", "type", "subject", "time", "recordedtime", "traceparent", "dataschema")


def encoded(value: str) -> str:
    """As the HTTP binding says: space, quote, percent and whatever is no printable ASCII."""
    return quote(value, safe="!#$&'()*+,-./:;<=>?@[\\]^_`{|}~")


def headers_of(event: dict[str, Any]) -> list[tuple[str, str]]:
    return [(f"ce-{name}", encoded(str(event[name]))) for name in event if name not in {"data", "datacontenttype"}]


async def send(service: Service, event: dict[str, Any], *more: tuple[str, str], content_type: str = JSON) -> Any:
    headers = [*headers_of(event), ("content-type", content_type), *more]
    body = json.dumps(event["data"]).encode() if "data" in event else b""
    return await service.client.post("/events", content=body, headers=headers)


@pytest.mark.parametrize("kind", VALID)
async def test_every_kind_is_the_same_event_as_in_structured_mode(service: Service, kind: str) -> None:
    answer = await send(service, VALID[kind])
    structured = await service.send(VALID[kind])

    assert (answer.status_code, structured.status_code) == (202, 202)
    without_place = [one.json() | {"receipt": one.json()["receipt"].partition("?")[0]} for one in (answer, structured)]
    assert without_place[0] == without_place[1]
    first, second = service.publisher.records
    assert first.key == second.key
    assert json.loads(first.value) == {"datacontenttype": JSON, **json.loads(second.value)}


async def test_the_bytes_of_the_data_are_those_that_were_sent(service: Service, event: dict[str, Any]) -> None:
    data = json.dumps(event["data"], indent=3).encode()
    headers = [*headers_of(event), ("content-type", f"{JSON}; charset=UTF-8")]

    answer = await service.client.post("/events", content=data, headers=headers)

    assert answer.status_code == 202
    assert service.publisher.records[0].value.endswith(b',"data":' + data + b"}")


async def test_an_nhs_number_is_replaced_whatever_its_header_looks_like(
    service: Service, event: dict[str, Any]
) -> None:
    grouped = f"nhs-number:{NHS_NUMBER[:3]} {NHS_NUMBER[3:6]} {NHS_NUMBER[6:]}"
    forms = [f"nhs-number:{NHS_NUMBER}", f"nhs-number:%39{NHS_NUMBER[1:]}", encoded(grouped), f'"{grouped}"']
    answers = []
    for index, form in enumerate(forms):
        others = {name: value for name, value in event.items() if name != "subject"}
        answers.append(await send(service, {**others, "id": f"event-{index}"}, ("ce-subject", form)))

    assert [answer.status_code for answer in answers] == [202] * len(forms)
    assert len({record.key for record in service.publisher.records}) == 1
    assert all(NHS_NUMBER.encode() not in record.value for record in service.publisher.records)


@pytest.mark.parametrize("header", ["ce-note", "ce-9990000018", "ce-id"])
async def test_an_nhs_number_in_another_header_is_refused_and_not_repeated(
    service: Service, event: dict[str, Any], header: str
) -> None:
    event.pop("id")

    answer = await send(service, event, (header, NHS_NUMBER))

    assert answer.json()["reason"] == "identifiable_data"
    assert NHS_NUMBER not in answer.text


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"plain", "plain"),
        (b"  padded\t", "padded"),
        (b"a%20b", "a b"),
        (b"a%2520b", "a%20b"),
        (b"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \N{EURO SIGN} \N{GRINNING FACE}"),
        (b'"in quotes"', "in quotes"),
        (rb'"a \"quote\" and a \\"', 'a "quote" and a \\'),
        (b'"%22"', '"'),
        (b"", ""),
        (b"%C0%A0", None),  # an overlong space: the binding has it refused
        (b"%ED%A0%80", None),
        (b"100%", None),
        (b"%zz", None),
        (b"caf\xc3\xa9", None),
        (b'"open', None),
        (b'"a" b', None),
    ],
)
def test_a_header_is_decoded_as_the_binding_says(raw: bytes, value: str | None) -> None:
    read = binary.decoded([(b"subject", raw)])

    if value is None:
        assert isinstance(read, Rejection)
        assert [error.path for error in read.errors] == ["/subject"]
    else:
        assert read == {"subject": value}


@settings(deadline=None)
@given(value=st.text(st.characters(blacklist_categories=["Cs"])))
def test_whatever_a_sender_encodes_is_read_as_it_was_meant(value: str) -> None:
    assert binary.decoded([(b"subject", encoded(value).encode())]) == {"subject": value}


@settings(deadline=None)
@given(attributes=st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=30)), max_size=5), body=st.binary())
def test_any_headers_and_any_body_give_a_document_or_a_reason(
    attributes: list[tuple[bytes, bytes]], body: bytes
) -> None:
    made = binary.as_structured(attributes, body)

    if not isinstance(made, Rejection):
        document = json.loads(made)
        assert document["datacontenttype"] == JSON
        assert ("data" in document) is bool(body)


@pytest.mark.parametrize("body", [b'{}, "id": "another"', b'{}}{"a":1', b"{", b"\xff", b'{"a":NaN}', b"[" * 100_000])
async def test_a_body_that_is_not_one_json_value_cannot_write_into_the_event(
    service: Service, event: dict[str, Any], body: bytes
) -> None:
    headers = [*headers_of(event), ("content-type", JSON)]

    answer = await service.client.post("/events", content=body, headers=headers)

    assert (answer.status_code, answer.json()["reason"]) == (400, "not_json")
    assert answer.json()["errors"][0]["pointer"] == "/data"
    assert service.publisher.records == []


async def test_a_header_that_stands_twice_is_refused_as_a_name_that_does(
    service: Service, event: dict[str, Any]
) -> None:
    answer = await send(service, event, ("ce-id", "another"))
    document = json.dumps(event).encode()[:-1] + b', "id": "another"}'
    structured = await service.send(document)

    told = [(one.status_code, one.json()["reason"], one.json()["errors"][0]["pointer"]) for one in (answer, structured)]
    assert told == [(422, "invalid_data", "/id")] * 2


async def test_an_extension_that_is_not_known_is_refused_as_in_structured_mode(
    service: Service, event: dict[str, Any]
) -> None:
    answer = await send(service, event, ("ce-sequence", "1"))
    structured = await service.send({**event, "sequence": "1"})

    assert answer.status_code == 422
    assert answer.json() == structured.json()


@pytest.mark.parametrize("left_out", ["specversion", "id", "source", "type", "subject", "time", "data"])
async def test_what_is_missing_is_told_as_in_structured_mode(
    service: Service, event: dict[str, Any], left_out: str
) -> None:
    event.pop(left_out)

    answer = await send(service, event)
    structured = await service.send(event)

    assert answer.status_code >= 400
    assert answer.json() == structured.json()


@pytest.mark.parametrize("name", ["ce-data", "ce-datacontenttype"])
async def test_data_and_its_type_are_no_ce_headers(service: Service, event: dict[str, Any], name: str) -> None:
    answer = await send(service, event, (name, JSON))

    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_data")
    assert answer.json()["errors"][0]["pointer"] == "/" + name.removeprefix("ce-")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", f"{JSON}; charset=utf-16", ""])
async def test_data_that_is_no_json_is_told_what_is_taken(
    service: Service, event: dict[str, Any], content_type: str
) -> None:
    answer = await send(service, event, content_type=content_type)

    assert answer.status_code == 415
    assert JSON in answer.headers["accept-post"]


async def test_the_body_alone_is_no_event(service: Service, event: dict[str, Any]) -> None:
    answer = await service.send(event, JSON)

    assert answer.status_code == 415
    assert "ce-id" in answer.json()["detail"]


async def test_ce_headers_may_stand_beside_a_document_that_says_the_same(
    service: Service, event: dict[str, Any]
) -> None:
    answer = await service.client.post(
        "/events", content=json.dumps(event).encode(), headers=[*headers_of(event), ("content-type", SINGLE)]
    )

    assert answer.status_code == 202
    assert service.publisher.records[0].value == json.dumps(event).encode()


async def test_ce_headers_that_say_something_else_than_the_document_are_refused(
    service: Service, event: dict[str, Any]
) -> None:
    answer = await service.send(event, ce_type=event["type"], ce_id="another")

    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_data")
    assert answer.json()["errors"][0]["pointer"] == "/id"
    assert service.publisher.records == []


async def test_what_is_wrong_with_the_document_is_told_first(service: Service) -> None:
    for body in (b"{", b"[1]"):
        beside = await service.send(body, ce_id="one")
        alone = await service.send(body)
        assert beside.json() == alone.json()


async def test_a_batch_with_ce_headers_is_told_what_is_wrong(service: Service, event: dict[str, Any]) -> None:
    answer = await service.send([event], BATCH, ce_id=event["id"])

    assert (answer.status_code, answer.json()["reason"]) == (400, "mixed_modes")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(ENVELOPE), value=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
async def test_any_attribute_gets_the_verdict_of_its_structured_like(service: Service, name: str, value: str) -> None:
    spoilt = {**VALID["sp-referral"], name: value}

    answer = await send(service, spoilt)
    structured = await service.send({"datacontenttype": JSON, **spoilt})

    assert answer.status_code == structured.status_code
    if answer.status_code != 202:
        assert answer.json() == structured.json()
