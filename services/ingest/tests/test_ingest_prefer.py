"""Prefer: return=minimal: no more of an answer than is needed."""

from typing import Any

import pytest
from ingest_support import Service

from pcare_ingest import heads
from pcare_ingest.publishing import Failure

MINIMAL = "return=minimal"


async def test_an_accepted_event_is_answered_without_a_body(service: Service, event: dict[str, Any]) -> None:
    answer = await service.send(event, prefer=MINIMAL)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["preference-applied"] == MINIMAL
    assert answer.headers["location"].endswith(f"/{event['id']}?at=interventions.submitted/0/0")


async def test_a_batch_with_nothing_against_it_is_answered_without_a_body(
    service: Service, event: dict[str, Any]
) -> None:
    answer = await service.send_batch([event, event], prefer=MINIMAL)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["preference-applied"] == MINIMAL


async def test_of_a_batch_only_what_was_refused_is_told(service: Service, event: dict[str, Any]) -> None:
    wrong = {**event, "id": "wrong", "data": {**event["data"], "borough": "E09000001"}}

    answer = await service.send_batch([event, wrong, event], prefer=MINIMAL)

    assert answer.status_code == 207
    assert [(item["index"], item["id"], item["status"]) for item in answer.json()] == [(1, "wrong", "rejected")]
    assert answer.headers["preference-applied"] == MINIMAL


async def test_of_a_batch_that_may_not_be_safe_each_event_that_is_not_is_told(
    service: Service, event: dict[str, Any]
) -> None:
    service.publisher.outcome = Failure.UNKNOWN

    answer = await service.send_batch([event, 17], prefer=MINIMAL)

    assert answer.status_code == 503
    assert [item["status"] for item in answer.json()] == ["unavailable", "rejected"]
    assert "retry-after" in answer.headers


async def test_what_was_refused_is_told_in_full(service: Service) -> None:
    answer = await service.send(b"{}", prefer=MINIMAL)

    assert answer.json() == (await service.send(b"{}")).json()
    assert "preference-applied" not in answer.headers


async def test_a_check_may_be_minimal_too(service: Service, event: dict[str, Any]) -> None:
    answer = await service.send(event, to="/events/check", prefer=MINIMAL)

    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("prefer", "minimal"),
    [
        ([b"return=minimal"], True),
        ([b"Return = Minimal"], True),
        ([b'return="minimal"'], True),
        ([b"respond-async, return=minimal; foo=bar, wait=10"], True),
        ([b"respond-async", b"return=minimal"], True),
        ([b"return=minimal, return=representation"], True),
        ([b"return=representation, return=minimal"], False),
        ([b"return=representation"], False),
        ([b"handling=lenient"], False),
        ([b"return"], False),
        ([b"returns=minimal"], False),
        ([b""], False),
        ([b"=;,\xff"], False),
        ([], False),
    ],
)
def test_preferences(prefer: list[bytes], minimal: bool) -> None:
    assert heads.read([(b"prefer", value) for value in prefer]).minimal is minimal
