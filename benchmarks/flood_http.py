"""More than ingest can carry: batches at a fixed rate, whatever the answers take, in a process of its own.

    python benchmarks/flood_http.py --url http://127.0.0.1:8080/events --rate 250 --seconds 20 --accepted ids.txt

Batches that are due go out on a connection that is free, or on a new one. Every event has an id of its own; those of
events that were answered 202 are written to `--accepted`, a line each. The last line is the result as JSON.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

from load_http import EVENT

ANSWER_WITHIN = 60.0


@dataclass
class Flood:
    """What goes out, and what came back."""

    head: bytes
    batch_size: int
    chance: random.Random = field(default_factory=random.Random)
    free: "list[Connection]" = field(default_factory=list)
    opened: "set[Connection]" = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[bytes] = field(default_factory=list)
    without_retry_after: int = 0
    unanswered: int = 0
    seconds: list[float] = field(default_factory=list)

    def batch(self) -> tuple[list[int], bytes]:
        """Return the ids of a new batch, and the request."""
        bits = self.chance.getrandbits
        ids = [bits(128) for _ in range(self.batch_size)]
        body = b"[" + b",".join(EVENT % (one, b"person:k1:%032x" % bits(128), bits(24)) for one in ids) + b"]"
        return ids, self.head % len(body) + body


class Connection(asyncio.Protocol):
    """One connection, and the batch on its way."""

    def __init__(self, flood: Flood) -> None:
        self._flood = flood
        self._ids: list[int] | None = None
        self._received = bytearray()
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._flood.opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how does not matter
        self._flood.opened.discard(self)
        with contextlib.suppress(ValueError):
            self._flood.free.remove(self)
        if self._ids is not None:
            self._flood.unanswered += 1
            self._ids = None

    def send(self) -> None:
        """Send a batch."""
        self._ids, request = self._flood.batch()
        self._sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = bytes(self._received[:head_end]).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n", 1)[0])
        if len(self._received) < head_end + 4 + length:
            return
        del self._received[: head_end + 4 + length]
        self._answered(int(head[9:12]), head)

    def _answered(self, status: int, head: bytes) -> None:
        flood = self._flood
        flood.statuses[status] += 1
        flood.seconds.append(time.perf_counter() - self._sent_at)
        if status == 202:
            flood.accepted += [b"%032x" % one for one in self._ids or ()]
        elif b"\r\nretry-after:" not in head:
            flood.without_retry_after += 1
        self._ids = None
        if b"connection: close" in head:
            self.transport.close()
        else:
            flood.free.append(self)


async def run(url: str, *, rate: float, batch_size: int, seconds: float, connections: int) -> Flood:
    """Send for so many seconds, and wait for the answers."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "Content-Type: application/cloudevents-batch+json\r\nContent-Length: %d\r\n\r\n"
    ).encode()
    flood, loop = Flood(head, batch_size), asyncio.get_running_loop()
    begun = time.perf_counter()
    due = 0
    while (now := time.perf_counter() - begun) < seconds:
        while due < now * rate:
            due += 1
            if flood.free:
                flood.free.pop().send()
            elif len(flood.opened) < connections:
                with contextlib.suppress(OSError):
                    _, connection = await loop.create_connection(
                        lambda: Connection(flood), parts.hostname or "127.0.0.1", parts.port or 80
                    )
                    connection.send()
        await asyncio.sleep(0.002)
    deadline = time.perf_counter() + ANSWER_WITHIN
    while len(flood.free) < len(flood.opened) and time.perf_counter() < deadline:
        await asyncio.sleep(0.05)
    return flood


def main() -> None:
    """Read the arguments, run, print the result."""
    parser = argparse.ArgumentParser(description="Send more than can be carried to POST /events")
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=float, required=True, help="batches a second")
    parser.add_argument("--batch-size", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--connections", type=int, default=400)
    parser.add_argument("--accepted", type=Path, required=True)
    given = parser.parse_args()
    flood = uvloop.run(
        run(
            given.url,
            rate=given.rate,
            batch_size=given.batch_size,
            seconds=given.seconds,
            connections=given.connections,
        )
    )
    given.accepted.write_bytes(b"".join(one + b"\n" for one in flood.accepted))
    times = sorted(flood.seconds)
    result = {
        "offered_events_per_second": round(sum(flood.statuses.values()) * given.batch_size / given.seconds),
        "accepted_events_per_second": round(len(flood.accepted) / given.seconds),
        "accepted": len(flood.accepted),
        "statuses": {str(status): count for status, count in sorted(flood.statuses.items())},
        "without_retry_after": flood.without_retry_after,
        "unanswered": flood.unanswered,
        "p50_ms": round(times[len(times) // 2] * 1000, 1) if times else None,
        "p99_ms": round(times[int(len(times) * 0.99)] * 1000, 1) if times else None,
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
