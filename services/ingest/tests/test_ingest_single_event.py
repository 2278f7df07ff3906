"""POST /events with one event."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from ingest_support import KEY, NHS_NUMBER, Service, turns, until
from starlette.requests import HTTPConnection

from pcare_ingest.callers import Caller
from pcare_ingest.publishing import Failure
from pcare_schemas.examples import VALID
from pcare_schemas.invalid_examples import INVALID, Invalid
from pcare_schemas.pseudonym import pseudonym
from pcare_schemas.rejections import MEANINGS

WRONG_OVER_HTTP = [wrong for wrong in INVALID if wrong.what != "subject-by-nhs-number"]


@pytest.mark.parametrize("kind", VALID)
async def test_every_kind_is_accepted_and_published_to_the_byte(service: Service, kind: str) -> None:
    body = json.dumps(VALID[kind], indent=3).encode() + b"\n"

    answer = await service.send(body)

    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    source, id_ = VALID[kind]["source"], VALID[kind]["id"]
    receipt = f"/events/{quote(source, safe='')}/{id_}?at=interventions.submitted/0/0"
    assert answer.json() == {"status": "accepted", "source": source, "id": id_, "receipt": receipt}
    assert answer.headers["location"] == receipt
    assert [(record.key, record.value) for record in service.publisher.records] == [
        (VALID[kind]["subject"].encode(), body)
    ]


@pytest.mark.parametrize("invalid", WRONG_OVER_HTTP, ids=lambda invalid: invalid.name)
async def test_every_wrong_example_is_refused_as_the_contract_says(service: Service, invalid: Invalid) -> None:
    answer = await service.send(invalid.value)

    problem = answer.json()
    assert answer.status_code == problem["status"] == MEANINGS[invalid.reason].status
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["reason"] == invalid.reason
    assert invalid.path in [error["pointer"] for error in problem["errors"]]
    assert NHS_NUMBER not in answer.text
    assert service.publisher.records == []


async def test_an_nhs_number_is_replaced_before_anything_else_sees_it(service: Service, event: dict[str, Any]) -> None:
    event["subject"] = f"nhs-number:{NHS_NUMBER}"

    answer = await service.send(event)

    stand_in = pseudonym(NHS_NUMBER, KEY)
    (record,) = service.publisher.records
    assert answer.status_code == 202
    assert record.key == stand_in.encode()
    assert json.loads(record.value) == {**event, "subject": stand_in}
    assert NHS_NUMBER.encode() not in record.value


@pytest.mark.parametrize("number", ["9990000019", "999000001", "", "99900000181", "banana"])
async def test_a_number_that_is_none_is_refused_without_being_repeated(
    service: Service, event: dict[str, Any], number: str
) -> None:
    event["subject"] = f"nhs-number:{number}"

    answer = await service.send(event)

    assert answer.status_code == 422
    assert answer.json()["reason"] == "invalid_data"
    assert answer.json()["errors"][0]["pointer"] == "/subject"
    assert not number or number not in answer.text


async def test_an_nhs_number_that_stands_elsewhere_too_is_refused(service: Service, event: dict[str, Any]) -> None:
    event["subject"] = f"nhs-number:{NHS_NUMBER}"
    event["data"]["referral_ref"] = NHS_NUMBER

    answer = await service.send(event)

    assert answer.status_code == 422
    assert answer.json()["reason"] == "identifiable_data"
    assert service.publisher.records == []


@pytest.mark.parametrize(
    ("text", "twice", "pointer"),
    [
        ('"specversion": "1.0"', '"specversion": "1.0", "specversion": "1.0"', "/specversion"),
        ('"id": ', '"id" : "another", "id": ', "/id"),
        ('"subject": ', f'"subject": "nhs-number:{NHS_NUMBER}", "subject": ', "/subject"),
        ('"borough": ', '"borough"\n: "E09000003", "borough": ', "/data/borough"),
        ('"data": ', '"data": {}, "data": ', "/data"),
    ],
)
async def test_a_name_that_stands_twice_is_refused(
    service: Service, event: dict[str, Any], text: str, twice: str, pointer: str
) -> None:
    body = json.dumps(event).replace(text, twice, 1).encode()

    answer = await service.send(body)

    assert answer.status_code == 422
    assert service.publisher.records == []
    if answer.json()["reason"] == "invalid_data":
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    else:
        assert answer.json()["reason"] == "identifiable_data"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"{",
        b'{"specversion":"1.0"',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"id": NaN}',
        b'{"id": 1e999}',
        b'{"id": "\xff"}',
        b'{"id": "\\ud800"}',
        b"null",
        b'"text"',
        b"[]",
        b"{} {}",
        b"\x00",
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_what_is_no_event_gets_a_problem_that_says_so(service: Service, body: bytes) -> None:
    answer = await service.send(body)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] in {"not_json", "not_cloudevent"}
    assert answer.json()["detail"]


@pytest.mark.parametrize(("outcome", "reason"), [(Failure.NOT_SENT, "not_sent"), (Failure.UNKNOWN, "unknown")])
async def test_what_kafka_did_not_acknowledge_is_answered_503(
    service: Service, event: dict[str, Any], outcome: Failure, reason: str
) -> None:
    service.publisher.outcome = outcome

    answer = await service.send(event)

    assert answer.status_code == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 5
    assert answer.json()["reason"] == reason
    assert "same id" in answer.json()["detail"]
    assert (answer.json()["source"], answer.json()["id"]) == (event["source"], event["id"])


async def test_nothing_is_answered_before_the_acknowledgement(service: Service, event: dict[str, Any]) -> None:
    service.publisher.hold = True
    answering = asyncio.create_task(service.send(event))
    await until(lambda: service.publisher.waiting)
    await turns(50)

    assert not answering.done()

    service.publisher.acknowledge()
    assert (await answering).status_code == 202


async def test_who_may_not_speak_for_a_source_is_refused(
    make_service: Callable[..., Service], event: dict[str, Any]
) -> None:
    class OneProvider:
        async def identify(self, _connection: HTTPConnection) -> Caller:
            return Caller("somebody else", frozenset({"urn:ncl:provider:another"}))

    service = make_service(callers=OneProvider())

    answer = await service.send(event)

    assert answer.status_code == 403
    assert answer.json()["reason"] == "source_not_allowed"
    assert answer.json()["errors"][0]["expected"] == "one of: urn:ncl:provider:another"
    assert service.publisher.records == []


async def test_the_answers_are_counted(service: Service, event: dict[str, Any]) -> None:
    await service.send(event)
    await service.send(b"{}")
    await service.send({**event, "subject": "nobody"})
    await service.client.post("/events", content=b"x", headers={"content-type": "text/plain"})

    shown = (await service.client.get("/metrics")).text

    assert 'pcare_ingest_requests_total{status="202"} 1.0' in shown
    assert 'pcare_ingest_requests_total{status="415"} 1.0' in shown
    assert 'pcare_ingest_events_total{outcome="accepted"} 1.0' in shown
    assert 'pcare_ingest_events_total{outcome="rejected"} 2.0' in shown
    assert 'pcare_ingest_rejected_total{provider="RKE",reason="invalid_data"} 1.0' in shown
    assert 'pcare_ingest_rejected_total{provider="unknown",reason="not_cloudevent"} 1.0' in shown
    assert "pcare_ingest_in_flight_events 0.0" in shown
    assert "pcare_ingest_publish_seconds_count 1.0" in shown
