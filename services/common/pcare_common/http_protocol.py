"""uvicorn's HTTP/1.1 protocol with bounds on connections, on what comes before a body, and on answers not taken.

uvicorn waits for ever for the head of a request and keeps as much of it as is sent: one connection that sends
headers without end fills the memory, and connections that say nothing stay. So do those whose client does not read
its answer. Bodies are the application's to bound.

uvicorn's own limit of connections answers 503 to everybody, also to those that it serves already and to the probes of
a supervisor, which would then end a process for being busy; it says nothing of when to come back; and it takes any
number of connections all the same.
"""

import asyncio
import random
from asyncio import TimerHandle
from typing import Any, Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_CONNECTIONS: Final = 1_000
"""Requests of connections beyond so many are answered 503, but for the probes."""

SPARE_CONNECTIONS: Final = 100
"""Those for the probes, and for telling senders to come back. Beyond them a connection is closed at once."""

ALWAYS_SERVED: Final = ("/health/", "/metrics")

MAX_HEAD_BYTES: Final = 64 * 1024
"""The most that a request line and its headers may take (beyond what arrives in the one read that begins them)."""

HEAD_WITHIN_SECONDS: Final = 20.0
"""How long a connection without a request in hand may take to deliver the next head."""

TAKE_WITHIN_SECONDS: Final = 30.0
"""How long a client may take no more of an answer that does not fit into the buffers on the way."""

RETRY_AFTER_SECONDS: Final = (1, 5)

_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: %d\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes a connection that is one too many, too large in its head, or too slow. For `uvicorn.Config(http=...)`.

    `turned_away` answers the requests of connections beyond MAX_CONNECTIONS.
    """

    _in_head = False
    _began_in_this_read = False
    _head_bytes = 0
    _waiting_for_head: TimerHandle | None = None
    _waiting_to_write: TimerHandle | None = None

    def __init__(self, *arguments: Any, turned_away: ASGIApp | None = None, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._turned_away = turned_away or come_back_later

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head, if there is room."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > MAX_CONNECTIONS + SPARE_CONNECTIONS:
            self.transport.write(_TOO_MANY % retry_after())
            self.transport.close()
            return
        if len(self.connections) > MAX_CONNECTIONS:
            self.app = _served_always_else(self._turned_away, self.app)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self._stop_waiting_to_write()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait until the client takes some of its answer."""
        super().pause_writing()
        if self._waiting_to_write is None:
            self._waiting_to_write = self.loop.call_later(TAKE_WITHIN_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing."""
        self._stop_waiting_to_write()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parse what came, then see whether the head that it leaves unfinished is within its bounds."""
        self._began_in_this_read = False
        super().data_received(data)
        if self._in_head and not self._began_in_this_read:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.write(_TOO_LARGE)
                self.transport.close()
        if self._waiting_for_head is None and self._is_idle():
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._in_head = self._began_in_this_read = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that it is complete."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        if not self.transport.is_closing():
            self._waiting_for_head = self.loop.call_later(HEAD_WITHIN_SECONDS, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._waiting_for_head is not None:
            self._waiting_for_head.cancel()
            self._waiting_for_head = None

    def _stop_waiting_to_write(self) -> None:
        if self._waiting_to_write is not None:
            self._waiting_to_write.cancel()
            self._waiting_to_write = None

    def _too_slow(self) -> None:
        self._waiting_for_head = None
        if self._is_idle():
            self.transport.close()

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request
        return cycle is None or cycle.response_complete


def retry_after() -> int:
    """Return after how many seconds to come back: at random, so that not everybody does so in the same second."""
    return random.randint(*RETRY_AFTER_SECONDS)  # noqa: S311 - guards nothing


async def come_back_later(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 503 with Retry-After, and close the connection."""
    headers = {"Retry-After": str(retry_after()), "Connection": "close"}
    await PlainTextResponse("There is too much to do here. Come back later.\n", 503, headers)(scope, receive, send)


def _served_always_else(turned_away: ASGIApp, app: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        served = scope["path"].startswith(ALWAYS_SERVED)
        await (app if served else turned_away)(scope, receive, send)

    return answer
