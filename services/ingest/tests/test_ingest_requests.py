"""What surrounds the events: content types, sizes, slow and vanishing senders, overload, faults of our own."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import structlog
from ingest_support import Service, until
from starlette.types import Message

from pcare_ingest.body import DisconnectedError
from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS
from pcare_ingest.media_types import Form, form_of
from pcare_ingest.publishing import Outgoing
from pcare_schemas.rejections import MAX_EVENT_BYTES

NEVER: Message = {}
SINGLE, BATCH = Form.SINGLE.value, Form.BATCH.value


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        (SINGLE, Form.SINGLE),
        (f"{SINGLE}; charset=UTF-8", Form.SINGLE),
        (f'{SINGLE};charset="utf-8"; v=1', Form.SINGLE),
        ("APPLICATION/CloudEvents+JSON", Form.SINGLE),
        (f" {BATCH} ;charset=utf8", Form.BATCH),
        (f"{BATCH};", Form.BATCH),
        (f"{SINGLE}; charset=iso-8859-1", None),
        (f"{SINGLE}; charset=", None),
        ("application/json", None),
        ("text/plain", None),
        (f"{SINGLE}x", None),
        (f"{SINGLE}, {BATCH}", None),
        ("", None),
        (";", None),
        (None, None),
    ],
)
def test_content_types(content_type: str | None, form: Form | None) -> None:
    assert form_of(content_type) is form


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "multipart/form-data; boundary=x"])
async def test_another_content_type_is_told_which_are_taken(
    service: Service, event: dict[str, Any], content_type: str
) -> None:
    answer = await service.send(event, content_type)

    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["accept-post"] == f"{SINGLE}, {BATCH}, application/json"
    assert SINGLE in answer.json()["detail"]
    assert BATCH in answer.json()["detail"]


async def test_an_encoded_body_is_not_guessed_at(service: Service) -> None:
    headers = {"content-type": SINGLE, "content-encoding": "br"}

    answer = await service.client.post("/events", content=b"x", headers=headers)

    assert answer.status_code == 415
    assert answer.json()["reason"] == "unsupported_encoding"
    assert answer.headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(("size", "status"), [(MAX_EVENT_BYTES, 202), (MAX_EVENT_BYTES + 1, 413), (2_000_000, 413)])
async def test_the_size_of_an_event_is_bounded(service: Service, event: dict[str, Any], size: int, status: int) -> None:
    body = json.dumps(event).encode()
    body = b" " * (size - len(body)) + body

    answer = await service.send(body)

    assert answer.status_code == status
    assert answer.json().get("reason") == ("too_large" if status == 413 else None)


async def call(app: Any, messages: Sequence[Message], headers: dict[str, str]) -> list[Message]:
    """Call the application as a server does: `messages` come one by one."""
    coming = iter(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        message = next(coming)
        if message is NEVER:
            await asyncio.Event().wait()
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/events", "headers": raw, "query_string": b"", "root_path": ""}
    await app(scope, receive, send)
    return sent


def part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_in_pieces_is_put_together(service: Service, event: dict[str, Any]) -> None:
    body = json.dumps(event).encode()

    sent = await call(
        service.app, [part(b""), part(body[:7]), part(body[7:]), part(b"", more=False)], {"content-type": SINGLE}
    )

    assert sent[0]["status"] == 202
    assert service.publisher.records[0].value == body


async def test_a_body_declared_too_large_is_refused_before_a_byte_is_read(service: Service) -> None:
    sent = await call(service.app, [], {"content-type": SINGLE, "content-length": str(MAX_EVENT_BYTES + 1)})

    assert sent[0]["status"] == 413


@pytest.mark.parametrize(("content_type", "limit"), [(SINGLE, MAX_EVENT_BYTES), (BATCH, MAX_BATCH_BYTES)])
async def test_a_body_of_unknown_length_is_refused_as_soon_as_it_is_too_large(
    service: Service, content_type: str, limit: int
) -> None:
    endless = [part(b" " * (limit // 2)), part(b" " * (limit // 2)), part(b" ")]

    sent = await call(service.app, endless, {"content-type": content_type})

    assert sent[0]["status"] == 413


async def test_a_length_that_is_no_number_does_not_matter(service: Service, event: dict[str, Any]) -> None:
    body = part(json.dumps(event).encode(), more=False)

    sent = await call(service.app, [body], {"content-type": SINGLE, "content-length": "many"})

    assert sent[0]["status"] == 202


@pytest.mark.parametrize("messages", [[NEVER], [part(b"{"), NEVER]])
async def test_a_body_that_does_not_come_in_time_is_given_up(
    make_service: Callable[..., Service], messages: list[Any]
) -> None:
    service = make_service(ingest_read_within_seconds=0.01)

    sent = await call(service.app, messages, {"content-type": SINGLE})

    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


@pytest.mark.parametrize("before", [[], [part(b'{"id":')]])
async def test_a_sender_that_went_away_is_not_answered(service: Service, before: list[Message]) -> None:
    sent = await call(service.app, [*before, {"type": "http.disconnect"}], {"content-type": SINGLE})

    assert sent == []
    assert service.publisher.records == []
    assert issubclass(DisconnectedError, Exception)


async def test_beyond_the_events_that_may_be_in_hand_requests_are_turned_away(
    make_service: Callable[..., Service], event: dict[str, Any]
) -> None:
    service = make_service(ingest_max_events_in_hand=MAX_BATCH_EVENTS)
    service.publisher.hold = True
    first = asyncio.create_task(service.send_batch([event] * (MAX_BATCH_EVENTS - 1)))
    second = asyncio.create_task(service.send(event))
    await until(lambda: len(service.publisher.records) == MAX_BATCH_EVENTS)

    too_many = await service.send(event)
    shown = (await service.client.get("/metrics")).text

    assert too_many.status_code == 503
    assert too_many.json()["reason"] == "overloaded"
    assert 1 <= int(too_many.headers["retry-after"]) <= 5
    assert f"pcare_ingest_in_flight_events {float(MAX_BATCH_EVENTS)}" in shown

    service.publisher.acknowledge()
    assert [(await first).status_code, (await second).status_code] == [202, 202]
    service.publisher.hold = False
    assert (await service.send(event)).status_code == 202


async def test_beyond_the_bytes_that_may_be_in_hand_requests_are_turned_away(
    make_service: Callable[..., Service], event: dict[str, Any]
) -> None:
    service = make_service(ingest_max_bytes_in_hand=2 * MAX_BATCH_BYTES)
    service.publisher.hold = True
    body = json.dumps([event]).encode()
    padded = b" " * (MAX_BATCH_BYTES - len(body)) + body
    waiting = [asyncio.create_task(service.send_batch(padded)) for _ in range(2)]
    await until(lambda: len(service.publisher.waiting) == 2)

    too_many = await service.send(event)

    assert too_many.status_code == 503
    service.publisher.acknowledge()
    assert [(await answer).status_code for answer in waiting] == [202, 202]


async def test_a_fault_of_ours_is_a_problem_and_its_words_go_nowhere(
    service: Service, event: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_records: Sequence[Outgoing]) -> None:
        raise ValueError("words that repeat what was sent")

    monkeypatch.setattr(service.publisher, "publish", fail)
    with structlog.testing.capture_logs() as logged:
        answer = await service.send(event)

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "internal_error"
    assert "words that repeat" not in answer.text + repr(logged)
    assert logged[-1]["error"] == "ValueError"
    assert any("intake.py" in frame for frame in logged[-1]["at"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/events", 405),
        ("PUT", "/events", 405),
        ("POST", "/", 405),
        ("GET", "/nothing", 404),
        ("POST", "/events/", 404),
    ],
)
async def test_every_other_address_answers_with_a_problem(
    service: Service, method: str, path: str, status: int
) -> None:
    answer = await service.client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert ("allow" in answer.headers) is (status == 405)


async def test_health(service: Service) -> None:
    assert (await service.client.get("/health/live")).json() == {"status": "ok", "reasons": []}
    assert (await service.client.get("/health/ready")).status_code == 200
