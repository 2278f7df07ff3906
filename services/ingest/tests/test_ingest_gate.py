"""The gate: how much a provider may send."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ingest_support import Service
from starlette.requests import HTTPConnection

from pcare_ingest.callers import Caller
from pcare_ingest.rate_limit import Rate
from pcare_schemas.examples import VALID

OWN = VALID["sp-referral"]["source"]


class Known:
    """Everybody is this caller."""

    def __init__(self, rate: Rate | None) -> None:
        self._caller = Caller("RKE", frozenset({OWN}), "c1", rate)

    async def identify(self, connection: HTTPConnection) -> Caller:  # noqa: ARG002
        return self._caller


async def test_who_sends_faster_than_it_may_is_told_when_to_come_back(
    make_service: Callable[..., Service], event: dict[str, Any]
) -> None:
    service = make_service(callers=Known(Rate(per_second=2, burst=3)))

    assert [(await service.send(event)).status_code for _ in range(3)] == [202] * 3
    refused = await service.send(event)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["reason"] == "too_many_events"
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["ratelimit-policy"] == '"events";q=3;w=2'
    service.clock.advance(timedelta(seconds=1))
    assert (await service.send(event)).status_code == 202

    assert service.registry.get_sample_value("pcare_ingest_limited_events_total", {"provider": "RKE"}) == 1
    assert service.registry.get_sample_value("pcare_ingest_requests_total", {"status": "429"}) == 1


async def test_of_a_batch_that_does_not_fit_nothing_is_taken(
    make_service: Callable[..., Service], event: dict[str, Any]
) -> None:
    service = make_service(callers=Known(Rate(per_second=1, burst=10)))

    assert (await service.send_batch([event] * 9)).status_code == 202
    assert (await service.send_batch([event] * 2)).status_code == 429

    assert len(service.publisher.records) == 9


async def test_a_batch_larger_than_the_burst_is_possible(
    make_service: Callable[..., Service], event: dict[str, Any]
) -> None:
    service = make_service(callers=Known(Rate(per_second=1, burst=10)))

    assert (await service.send_batch([event] * 100)).status_code == 202
    service.clock.advance(timedelta(seconds=90))
    refused = await service.send(event)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")


async def test_without_a_rate_nobody_is_held_back(make_service: Callable[..., Service], event: dict[str, Any]) -> None:
    service = make_service(callers=Known(None))

    answers = await service.send_batch([event] * 1_000)

    assert answers.status_code == 202
