"""Reading a request's body: no more of it than is allowed, no longer than is patient."""

import asyncio

from starlette.types import Message, Receive, Scope

from pcare_ingest.admission import Hold


class TooLargeError(Exception):
    """The body is larger than allowed. `declared` is what Content-Length says, or None when it was not given."""

    def __init__(self, declared: int | None) -> None:
        super().__init__("the body is too large")
        self.declared = declared


class TooSlowError(Exception):
    """The body did not come in time."""


class DisconnectedError(Exception):
    """The client went away before the body was complete. Nobody is left to answer."""


def declared_length(scope: Scope) -> int | None:
    """Return what Content-Length says, or None when it says nothing (a chunked body)."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


async def read(scope: Scope, receive: Receive, *, limit: int, within: float, hold: Hold) -> bytes:
    """Return the whole body, of at most `limit` bytes, read in at most `within` seconds.

    Every byte is taken into `hold` as it arrives, so that slow senders hold what they sent and no more. Raises
    TooLargeError (before reading, where the length is declared), TooSlowError, DisconnectedError, and what `hold`
    raises.
    """
    declared = declared_length(scope)
    if declared is not None and declared > limit:
        raise TooLargeError(declared)
    first = await _next(receive, within)
    if not first.get("more_body", False):
        return _whole(first.get("body", b""), limit, hold)
    return await _rest(first.get("body", b""), receive, limit=limit, within=within, hold=hold)


def _whole(body: bytes, limit: int, hold: Hold) -> bytes:
    if len(body) > limit:
        raise TooLargeError(None)
    hold.take(size=len(body))
    return body


async def _rest(start: bytes, receive: Receive, *, limit: int, within: float, hold: Hold) -> bytes:
    body = bytearray(_whole(start, limit, hold))
    deadline = asyncio.get_running_loop().time() + within
    more = True
    while more:
        message = await _next(receive, deadline - asyncio.get_running_loop().time())
        chunk = message.get("body", b"")
        if len(body) + len(chunk) > limit:
            raise TooLargeError(None)
        hold.take(size=len(chunk))
        body += chunk
        more = message.get("more_body", False)
    return bytes(body)


async def _next(receive: Receive, within: float) -> Message:
    try:
        async with asyncio.timeout(within):
            message = await receive()
    except TimeoutError:
        raise TooSlowError from None
    if message["type"] == "http.disconnect":
        raise DisconnectedError
    return message
