"""A load generator for POST /events: HTTP/1.1 over keep-alive connections, in a process of its own.

    python benchmarks/load_http.py --url http://127.0.0.1:8080/events --form single --connections 64 --seconds 5
    python benchmarks/load_http.py --url http://127.0.0.1:8080/events --form batch --batch-size 100 --connections 8

Written on raw asyncio protocols because it shares the machine with what it measures: a comfortable HTTP client costs
more per request than the service does. Every event has an id and a person of its own. The last line is the result as
JSON: requests and events a second, p50 and p99 in milliseconds, and how many answers had which status.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import uvloop

EVENT = (
    b'{"specversion":"1.0","id":"%032x","source":"https://fhir.nhs.uk/Id/ods-organization-code/RKE",'
    b'"type":"uk.nhs.ncl.personalised-care.sp-referral.v1","subject":"%b",'
    b'"time":"2025-11-05T10:00:00+00:00","data":{"borough":"E09000007","referral_ref":"r-%d",'
    b'"referrer":"gp","reasons":["mental_health"],"age_band":"45-49","sex":"female","imd_decile":4}}'
)
CONTENT_TYPE = {"single": b"application/cloudevents+json", "batch": b"application/cloudevents-batch+json"}
CHECK_DIGIT_WEIGHTS = range(10, 1, -1)


@dataclass
class Tally:
    """What came back."""

    until: float
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    broken: int = 0


def nhs_number(chance: random.Random) -> bytes:
    """Return a number of the range set aside for tests (999...), with its check digit."""
    while True:
        digits = [9, 9, 9, *(chance.randrange(10) for _ in range(6))]
        check = (11 - sum(digit * weight for digit, weight in zip(digits, CHECK_DIGIT_WEIGHTS, strict=True)) % 11) % 11
        if check < 10:
            return "".join(map(str, [*digits, check])).encode()


def requests(
    url: str, form: str, batch_size: int, *, pseudonyms: bool, bearer: str | None = None
) -> Callable[[], bytes]:
    """Return a function that makes the next request, head and body, with events nobody has sent before."""
    parts = urlsplit(url)
    chance = random.Random()
    numbers = [b"nhs-number:" + nhs_number(chance) for _ in range(5_000)]
    proof = b"" if bearer is None else b"Authorization: Bearer %b\r\n" % bearer.encode()
    head = b"POST %b HTTP/1.1\r\nHost: %b\r\n%bContent-Type: %b\r\nContent-Length: %%d\r\n\r\n" % (
        (parts.path or "/events").encode(),
        parts.netloc.encode(),
        proof,
        CONTENT_TYPE[form],
    )

    def event() -> bytes:
        subject = (
            b"person:k1:%032x" % chance.getrandbits(128) if pseudonyms else numbers[chance.randrange(len(numbers))]
        )
        return EVENT % (chance.getrandbits(128), subject, chance.getrandbits(24))

    def request() -> bytes:
        body = event() if form == "single" else b"[" + b",".join(event() for _ in range(batch_size)) + b"]"
        return head % len(body) + body

    return request


class Connection(asyncio.Protocol):
    """One keep-alive connection that sends a request as soon as the one before is answered.

    Or every so many seconds; what is late for that is timed from when it was due.
    """

    def __init__(self, make: Callable[[], bytes], tally: Tally, every: float = 0.0) -> None:
        self._make = make
        self._every = every
        self._tally = tally
        self._received = bytearray()
        self._sent_at = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._due = time.perf_counter() + random.random() * self._every
        self._later()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = bytes(self._received[:head_end]).lower()
        length_at = head.find(b"content-length:")
        length = int(head[length_at + 15 :].split(b"\r\n", 1)[0])
        if len(self._received) < head_end + 4 + length:
            return
        self._tally.statuses[int(head[9:12])] += 1
        self._tally.seconds.append(time.perf_counter() - self._sent_at)
        del self._received[: head_end + 4 + length]
        self._due = self._due + self._every if self._every else time.perf_counter()
        if max(self._due, time.perf_counter()) < self._tally.until:
            self._later()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None or time.perf_counter() < self._tally.until:
            self._tally.broken += 1
        if not self.done.done():
            self.done.set_result(None)

    def _later(self) -> None:
        wait = self._due - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._send)
        else:
            self._send()

    def _send(self) -> None:
        request = self._make()
        self._sent_at = self._due if self._every else time.perf_counter()
        if not self._transport.is_closing():
            self._transport.write(request)


async def run(
    url: str,
    form: str,
    *,
    batch_size: int,
    connections: int,
    seconds: float,
    pseudonyms: bool = False,
    bearer: str | None = None,
    rate: float | None = None,
) -> dict[str, object]:
    """Load `url` and return the result: see the head of this file."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    make = requests(url, form, batch_size, pseudonyms=pseudonyms, bearer=bearer)
    every = 0.0 if rate is None else connections / rate
    started = time.perf_counter()
    tally = Tally(until=started + seconds)
    opened = [
        (
            await loop.create_connection(
                lambda: Connection(make, tally, every), parts.hostname or "127.0.0.1", parts.port or 80
            )
        )[1]
        for _ in range(connections)
    ]
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(connection.done for connection in opened)), seconds + 30)
    took = time.perf_counter() - started
    times = sorted(tally.seconds)
    answered = len(times)
    accepted = tally.statuses[202]
    return {
        "form": form,
        "connections": connections,
        "requests_per_second": round(answered / took),
        "accepted_events_per_second": round(accepted * (batch_size if form == "batch" else 1) / took),
        "p50_ms": round(times[answered // 2] * 1000, 1) if times else None,
        "p99_ms": round(times[int(answered * 0.99)] * 1000, 1) if times else None,
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "broken_connections": tally.broken,
    }


def main() -> None:
    """Read the arguments, run, print the result."""
    parser = argparse.ArgumentParser(description="Load POST /events")
    parser.add_argument("--url", default="http://127.0.0.1:8080/events")
    parser.add_argument("--form", choices=["single", "batch"], default="single")
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--pseudonyms", action="store_true", help="subjects are pseudonyms, not NHS numbers")
    parser.add_argument("--bearer", help="an API key or an access token, where ingest asks for credentials")
    parser.add_argument("--rate", type=float, help="requests a second over all connections; default as fast as it goes")
    arguments = parser.parse_args()
    result = uvloop.run(
        run(
            arguments.url,
            arguments.form,
            batch_size=arguments.batch_size,
            connections=arguments.connections,
            seconds=arguments.seconds,
            pseudonyms=arguments.pseudonyms,
            bearer=arguments.bearer,
            rate=arguments.rate,
        )
    )
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
