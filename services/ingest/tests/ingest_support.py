"""The application with everything real but Kafka, whose answers a test steers."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from pcare_common.clock import FixedClock
from pcare_common.health import Health
from pcare_ingest.app import assemble
from pcare_ingest.callers import Callers, OpenCallers
from pcare_ingest.credentials import Credentials
from pcare_ingest.ledger import Ledger, LogLedger
from pcare_ingest.media_types import Form
from pcare_ingest.progress import Progress
from pcare_ingest.publishing import Failure, Outcome, Outgoing, Stored
from pcare_ingest.receipt_store import ReceiptStore
from pcare_ingest.settings import IngestSettings
from pcare_ingest.tracing import NOT_FOLLOWED, Following
from pcare_schemas.deprecations import Deprecations
from pcare_schemas.examples import RECEIVED
from pcare_schemas.pseudonym import Keys, PseudonymKey
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED

NHS_NUMBER = "9990000018"
SINGLE, BATCH = Form.SINGLE.value, Form.BATCH.value
KEY = PseudonymKey("k1", b"a key for tests, of no worth at all")
RULES = Rules.load()


@dataclass
class RecordingPublisher:
    """Keeps what it was given. With `hold` set, it answers when the test says so.

    `outcome` is what it answers; None: it stores, each record behind the one before.
    """

    outcome: Failure | None = None
    hold: bool = False
    records: list[Outgoing] = field(default_factory=list)
    waiting: list[tuple[asyncio.Future[list[Outcome]], range]] = field(default_factory=list)

    def publish(self, records: Sequence[Outgoing]) -> asyncio.Future[list[Outcome]]:
        first = len(self.records)
        self.records += records
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        if self.hold:
            self.waiting.append((answer, range(first, len(self.records))))
        else:
            answer.set_result(self.outcomes(range(first, len(self.records))))
        return answer

    def acknowledge(self) -> None:
        for answer, offsets in self.waiting:
            answer.set_result(self.outcomes(offsets))
        self.waiting.clear()

    def outcomes(self, offsets: range) -> list[Outcome]:
        return [self.outcome or Stored(SUBMITTED, 0, offset) for offset in offsets]

    def health(self) -> Health:
        return Health()


@dataclass
class Service:
    """The service under test, and the handles on it."""

    app: ASGIApp
    client: httpx.AsyncClient
    publisher: RecordingPublisher
    registry: CollectorRegistry
    clock: FixedClock

    async def send(
        self, body: Any, content_type: str = SINGLE, *, to: str = "/events", **headers: str
    ) -> httpx.Response:
        """Send a body, with further headers: `prefer="return=minimal"`."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(to, content=content, headers={"content-type": content_type, **named})

    async def send_batch(self, events: Any, *, to: str = "/events", **headers: str) -> httpx.Response:
        return await self.send(events, BATCH, to=to, **headers)

    async def metrics(self) -> str:
        return (await self.client.get("/metrics")).text


MakeService = Callable[..., Service]


def build(
    *,
    callers: Callers | None = None,
    known: Credentials | None = None,
    clock: FixedClock | None = None,
    registry: CollectorRegistry | None = None,
    now: dt.datetime = RECEIVED,
    receipts: ReceiptStore | None = None,
    announced: Deprecations | None = None,
    keys: Keys | None = None,
    audit: Ledger | None = None,
    following: Following = NOT_FOLLOWED,
    **settings: Any,
) -> Service:
    publisher, registry, clock = RecordingPublisher(), registry or CollectorRegistry(), clock or FixedClock(now)
    app, _ = assemble(
        IngestSettings(**settings),
        known=known or Credentials(callers or OpenCallers(), lambda: RULES),
        pseudonym_keys=keys or Keys(KEY),
        publisher=publisher,
        audit=audit or LogLedger(),
        clock=clock,
        registry=registry,
        progress=Progress(0.0, not_ready_after=30.0, exit_after=60.0),
        receipts=receipts,
        announced=announced,
        following=following,
    )
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://ingest")
    return Service(app, client, publisher, registry, clock)


async def until(condition: Callable[[], Any]) -> None:
    """Let the loop turn until `condition` holds; fails after five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0)


async def turns(count: int = 10) -> None:
    """Let the loop turn a few times."""
    for _ in range(count):
        await asyncio.sleep(0)
