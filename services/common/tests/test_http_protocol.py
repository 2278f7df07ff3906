"""The bounds on connections, on the head of a request and on answers not taken, on real connections."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pcare_common import http_protocol
from pcare_common.http import HttpServer
from pcare_common.http_protocol import MAX_HEAD_BYTES

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
PROBE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = 32 * 1024 * 1024
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await request.body())


async def refuse_unread(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("too large", status_code=413)


@pytest.fixture
async def connection(unused_tcp_port: int) -> AsyncIterator[Streams]:
    app = Starlette(
        routes=[
            Route("/", echo, methods=["POST"]),
            Route("/refuse", refuse_unread, methods=["POST"]),
            Route("/large", lambda _request: PlainTextResponse(b"x" * LARGE)),
            Route("/health/live", lambda _request: PlainTextResponse("alive")),
        ]
    )
    server = HttpServer(app, host="127.0.0.1", port=unused_tcp_port)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
    yield reader, writer
    await closed(writer)
    await server.stop()


async def answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return head.split(b" ", 2)[1] + b" " + await reader.readexactly(length)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the server closes the connection."""
    async with asyncio.timeout(5):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def test_requests_on_one_connection_are_answered_also_in_pieces_and_pipelined(connection: Streams) -> None:
    reader, writer = connection
    writer.write(REQUEST)
    assert await answer(reader) == b"200 hi"
    for byte in REQUEST:
        writer.write(bytes([byte]))
        await writer.drain()
    assert await answer(reader) == b"200 hi"
    writer.write(REQUEST + REQUEST)
    assert [await answer(reader), await answer(reader)] == [b"200 hi", b"200 hi"]


async def test_a_large_body_is_no_large_head(connection: Streams) -> None:
    reader, writer = connection
    body = b"x" * (4 * MAX_HEAD_BYTES)
    for _ in range(2):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert await answer(reader) == b"200 " + body


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\n", b"X-More: of the same\r\n"),
        (b"POST / HTTP/1.1\r\nX-One: ", b"a"),
        (b"POST /", b"a"),
    ],
)
async def test_a_head_without_end_is_refused(connection: Streams, start: bytes, piece: bytes) -> None:
    reader, writer = connection
    writer.write(start)
    try:
        for _ in range(100):
            writer.write(piece * (65_536 // len(piece)))
            await writer.drain()
    except ConnectionError:
        pass
    said = await ended(reader)
    assert said == b"" or said.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


@pytest.mark.parametrize("said", [b"", b"\r\n", b"POST / HT", b"POST / HTTP/1.1\r\nHost: x\r\n"])
@pytest.mark.parametrize("before", [b"", REQUEST])
async def test_a_head_that_does_not_come_is_not_waited_for(
    connection: Streams, before: bytes, said: bytes, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_WITHIN_SECONDS", 0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
    if before:
        writer.write(before)
        assert await answer(reader) == b"200 hi"
        said = said or b"\r\n"  # a connection that says nothing between requests is uvicorn's to end
    writer.write(said)
    assert await ended(reader) == b""
    await closed(writer)


async def test_a_body_that_was_refused_unread_is_not_taken_for_ever(
    connection: Streams, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_WITHIN_SECONDS", 0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
    writer.write(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
    assert await answer(reader) == b"413 too large"
    writer.write(b"x")
    assert await ended(reader) == b""
    await closed(writer)


async def test_a_request_in_hand_may_take_its_time(
    connection: Streams, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_WITHIN_SECONDS", 0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
    writer.write(REQUEST[:-2])
    await asyncio.sleep(1)
    writer.write(REQUEST[-2:])
    assert await answer(reader) == b"200 hi"
    await closed(writer)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(http_protocol, "SPARE_CONNECTIONS", 1)


async def test_connections_beyond_the_limit_are_told_to_come_back_and_the_others_go_on(
    few: None, connection: Streams, unused_tcp_port: int
) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", unused_tcp_port) for _ in range(2)]
    for reader, writer in (connection, opened[0]):
        writer.write(REQUEST)
        assert await answer(reader) == b"200 hi"
    reader, writer = opened[1]
    writer.write(PROBE)
    assert await answer(reader) == b"200 alive"
    writer.write(REQUEST)
    said = await ended(reader)
    assert said.startswith(b"HTTP/1.1 503")
    assert b"retry-after: " in said.lower()
    reader, writer = connection
    writer.write(REQUEST)
    assert await answer(reader) == b"200 hi"
    for _, one in opened:
        await closed(one)
    reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
    writer.write(REQUEST)  # there is room again
    assert await answer(reader) == b"200 hi"
    await closed(writer)


async def test_what_is_far_beyond_the_limit_is_closed_before_it_says_anything(
    few: None, connection: Streams, unused_tcp_port: int
) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", unused_tcp_port) for _ in range(3)]
    said = await ended(opened[2][0])
    assert said.startswith(b"HTTP/1.1 503")
    assert b"retry-after: " in said.lower()
    for _, writer in opened:
        await closed(writer)


async def test_an_answer_that_nobody_takes_is_not_kept_for_ever(
    connection: Streams, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr(http_protocol, "TAKE_WITHIN_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port, limit=1024)
    writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(1)  # the reader takes what its own buffer holds, and no more
    taken = await ended(reader)
    assert 0 < len(taken) < LARGE
    await closed(writer)


def test_a_busy_loop_takes_many_new_connections_in_one_turn(unused_tcp_port: int) -> None:
    """On uvloop, as the services run: it would take one a turn, and a probe would wait behind all others."""
    waiting = 64

    async def turns_until_all_are_taken() -> int:
        server = HttpServer(Starlette(), host="127.0.0.1", port=unused_tcp_port)
        await server.start()
        with contextlib.ExitStack() as stack:
            for _ in range(waiting):
                stack.enter_context(socket.create_connection(("127.0.0.1", unused_tcp_port)))
            turns = 0
            while len(server._server.server_state.connections) < waiting:
                turns += 1
                await asyncio.sleep(0)
        await server.stop()
        return turns

    assert uvloop.run(turns_until_all_are_taken()) < waiting / 4
