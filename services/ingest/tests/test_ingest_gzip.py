"""Bodies that were compressed with gzip."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_support import BATCH, SINGLE, Service, until

from pcare_ingest.admission import Admission, Hold, OverloadedError
from pcare_ingest.body import TooLargeError
from pcare_ingest.inflating import PIECE_BYTES, NotGzipError, inflate
from pcare_ingest.limits import MAX_BATCH_BYTES
from pcare_schemas.rejections import MAX_EVENT_BYTES

ROOM = Admission(max_events=10, max_bytes=2**30)


async def inflated(body: bytes, limit: int = 10_000) -> bytes:
    with Hold(ROOM) as hold:
        return await inflate(body, limit=limit, hold=hold)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", " gzip "])
async def test_a_compressed_event_is_the_event(service: Service, event: dict[str, Any], encoding: str) -> None:
    body = json.dumps(event).encode()

    answer = await service.send(gzip.compress(body), content_encoding=encoding)

    assert answer.status_code == 202
    assert service.publisher.records[0].value == body


async def test_a_compressed_batch_is_the_batch(service: Service, event: dict[str, Any]) -> None:
    events = [{**event, "id": f"event-{index}"} for index in range(1000)]

    answer = await service.send(gzip.compress(json.dumps(events).encode()), BATCH, content_encoding="gzip")

    assert answer.status_code == 202
    assert len(service.publisher.records) == 1000


async def test_an_event_in_binary_mode_may_be_compressed_too(service: Service, event: dict[str, Any]) -> None:
    data = gzip.compress(json.dumps(event.pop("data")).encode())
    attributes = {f"ce-{name}": value for name, value in event.items() if name != "datacontenttype"}

    answer = await service.send(data, "application/json", content_encoding="gzip", **attributes)

    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("content_type", "limit", "reason"),
    [(SINGLE, MAX_EVENT_BYTES, "too_large"), (BATCH, MAX_BATCH_BYTES, "batch_too_large")],
)
async def test_a_few_bytes_that_stand_for_many_are_too_large(
    service: Service, content_type: str, limit: int, reason: str
) -> None:
    just_enough = gzip.compress(b" " * limit)
    one_more = gzip.compress(b" " * (limit + 1))
    bomb = gzip.compress(b" " * (200 * 1024 * 1024))
    assert len(bomb) < limit

    answers = [
        await service.send(body, content_type, content_encoding="gzip") for body in (just_enough, one_more, bomb)
    ]

    assert [answer.json()["reason"] for answer in answers] == ["not_json", reason, reason]


async def test_what_is_inflated_is_bounded_and_counted_as_it_comes() -> None:
    admission = Admission(max_events=1, max_bytes=PIECE_BYTES)
    bomb = gzip.compress(b"\0" * (64 * 1024 * 1024))

    with Hold(admission) as hold, pytest.raises(OverloadedError):
        await inflate(bomb, limit=MAX_BATCH_BYTES, hold=hold)
    assert admission.bytes == 0
    with Hold(ROOM) as hold:
        with pytest.raises(TooLargeError):
            await inflate(bomb, limit=1_000, hold=hold)
        assert ROOM.bytes == 1_001
    assert ROOM.bytes == 0


async def test_what_does_not_fit_into_what_may_be_in_hand_is_turned_away(
    make_service: Callable[..., Service], event: dict[str, Any]
) -> None:
    service = make_service(ingest_max_bytes_in_hand=2 * MAX_BATCH_BYTES)
    service.publisher.hold = True
    padded = json.dumps([event]).encode() + b" " * (MAX_BATCH_BYTES - 2_000)
    waiting = [asyncio.create_task(service.send_batch(padded)) for _ in range(2)]
    await until(lambda: len(service.publisher.waiting) == 2)

    answer = await service.send(gzip.compress(padded), BATCH, content_encoding="gzip")

    assert (answer.status_code, answer.json()["reason"]) == (503, "overloaded")
    service.publisher.acknowledge()
    assert [(await one).status_code for one in waiting] == [202, 202]


WHOLE = gzip.compress(b'{"a": 1}' * 50, mtime=0)  # a case is called as its bytes, and every worker must call it alike


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "ends too early"),
        (WHOLE[:-1], "ends too early"),
        (WHOLE[:5], "ends too early"),
        (WHOLE + b"x", "follows its end"),
        (WHOLE + WHOLE, "follows its end"),
        (b'{"a": 1}', "not gzip"),
        (zlib.compress(b"{}"), "not gzip"),
        (WHOLE[:-8] + b"\0" * 8, "not gzip, or was damaged"),
    ],
)
async def test_what_is_not_one_whole_gzip_stream_is_told_so(service: Service, body: bytes, why: str) -> None:
    with pytest.raises(NotGzipError, match=why):
        await inflated(body)

    answer = await service.send(body, content_encoding="gzip")

    assert (answer.status_code, answer.json()["reason"]) == (400, "not_gzip")
    assert why in answer.json()["detail"]


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "gzip,br"])
async def test_another_encoding_is_told_which_is_taken(service: Service, encoding: str) -> None:
    answer = await service.send(b"x", content_encoding=encoding)

    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip")


@settings(deadline=None)
@given(body=st.binary(max_size=3_000), level=st.integers(0, 9))
async def test_whatever_was_compressed_comes_out(body: bytes, level: int) -> None:
    assert await inflated(gzip.compress(body, level)) == body


@settings(deadline=None)
@given(body=st.binary(max_size=200), cut=st.integers(0, 200), flip=st.integers(0, 255))
async def test_whatever_is_damaged_is_noticed_or_harmless(body: bytes, cut: int, flip: int) -> None:
    damaged = bytearray(gzip.compress(body, mtime=0))
    damaged[cut % len(damaged)] ^= flip
    try:
        assert await inflated(bytes(damaged)) == body
    except NotGzipError:
        assert flip
