"""Sends events to ingest over HTTP, again and again with the same ids until each has an answer."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import httpx

from pcare_cli.sending import AGAIN, Answer, Fate, Ledger, understand
from pcare_cli.simulation.postings import Posting
from pcare_common.backoff import delays
from pcare_common.clock import Clock

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
SECONDS_FOR_AN_ANSWER = 30.0
LONGEST_RETRY_AFTER = 60.0
IN_FLIGHT = 8


def client_for(ingest: str, api_key: str | None = None, cafile: Path | None = None) -> httpx.AsyncClient:
    """Return an HTTP client for the ingest service at a base address such as http://127.0.0.1:8080.

    `api_key`: the sender's, where ingest asks for credentials. `cafile`: the authority of its certificate, where that
    is none of the well-known. Raises OSError for one that cannot be read.
    """
    headers = {} if api_key is None else {"X-API-Key": api_key}
    limits = httpx.Limits(max_connections=IN_FLIGHT)
    verify = True if cafile is None else ssl.create_default_context(cafile=cafile)
    return httpx.AsyncClient(
        base_url=ingest, headers=headers, timeout=SECONDS_FOR_AN_ANSWER, limits=limits, trust_env=False, verify=verify
    )


class HttpSender:
    """Sends deliveries to POST /events and notes in `ledger` what became of each event.

    An event without an answer for `give_up_after` seconds is noted as unanswered. `keys`: the API key of each source.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        ledger: Ledger,
        clock: Clock,
        *,
        give_up_after: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        keys: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._give_up_after = give_up_after
        self._sleep = sleep
        self._keys = keys or {}

    async def send(self, delivery: Sequence[Posting]) -> None:
        """Send until every event has its answer; raises ValueError for an answer that is not understood."""
        left = list(delivery)
        waits = delays()
        deadline = self._clock.monotonic() + self._give_up_after
        while left:
            answers, retry_after = await self._once(left)
            for posting, answer in zip(left, answers, strict=True):
                if answer.fate is not None:
                    self._ledger.note(posting, answer.fate, answer.reason)
            left = [posting for posting, answer in zip(left, answers, strict=True) if answer.fate is None]
            if left and self._clock.monotonic() >= deadline:
                for posting in left:
                    self._ledger.note(posting, Fate.UNANSWERED)
                return
            if left:
                await self._sleep(next(waits) if retry_after is None else retry_after)

    async def _once(self, delivery: Sequence[Posting]) -> tuple[list[Answer], float | None]:
        if len(delivery) == 1:
            content, media_type = delivery[0].value, SINGLE
        else:
            content, media_type = b"[" + b",".join(posting.value for posting in delivery) + b"]", BATCH
        headers = {"Content-Type": media_type}
        if delivery[0].organisation.source in self._keys:
            headers["X-API-Key"] = self._keys[delivery[0].organisation.source]
        try:
            response = await self._client.post("/events", content=content, headers=headers)
        except httpx.TransportError:
            return [AGAIN] * len(delivery), None
        return understand(response.status_code, response.content, len(delivery)), _retry_after(response)


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_RETRY_AFTER) if text.isdigit() else None
