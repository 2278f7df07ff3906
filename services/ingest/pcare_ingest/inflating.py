"""Taking a gzip body apart: never a byte more of it than is allowed, and each counted before it is kept.

A few kilobytes of gzip may stand for gigabytes. So it is inflated a piece at a time, and no further than the limit.
"""

import asyncio
import zlib

from pcare_ingest.admission import Hold
from pcare_ingest.body import TooLargeError

PIECE_BYTES = 256 * 1024
"""How much is inflated in one go: about a millisecond. Between pieces other requests get their turn."""

_GZIP = 16 + zlib.MAX_WBITS


class NotGzipError(Exception):
    """The body is not one whole gzip stream. The message says what is wrong, and repeats nothing of it."""


async def inflate(body: bytes, *, limit: int, hold: Hold) -> bytes:
    """Return what a gzip body stands for, of at most `limit` bytes.

    Every byte is taken into `hold` as it is inflated. Raises TooLargeError, NotGzipError, and what `hold` raises.
    """
    stream = zlib.decompressobj(_GZIP)
    inflated = bytearray()
    rest = body
    while not stream.eof:
        try:
            piece = stream.decompress(rest, min(PIECE_BYTES, limit + 1 - len(inflated)))
        except zlib.error:
            raise NotGzipError("it is not gzip, or was damaged on its way") from None
        hold.take(size=len(piece))
        inflated += piece
        if len(inflated) > limit:
            raise TooLargeError(None)
        rest = stream.unconsumed_tail
        if not piece and not rest and not stream.eof:
            raise NotGzipError("it ends too early")
        if not stream.eof:
            await asyncio.sleep(0)
    if stream.unused_data:
        raise NotGzipError("something follows its end; send one gzip stream and nothing after it")
    return bytes(inflated)
