"""What the kit does with the requests of a provider's own system: pass on, try, keep."""

import datetime as dt
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pcare_cli.conformance.address import BATCH, SINGLE
from pcare_cli.conformance.listening import Listener, events_of
from pcare_cli.conformance.making import Party, source_of
from pcare_common.clock import FixedClock
from pcare_schemas import code_lists

NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
PARTY = Party(source_of("RKE"), "abcdefgh", NOW, code_lists.built_in()["commissioners"])
REFUSED = {"reason": "invalid_data", "errors": []}


def event(step: str) -> dict[str, Any]:
    return PARTY.event("sp-referral", step)


class Kit:
    """A listener, the system that sends to it, and what it passed on."""

    def __init__(self) -> None:
        self.passed: list[httpx.Request] = []
        self.answer = httpx.Response(202, json={"status": "accepted"})
        self.clock = FixedClock(NOW)
        self.changes = 0
        upstream = httpx.AsyncClient(transport=httpx.MockTransport(self._upstream), base_url="http://test/base")
        self.listener = Listener(upstream, self.clock, self._changed)
        transport = httpx.ASGITransport(app=self.listener.app())
        self.system = httpx.AsyncClient(transport=transport, base_url="http://kit")

    async def send(self, body: Any, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        media_type = {"content-type": BATCH if isinstance(body, list) else SINGLE}
        return await self.system.post("/events", content=content, headers={**media_type, **headers})

    def _upstream(self, request: httpx.Request) -> httpx.Response:
        self.passed.append(request)
        return self.answer

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit()
    async with kit.system:
        yield kit


async def test_the_first_delivery_is_told_to_wait_then_one_is_lost_and_one_refused(kit: Kit) -> None:
    answers = [await kit.send(event(name)) for name in ("a", "a", "b", "c", "d", "e", "f", "g")]
    assert [answer.status_code for answer in answers] == [503, 202, 202, 503, 202, 422, 202, 202]
    assert answers[0].headers["Retry-After"] == "2"
    assert answers[5].headers["content-type"] == "application/problem+json"
    assert [one.trial for one in kit.listener.seen] == ["wait", None, None, "lost", None, "refused", None, None]
    assert len(kit.passed) == 6  # neither what was told to wait nor what was refused
    assert kit.changes == 8


async def test_a_batch_is_tried_with_a_verdict_an_event(kit: Kit) -> None:
    answers = [await kit.send([event(name), event(f"{name}-too")]) for name in ("a", "b", "c", "d", "e")]
    assert [answer.status_code for answer in answers] == [503, 202, 503, 202, 400]
    assert [verdict["status"] for verdict in answers[0].json()] == ["unavailable"] * 2
    assert [verdict["id"] for verdict in answers[4].json()] == [event("e")["id"], event("e-too")["id"]]
    assert answers[4].json()[0]["problem"]["reason"] == "invalid_data"
    assert [one.trial for one in kit.listener.seen] == ["wait"] * 2 + [None] * 2 + ["lost"] * 2 + [None] * 2 + [
        "refused"
    ] * 2


async def test_a_request_is_passed_on_as_it_is_and_so_is_its_answer(kit: Kit) -> None:
    kit.answer = httpx.Response(200, json={"status": "recorded"}, headers={"Location": "/x", "ETag": "1"})
    answer = await kit.system.get("/events/urn%3Aa%2Fb/one?at=t/0/1", headers={"Authorization": "Bearer x"})
    assert kit.passed[0].url.raw_path == b"/base/events/urn%3Aa%2Fb/one?at=t/0/1"
    assert kit.passed[0].headers["authorization"] == "Bearer x"
    assert kit.passed[0].headers["host"] == "test"
    assert (answer.json(), answer.headers["etag"]) == ({"status": "recorded"}, "1")
    assert kit.listener.seen == []


@pytest.mark.parametrize("body", [{"subject": "nhs-number:9434765919"}, [{"subject": "NHS-number:943 476 5919"}]])
async def test_nothing_about_a_person_who_may_be_real_is_passed_on_or_kept(kit: Kit, body: Any) -> None:
    answer = await kit.send(body)
    assert answer.status_code == 422
    assert "9434765919" not in answer.text
    assert kit.passed == []
    assert kit.listener.seen == []


async def test_what_the_address_refuses_is_kept_with_its_reason(kit: Kit) -> None:
    await kit.send(event("tried"))
    kit.answer = httpx.Response(422, json=REFUSED)
    await kit.send(event("tried"))
    items = [{"status": "accepted"}, {"status": "rejected", "problem": REFUSED}]
    kit.answer = httpx.Response(207, json=items)
    await kit.send([event("tried"), event("two")])
    assert [one.problem for one in kit.listener.seen] == [None, REFUSED, None, REFUSED]
    assert [one.counts for one in kit.listener.seen] == [False, False, True, False]


async def test_an_address_that_is_away_is_told_apart_from_a_refusal_by_the_kit(kit: Kit) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    kit.listener._client = httpx.AsyncClient(transport=httpx.MockTransport(away), base_url="http://test")
    await kit.send(event("a"))
    assert (await kit.send(event("a"))).status_code == 502
    assert kit.listener.seen[-1].problem == {"reason": "http_502"}


@pytest.mark.parametrize(
    ("headers", "body", "events"),
    [
        ({"content-type": SINGLE}, b'{"id": "1"}', [{"id": "1"}]),
        ({"content-type": f"{BATCH}; charset=utf-8"}, b'[{"id": "1"}, 2]', [{"id": "1"}, None]),
        ({"content-type": SINGLE, "content-encoding": "gzip"}, gzip.compress(b'{"id": "1"}', mtime=0), [{"id": "1"}]),
        ({"content-type": "application/json", "ce-id": "1"}, b'{"a": 2}', [{"id": "1", "data": {"a": 2}}]),
        ({"content-type": SINGLE}, b'{"id": ', [None]),
        ({"content-type": SINGLE, "content-encoding": "gzip"}, b"no gzip", [None]),
        ({"content-type": SINGLE, "content-encoding": "gzip"}, gzip.compress(b"{}", mtime=0)[:9], [None]),
        ({"content-type": SINGLE, "content-encoding": "gzip"}, gzip.compress(b" " * 9_000_000, mtime=0), [None]),
    ],
)
def test_events_are_found_however_they_are_written(headers: dict[str, str], body: bytes, events: list[Any]) -> None:
    assert events_of(headers, body)[0] == events
