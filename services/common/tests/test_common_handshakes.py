"""Connections that begin with a TLS handshake, and those that never come to it; on the loops of asyncio and uvloop."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from certificates import self_signed
from pcare_common import handshakes
from pcare_common.handshakes import Handshakes
from pcare_common.http import HttpServer
from pcare_common.tls import Certificate
from pcare_local.ports import free_ports

APP = Starlette(routes=[Route("/", lambda _request: PlainTextResponse("here"))])
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    made: Run = request.param
    return made


class Edge:
    """A server that speaks TLS, and raw connections to it that say what a test says."""

    def __init__(self, server: HttpServer, port: int, trusted: Path, stack: contextlib.ExitStack) -> None:
        self._server = server
        self._port = port
        self._trusted = trusted
        self._stack = stack

    async def stop(self) -> None:
        async with asyncio.timeout(5):
            await self._server.stop()

    def silent(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port))
        made.setblocking(False)
        return self._stack.enter_context(made)

    async def ask(self) -> bytes:
        context = ssl.create_default_context(cafile=str(self._trusted))
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=context)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
        return answer.rpartition(b"\r\n\r\n")[2]


@contextlib.asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[Edge]:
    file, key = self_signed(directory)
    port = free_ports(1)[0]
    server = HttpServer(APP, host="127.0.0.1", port=port, certificate=Certificate(file, key))
    await server.start()
    with contextlib.ExitStack() as stack:
        edge = Edge(server, port, file, stack)
        yield edge
        await edge.stop()


async def ended(connection: socket.socket) -> bytes:
    """Return what comes until the server closes the connection."""
    found = b""
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionResetError):
            while more := await asyncio.get_running_loop().sock_recv(connection, 1_000):
                found += more
    return found


def test_connections_that_say_nothing_make_room_for_those_that_speak(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshakes, "MAX_HANDSHAKES", 40)

    async def play() -> None:
        async with serving(tmp_path) as edge:
            silent = [edge.silent() for _ in range(100)]
            assert [await edge.ask() for _ in range(3)] == [b"here"] * 3
            for one in silent[:60]:
                assert await ended(one) == b""

    run(play())


def test_a_handshake_has_its_time(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshakes, "HANDSHAKE_SECONDS", 0.05)

    async def play() -> None:
        async with serving(tmp_path) as edge:
            silent = edge.silent()
            assert await ended(silent) == b""
            begun = edge.silent()
            begun.send(b"\x16\x03\x01\x02\x00\x01")  # the first bytes of a ClientHello
            assert await ended(begun) == b""
            monkeypatch.undo()
            assert await edge.ask() == b"here"

    run(play())


def test_what_is_no_handshake_ends_that_connection_alone(run: Run, tmp_path: Path) -> None:
    async def play() -> None:
        async with serving(tmp_path) as edge:
            for words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(500), b"\x16"):
                other = edge.silent()
                other.send(words)
                other.shutdown(socket.SHUT_WR)
                await ended(other)
            assert await edge.ask() == b"here"

    run(play())


def test_the_end_waits_for_nobody_who_says_nothing(run: Run, tmp_path: Path) -> None:
    async def play() -> None:
        async with serving(tmp_path) as edge:
            silent = [edge.silent() for _ in range(5)]
            assert await edge.ask() == b"here"
            await edge.stop()
            for one in silent:
                assert await ended(one) == b""

    run(play())


class NoFiles:
    """A listening socket of a process that may open no more files, until it may."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.asked = 0
        self.none_left = True

    def accept(self) -> tuple[socket.socket, Any]:
        self.asked += 1
        if self.none_left:
            raise OSError(24, "Too many open files")
        return self._listener.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)


def test_when_there_are_no_more_files_it_pauses_and_goes_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshakes, "PAUSE_SECONDS", 0.05)
    certificate = Certificate(*self_signed(tmp_path))

    async def until(condition: Callable[[], bool], then: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await then()

    async def play() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            scarce = NoFiles(listener)
            accepting = Handshakes(scarce, certificate.context, asyncio.Protocol)  # type: ignore[arg-type]
            accepting.start(10)
            with socket.create_connection(listener.getsockname()):
                await until(lambda: scarce.asked == 2, lambda: asyncio.sleep(0.001))
                scarce.none_left = False
                await until(lambda: bool(accepting._waiting), lambda: asyncio.sleep(0.001))
                accepting.close()
                await accepting.wait_closed()

    run(play())
