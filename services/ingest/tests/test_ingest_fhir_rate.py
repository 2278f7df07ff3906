"""POST /fhir: what a request takes of its caller's rate."""

import asyncio
import gzip
from datetime import timedelta
from typing import Any

import pytest
from fhir_support import bundle, example, issues, send
from ingest_support import MakeService, until
from starlette.requests import HTTPConnection

from pcare_ingest.callers import Caller
from pcare_ingest.fhir import taking
from pcare_ingest.fhir.limits import MAX_BYTES, MAX_ENTRIES
from pcare_ingest.limits import MAX_BATCH_EVENTS
from pcare_ingest.rate_limit import Rate
from pcare_schemas.examples import VALID

RKE = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"


class Limited:
    """Everybody is this caller, who may send five at once."""

    async def identify(self, connection: HTTPConnection) -> Caller:  # noqa: ARG002
        return Caller("RKE", frozenset({RKE}), "c1", Rate(per_second=1, burst=5))


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b" " * (MAX_BYTES + 1), {}, 413),
        (bundle("batch", *[{"resourceType": "Patient"}] * (MAX_ENTRIES + 1)), {}, 413),
        (b"{", {}, 400),
        (b"{}", {"content_type": "text/plain"}, 415),
        (b"{}", {"content_encoding": "br"}, 415),
        (b"{}", {"content_encoding": "gzip"}, 400),
        (gzip.compress(b" " * (MAX_BYTES + 1)), {"content_encoding": "gzip"}, 413),
    ],
    ids=["too large", "too many", "not JSON", "another type", "another encoding", "no gzip", "too large in gzip"],
)
async def test_what_is_refused_before_its_events_are_counted_takes_one(
    make_service: MakeService, body: Any, headers: dict[str, str], status: int
) -> None:
    service = make_service(callers=Limited())

    assert [(await send(service, body, **headers)).status_code for _ in range(6)] == [status] * 5 + [429]


async def test_nothing_is_taken_apart_for_who_has_to_wait(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service(callers=Limited())
    assert (await send(service, bundle("batch", *[example("pam-scored")] * 5))).status_code == 200
    monkeypatch.setattr(taking, "take", None)

    answer = await send(service, bundle("batch", example("pam-scored")))

    assert (answer.status_code, issues(answer)[0]["code"]) == (429, "throttled")


@pytest.mark.parametrize(("entries", "left"), [(1, 4), (3, 2), (5, 0)])
async def test_an_entry_takes_one(make_service: MakeService, entries: int, left: int) -> None:
    service = make_service(callers=Limited())

    assert (await send(service, bundle("batch", *[example("pam-scored")] * entries))).status_code == 200

    alone = [(await send(service, example("pam-scored"))).status_code for _ in range(left + 1)]
    assert alone == [201] * left + [429]


async def test_a_bundle_larger_than_the_burst_is_possible(make_service: MakeService) -> None:
    service = make_service(callers=Limited())

    assert (await send(service, bundle("batch", *[example("pam-scored")] * 50))).status_code == 200
    assert (await send(service, example("pam-scored"))).status_code == 429


async def test_being_told_to_come_back_takes_nothing(make_service: MakeService) -> None:
    service = make_service(callers=Limited(), ingest_max_events_in_hand=MAX_BATCH_EVENTS)
    service.publisher.hold = True
    first = asyncio.create_task(service.send_batch([VALID["sp-referral"] | {"source": RKE}] * MAX_BATCH_EVENTS))
    await until(lambda: len(service.publisher.records) == MAX_BATCH_EVENTS)
    service.clock.advance(timedelta(hours=1))

    told = [(await send(service, example("pam-scored"))).status_code for _ in range(6)]
    service.publisher.acknowledge()
    service.publisher.hold = False

    assert told == [503] * 6
    assert (await first).status_code == 202
    assert (await send(service, example("pam-scored"))).status_code == 201
