"""uvicorn's HTTP/1.1 protocol with bounds on what comes before a body.

uvicorn waits for ever for the head of a request and keeps as much of it as is sent: one connection that sends
headers without end fills the memory, and connections that say nothing stay. Bodies are the application's to bound.
"""

import asyncio
from asyncio import TimerHandle
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD_BYTES: Final = 64 * 1024
"""The most that a request line and its headers may take (beyond what arrives in the one read that begins them)."""

HEAD_WITHIN_SECONDS: Final = 20.0
"""How long a connection without a request in hand may take to deliver the next head."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes a connection whose request head is too large or too slow. For `uvicorn.Config(http=...)`."""

    _in_head = False
    _began_in_this_read = False
    _head_bytes = 0
    _waiting_for_head: TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

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

    def _too_slow(self) -> None:
        self._waiting_for_head = None
        if self._is_idle():
            self.transport.close()

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request
        return cycle is None or cycle.response_complete
