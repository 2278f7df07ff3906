"""HTTP/1.1 by hand: whatever bytes, and whatever comes back. A proper client would mend what is to be sent broken."""

import asyncio
from dataclasses import dataclass

ANSWER_SECONDS = 60.0
SILENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 where the connection was closed without a word."""

    status: int
    head: bytes
    body: bytes

    @property
    def content_type(self) -> str:
        """Return the media type."""
        for line in self.head.split(b"\r\n"):
            if line.lower().startswith(b"content-type:"):
                return line.split(b":", 1)[1].split(b";")[0].strip().decode("latin-1")
        return ""


class Connection:
    """A connection that is opened when it is needed, and kept."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, request: bytes, *, has_body: bool = True) -> Answer:
        """Send a request that is well formed and read its answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address, limit=1 << 20)
        reader, writer = self._streams
        writer.write(request)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                length = _content_length(head) if has_body else 0
                body = await reader.readexactly(length)
        except asyncio.IncompleteReadError as cut:
            await self.close()
            return _parsed(cut.partial, b"")
        if b"connection: close" in head.lower():
            await self.close()
        return _parsed(head, body)

    async def broken(self, data: bytes) -> Answer:
        """Send whatever, on a connection of its own, say that this is all, and read until the end or a silence."""
        reader, writer = await asyncio.open_connection(*self._address)
        received = b""
        try:
            writer.write(data)
            writer.write_eof()
            async with asyncio.timeout(SILENCE_SECONDS):
                while chunk := await reader.read(65_536):
                    received += chunk
        except (TimeoutError, OSError):
            pass
        finally:
            writer.close()
        head, _, body = received.partition(b"\r\n\r\n")
        return _parsed(head, body)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.split(b":", 1)[1])
    return 0


def _parsed(head: bytes, body: bytes) -> Answer:
    parts = head.split(b" ", 2)
    status = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
    return Answer(status, head, body)
