"""POST /events/check: every verdict that the edge can give, and nothing stored."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from ingest_support import NHS_NUMBER, Service
from starlette.requests import HTTPConnection

from pcare_ingest.callers import Caller
from pcare_ingest.publishing import Failure
from pcare_schemas.examples import VALID
from pcare_schemas.invalid_examples import INVALID, Invalid

CHECK = "/events/check"


@pytest.mark.parametrize("kind", VALID)
async def test_a_valid_event_is_called_so_and_not_stored(service: Service, kind: str) -> None:
    answer = await service.send(VALID[kind], to=CHECK)

    assert answer.status_code == 200
    assert answer.json() == {"status": "valid", "source": VALID[kind]["source"], "id": VALID[kind]["id"]}
    assert "location" not in answer.headers
    assert service.publisher.records == []


@pytest.mark.parametrize("invalid", INVALID, ids=lambda invalid: invalid.name)
async def test_a_wrong_event_gets_the_answer_that_sending_it_would_get(service: Service, invalid: Invalid) -> None:
    checked = await service.send(invalid.value, to=CHECK)
    sent = await service.send(invalid.value)

    assert (checked.status_code, checked.json()) == (sent.status_code, sent.json()) or sent.status_code == 202
    assert (checked.status_code == 200) is (sent.status_code == 202)


async def test_a_batch_is_judged_event_by_event(service: Service, event: dict[str, Any]) -> None:
    answer = await service.send_batch([event, 17], to=CHECK)

    assert answer.status_code == 207
    assert [item["status"] for item in answer.json()] == ["valid", "rejected"]
    assert (await service.send_batch([event] * 120, to=CHECK)).status_code == 200
    assert (await service.send_batch([17], to=CHECK)).status_code == 400
    assert service.publisher.records == []


async def test_binary_mode_and_nhs_numbers_are_checked_alike(service: Service, event: dict[str, Any]) -> None:
    data = json.dumps(event.pop("data")).encode()
    attributes = {f"ce-{name}": value for name, value in event.items() if name != "datacontenttype"}

    right = await service.send(
        data, "application/json", to=CHECK, **{**attributes, "ce-subject": "nhs-number:" + NHS_NUMBER}
    )
    wrong = await service.send(
        data, "application/json", to=CHECK, **{**attributes, "ce-subject": "nhs-number:9990000019"}
    )

    assert (right.status_code, wrong.status_code) == (200, 422)


async def test_it_needs_no_kafka(service: Service, event: dict[str, Any]) -> None:
    service.publisher.outcome = Failure.NOT_SENT

    assert (await service.send(event, to=CHECK)).status_code == 200
    assert (await service.send(event)).status_code == 503


class AnotherCaller:
    async def identify(self, _connection: HTTPConnection) -> Caller:
        return Caller("another", frozenset({"urn:ncl:provider:another"}))


async def test_another_organisations_event_is_refused_here_too(
    make_service: Callable[..., Service], event: dict[str, Any]
) -> None:
    answer = await make_service(callers=AnotherCaller()).send(event, to=CHECK)

    assert (answer.status_code, answer.json()["reason"]) == (403, "source_not_allowed")


async def test_what_is_checked_is_counted_apart_from_what_is_sent(service: Service, event: dict[str, Any]) -> None:
    await service.send_batch([event, 17, event], to=CHECK)
    await service.send(b"x", "text/plain", to=CHECK)

    shown = await service.metrics()

    assert 'pcare_ingest_checked_events_total{outcome="valid"} 2.0' in shown
    assert 'pcare_ingest_checked_events_total{outcome="rejected"} 1.0' in shown
    assert 'pcare_ingest_check_requests_total{status="207"} 1.0' in shown
    assert 'pcare_ingest_check_requests_total{status="415"} 1.0' in shown
    assert 'pcare_ingest_events_total{outcome="accepted"} 0.0' in shown
    assert "pcare_ingest_in_flight_events 0.0" in shown


async def test_only_post_is_taken_there(service: Service) -> None:
    answer = await service.client.get(CHECK)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
