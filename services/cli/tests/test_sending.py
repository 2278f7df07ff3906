import datetime as dt
import io
import json
from collections.abc import Callable, Mapping

import httpx
import pytest

from pcare_cli.http_sender import HttpSender, client_for
from pcare_cli.sending import AGAIN, Answer, Fate, Ledger, accepted_in, acknowledged, understand
from pcare_cli.simulation.organisations import COUNCIL, TRUST
from pcare_cli.simulation.postings import Expected, Posting
from pcare_common.clock import FixedClock
from pcare_schemas.rejections import Reason

ACCEPTED = Answer(Fate.ACCEPTED)


def posting(name: str, **changes: object) -> Posting:
    fields = {"value": json.dumps({"id": name}).encode(), "key": None, "source": COUNCIL.source, "id": name}
    return Posting(organisation=COUNCIL, **{**fields, **changes})  # type: ignore[arg-type]


def item(status: str, reason: str = "") -> dict[str, object]:
    return {"status": status, "problem": {"reason": reason}}


@pytest.mark.parametrize(
    ("status", "document", "answers"),
    [
        (202, {"status": "accepted"}, [ACCEPTED]),
        (422, {"reason": "invalid_data"}, [Answer(Fate.REFUSED, "invalid_data")]),
        (413, {"reason": "too_large"}, [Answer(Fate.REFUSED, "too_large")]),
        (503, {"reason": "overloaded"}, [AGAIN]),
        (202, [item("accepted"), item("accepted")], [ACCEPTED, ACCEPTED]),
        (207, [item("accepted"), item("rejected", "unknown_code")], [ACCEPTED, Answer(Fate.REFUSED, "unknown_code")]),
        (503, [item("accepted"), item("unavailable")], [ACCEPTED, AGAIN]),
        (503, {"reason": "overloaded"}, [AGAIN, AGAIN]),
    ],
)
def test_an_answer_is_understood_event_by_event(status: int, document: object, answers: list[Answer]) -> None:
    assert understand(status, json.dumps(document).encode(), len(answers)) == answers


@pytest.mark.parametrize(
    ("status", "body", "count"),
    [(202, b"[]", 2), (200, b"ok", 1), (202, b"{}", 2), (207, b'[{"status": "perhaps"}]', 1), (302, b"", 1)],
)
def test_an_answer_that_is_not_documented_is_no_answer(status: int, body: bytes, count: int) -> None:
    with pytest.raises(ValueError, match=r"verdict"):
        understand(status, body, count)


def test_the_ledger_counts_and_writes_each_fate() -> None:
    file = io.StringIO()
    ledger = Ledger(file)
    ledger.note(posting("a"), Fate.ACCEPTED)
    ledger.note(posting("b", reason=Reason.unknown_code), Fate.REFUSED, "unknown_code")
    ledger.note(posting("c"), Fate.REFUSED, "invalid_data")
    ledger.note(posting("d"), Fate.UNANSWERED)
    assert ledger.summary() == {
        "sent": 4,
        "accepted": 1,
        "acknowledged": 0,
        "refused": 2,
        "unanswered": 1,
        "refused_by_reason": {"invalid_data": 1, "unknown_code": 1},
        "surprises": {"good refused as invalid_data": 1},
    }
    assert accepted_in(file.getvalue().splitlines()) == {(COUNCIL.source, "a")}


def test_a_wrong_event_that_kafka_took_need_not_be_found_by_id() -> None:
    assert acknowledged(posting("a")) is Fate.ACCEPTED
    assert acknowledged(posting("a", expected=Expected.REJECTED)) is Fate.ACKNOWLEDGED


class Ingest:
    """Answers requests from a script, and remembers what came and how long the sender slept."""

    def __init__(self, *script: Callable[[httpx.Request], httpx.Response]) -> None:
        self.script = list(script)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []
        self.clock = FixedClock(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.script.pop(0)(request) if len(self.script) > 1 else self.script[0](request)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(dt.timedelta(seconds=seconds))

    async def send(
        self, *postings: Posting, give_up_after: float = 60.0, keys: Mapping[str, str] | None = None
    ) -> Ledger:
        ledger = Ledger()
        async with httpx.AsyncClient(transport=httpx.MockTransport(self), base_url="http://ingest") as client:
            sender = HttpSender(client, ledger, self.clock, give_up_after=give_up_after, sleep=self.sleep, keys=keys)
            await sender.send(postings)
        return ledger


def answering(status: int, document: object, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _request: httpx.Response(status, json=document, headers=headers)


async def test_one_event_goes_alone_and_several_as_a_batch() -> None:
    ingest = Ingest(answering(202, {"status": "accepted"}))
    await ingest.send(posting("a"))
    assert ingest.requests[0].headers["content-type"] == "application/cloudevents+json"

    ingest = Ingest(answering(202, [item("accepted")] * 2))
    ledger = await ingest.send(posting("a"), posting("b"))
    assert ingest.requests[0].headers["content-type"] == "application/cloudevents-batch+json"
    assert json.loads(ingest.requests[0].content) == [{"id": "a"}, {"id": "b"}]
    assert ledger.fates == {Fate.ACCEPTED: 2}


async def test_only_what_is_not_known_to_be_safe_is_sent_again_and_after_the_wait_asked_for() -> None:
    again = answering(
        503, [item("accepted"), item("unavailable"), item("rejected", "unknown_code")], **{"Retry-After": "3"}
    )
    ingest = Ingest(again, answering(202, {"status": "accepted"}))
    ledger = await ingest.send(posting("a"), posting("b"), posting("c", reason=Reason.unknown_code))
    assert json.loads(ingest.requests[1].content) == {"id": "b"}
    assert ingest.slept == [3.0]
    assert ledger.fates == {Fate.ACCEPTED: 2, Fate.REFUSED: 1}
    assert not ledger.surprises


async def test_a_timeout_is_followed_by_the_same_event_again() -> None:
    def timeout(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no answer", request=request)

    ingest = Ingest(timeout, answering(202, {"status": "accepted"}))
    ledger = await ingest.send(posting("a"))
    assert [json.loads(request.content) for request in ingest.requests] == [{"id": "a"}] * 2
    assert 0 < ingest.slept[0] <= 0.1
    assert ledger.fates == {Fate.ACCEPTED: 1}


async def test_what_is_never_answered_is_counted_as_that() -> None:
    ingest = Ingest(answering(503, {"reason": "overloaded"}, **{"Retry-After": "9"}))
    ledger = await ingest.send(posting("a"), posting("b"), give_up_after=20.0)
    assert ingest.slept == [9.0, 9.0, 9.0]
    assert ledger.fates == {Fate.UNANSWERED: 2}


async def test_an_api_key_goes_with_every_request() -> None:
    for key, sent in (("pcare_x_y", "pcare_x_y"), (None, None)):
        async with client_for("http://ingest", key) as client:
            assert client.headers.get("X-API-Key") == sent


async def test_a_key_of_its_own_goes_with_what_a_source_sends() -> None:
    for keys, sent in (({COUNCIL.source: "its own", TRUST.source: "another"}, "its own"), ({TRUST.source: "x"}, None)):
        ingest = Ingest(answering(202, {"status": "accepted"}))
        await ingest.send(posting("a"), keys=keys)
        assert ingest.requests[0].headers.get("X-API-Key") == sent
