"""POST /events with a batch."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from ingest_support import NHS_NUMBER, Service, until

from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS
from pcare_ingest.publishing import Failure
from pcare_schemas.examples import VALID
from pcare_schemas.rejections import MAX_EVENT_BYTES

EVENTS = list(VALID.values())


def numbered(event: dict[str, Any], count: int) -> list[dict[str, Any]]:
    return [{**event, "id": f"event-{index}"} for index in range(count)]


async def test_a_batch_of_every_kind_is_accepted_event_by_event_in_order(service: Service) -> None:
    answer = await service.send_batch(EVENTS)

    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [
        {
            "index": index,
            "source": event["source"],
            "id": event["id"],
            "status": "accepted",
            "receipt": f"/events/{quote(event['source'], safe='')}/{event['id']}?at=interventions.submitted/0/{index}",
        }
        for index, event in enumerate(EVENTS)
    ]
    assert [record.key.decode() for record in service.publisher.records] == [event["subject"] for event in EVENTS]


async def test_the_bytes_of_each_event_are_those_that_were_sent(service: Service) -> None:
    written = [json.dumps(event, indent=index % 4).encode() for index, event in enumerate(EVENTS)]

    await service.send_batch(b" [\n" + b" ,\t".join(written) + b"\r\n] ")

    assert [record.value for record in service.publisher.records] == written


async def test_an_empty_batch_is_accepted(service: Service) -> None:
    answer = await service.send_batch([])

    assert answer.status_code == 202
    assert answer.json() == []


async def test_one_wrong_event_does_not_touch_the_others(service: Service, event: dict[str, Any]) -> None:
    good = numbered(event, 3)
    wrong = {**event, "id": "wrong", "data": {**event["data"], "borough": "E09000001"}}

    answer = await service.send_batch([good[0], wrong, good[1], 17, good[2]])

    verdicts = answer.json()
    assert answer.status_code == 207
    assert [verdict["status"] for verdict in verdicts] == ["accepted", "rejected", "accepted", "rejected", "accepted"]
    assert verdicts[1]["problem"]["reason"] == "unknown_code"
    assert verdicts[1]["problem"]["errors"][0]["pointer"] == "/data/borough"
    assert (verdicts[1]["index"], verdicts[1]["id"], verdicts[3]["id"]) == (1, "wrong", None)
    assert [json.loads(record.value)["id"] for record in service.publisher.records] == ["event-0", "event-1", "event-2"]


async def test_a_batch_of_nothing_but_wrong_events_is_answered_400(service: Service) -> None:
    answer = await service.send_batch([{}, {"id": 1}])

    assert answer.status_code == 400
    assert [verdict["problem"]["reason"] for verdict in answer.json()] == ["not_cloudevent", "not_cloudevent"]


async def test_any_event_that_is_not_known_to_be_safe_makes_it_503(service: Service, event: dict[str, Any]) -> None:
    service.publisher.outcome = Failure.UNKNOWN

    answer = await service.send_batch([event, {}])

    assert answer.status_code == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 5
    assert [verdict["status"] for verdict in answer.json()] == ["unavailable", "rejected"]
    assert answer.json()[0]["problem"]["reason"] == "unknown"


async def test_an_nhs_number_in_any_event_of_a_batch_is_replaced(service: Service, event: dict[str, Any]) -> None:
    answer = await service.send_batch([event, {**event, "subject": f"nhs-number:{NHS_NUMBER}"}])

    assert answer.status_code == 202
    assert all(NHS_NUMBER.encode() not in record.key + record.value for record in service.publisher.records)


async def test_the_largest_batch_is_taken_and_one_more_is_not(service: Service, event: dict[str, Any]) -> None:
    largest = await service.send_batch(numbered(event, MAX_BATCH_EVENTS))
    one_more = await service.send_batch(numbered(event, MAX_BATCH_EVENTS + 1))

    assert largest.status_code == 202
    assert len(largest.json()) == MAX_BATCH_EVENTS
    assert one_more.status_code == 413
    assert str(MAX_BATCH_EVENTS) in one_more.json()["detail"]
    assert len(service.publisher.records) == MAX_BATCH_EVENTS


async def test_others_get_their_turn_while_a_large_batch_is_judged(service: Service, event: dict[str, Any]) -> None:
    large = asyncio.create_task(service.send_batch(numbered(event, MAX_BATCH_EVENTS)))
    await until(lambda: service.publisher.records)

    small = await service.send(event)

    assert small.status_code == 202
    assert not large.done()
    assert (await large).status_code == 202


async def test_an_event_too_large_within_a_batch_is_refused_alone(service: Service, event: dict[str, Any]) -> None:
    large = {**event, "dataschema": "x" * MAX_EVENT_BYTES}

    answer = await service.send_batch([large, event])

    assert answer.status_code == 207
    assert answer.json()[0]["problem"]["reason"] == "too_large"


async def test_a_batch_of_too_many_bytes_is_refused(service: Service) -> None:
    answer = await service.send_batch(b"[" + b" " * MAX_BATCH_BYTES + b"]")

    assert answer.status_code == 413
    assert answer.json()["reason"] == "batch_too_large"


@pytest.mark.parametrize(
    "body",
    [b"", b"[", b"[1,]", b"{}", b"null", b"[{}", b"[NaN]", b"[" * 100_000, b"[{}] x", b"\xef\xbb\xbf[]", b'["\xff'],
    ids=lambda body: repr(body[:20]),
)
async def test_what_is_no_batch_gets_one_problem(service: Service, body: bytes) -> None:
    answer = await service.send_batch(body)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "not_json"
    assert answer.json()["errors"][0]["expected"] == "a JSON array of events: [{...}, {...}]"
