"""The test system as the kit meets it: HTTP, and nothing but HTTP. What an answer means is judged elsewhere."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import httpx

from pcare_cli.conformance.credential import Caller

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
PROBLEM: Final = "application/problem+json"
SECONDS_FOR_AN_ANSWER = 30.0
TRIES = 5
LONGEST_WAIT = 10.0
BETWEEN_LOOKS = 0.25
SETTLED: Final = frozenset({"recorded", "duplicate", "rejected", "retracted"})
"""What a receipt says at the end; before that, `accepted`."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` 0: nothing did, and `document` says why. Names of headers are in small letters."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    waited: Sequence[str] = ()
    """The Retry-After of each answer 429 or 503 that came before this one."""

    @property
    def reason(self) -> str | None:
        """The reason of a problem document."""
        reason = self.document.get("reason") if isinstance(self.document, dict) else None
        return reason if isinstance(reason, str) else None

    @property
    def is_problem(self) -> bool:
        """Whether this is a problem document (RFC 9457) by its type and by its members."""
        media_type = self.headers.get("content-type", "").partition(";")[0].strip()
        return media_type == PROBLEM and isinstance(self.document, dict) and "status" in self.document

    @property
    def place(self) -> str | None:
        """Where the receipt of an accepted event is."""
        return self.headers.get("location")


class Address:
    """Sends to one address as one caller. Waits as Retry-After says, and sends again with the same id."""

    def __init__(self, client: httpx.AsyncClient, caller: Caller, *, sleep: Sleep = asyncio.sleep) -> None:
        self._client = client
        self._caller = caller
        self.waits: list[str] = []
        """The Retry-After of every answer 429 and 503 so far; `none` where there was none."""
        self._sleep = sleep

    async def send(
        self, body: Any, *, to: str = "/events", media_type: str | None = None, caller: Caller | None = None
    ) -> Answer:
        """Post an event, a list of events (a batch), or bytes; as another caller, or as another type, if that is given.

        Raises UnusableCredentialError.
        """
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = media_type or (BATCH if isinstance(body, list) else SINGLE)
        who = await (caller or self._caller).headers()
        return await self._patiently("POST", to, content, {"content-type": kind, **who})

    async def get(self, path: str) -> Answer:
        """Ask for a document."""
        return await self._patiently("GET", path, b"", await self._caller.headers())

    async def receipt(self, event: Mapping[str, Any], place: str | None = None, *, within: float = 30.0) -> Answer:
        """Ask what became of an event until it is settled, or for so many seconds; `place` is where its answer said."""
        path = place or f"/events/{quote(event['source'], safe='')}/{quote(event['id'], safe='')}"
        answer = await self.get(path)
        for _ in range(int(within / BETWEEN_LOOKS)):
            if answer.status not in (200, 404) or state_of(answer) in SETTLED:
                break
            if answer.status == 404 and answer.reason == "not_found":
                break  # there are no receipts at all
            await self._sleep(BETWEEN_LOOKS)
            answer = await self.get(path)
        return answer

    async def _patiently(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        waited: list[str] = []
        for left in reversed(range(TRIES)):
            answer = await self._once(method, path, content, headers)
            again = answer.headers.get("retry-after", "")
            if answer.status not in (429, 503) or not left:
                break
            waited.append(again or "none")
            self.waits.append(again or "none")
            await self._sleep(min(float(again), LONGEST_WAIT) if again.isdigit() else 1.0)
        return Answer(answer.status, answer.document, answer.headers, waited)

    async def _once(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            response = await self._client.request(method, path, content=content, headers=dict(headers))
        except httpx.TransportError as error:
            return Answer(0, f"{type(error).__name__}: {error}")
        return Answer(response.status_code, _document(response), {k.lower(): v for k, v in response.headers.items()})


def state_of(answer: Answer) -> str | None:
    """Return the state that a receipt names."""
    state = answer.document.get("status") if isinstance(answer.document, dict) else None
    return state if isinstance(state, str) else None


def client_for(url: str) -> httpx.AsyncClient:
    """Return a client of a base address."""
    return httpx.AsyncClient(base_url=url, timeout=SECONDS_FOR_AN_ANSWER, trust_env=False)


def _document(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text[:500]
