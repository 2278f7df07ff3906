"""An event through the system: checked, which stores nothing; or, in a test system, sent and followed to the end."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from pcare_cli.doctor.doors import UnseenError
from pcare_cli.doctor.findings import Check, Finding, Level
from pcare_schemas.envelope import type_of
from pcare_schemas.examples import WHITTINGTON, person
from pcare_schemas.origin import Origin

CHECKED = Check("end to end", "a made-up event is found valid, and stored nowhere")
SENT = Check("end to end", "an event that is sent is recorded and counted")
HEADERS = {"Content-Type": "application/cloudevents+json"}
POLL_SECONDS = 0.5
UNAUTHORIZED, LIMITED = 401, 429

REFUSED = CHECKED.kind(
    "check-refused",
    Level.WRONG,
    means="ingest finds something wrong with an event that is right: its rules, its register or its keys are not those "
    "of this release.",
    do="Compare release and PCARE_PROVIDER_REGISTER of ingest with this command's. `source_…`: register the provider "
    "that PCARE_SOURCE names, or name another.",
    command="pcare providers list",
)
UNAVAILABLE = CHECKED.kind(
    "check-unavailable",
    Level.WRONG,
    means="ingest did not answer a check: it is not there, overloaded, or has a fault.",
    do="Its /health/ready and its log say why. 503 for long: more copies (docs/sizing.md).",
    command="curl {address}/health/ready",
)
NOT_RECORDED = SENT.kind(
    "sent-not-recorded",
    Level.WRONG,
    means="An event that ingest accepted did not reach the record in time. It is safe in Kafka.",
    do="The rows about the recorder, its group and PostgreSQL say what stands still.",
)
NOT_COUNTED = SENT.kind(
    "sent-not-counted",
    Level.WRONG,
    means="An event is recorded, and the kpi-aggregator did not come to the end of the log in time.",
    do="The rows about the kpi-aggregator say what stands still; see its /health/ready.",
)


def made_up(source: str | None, now: dt.datetime) -> dict[str, Any]:
    """Return a valid event about nobody: a referral of an hour ago, of the source given."""
    return {
        "specversion": "1.0",
        "id": f"pcare-doctor-{uuid.uuid4()}",
        "source": source or WHITTINGTON,
        "type": type_of("sp-referral"),
        "subject": person("the doctor"),
        "time": (now - dt.timedelta(hours=1)).isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "borough": "E09000007",
            "referral_ref": "pcare-doctor",
            "referrer": "gp",
            "reasons": ["mental_health"],
        },
    }


def retraction_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what takes the event back, so that it counts no more."""
    return {
        **event,
        "id": f"{event['id']}-back",
        "type": type_of("event-retracted"),
        "data": {"retracts": event["id"], "reason": "entered_in_error"},
    }


async def check(
    client: httpx.AsyncClient, address: str, headers: Mapping[str, str], event: Mapping[str, Any]
) -> list[Finding]:
    """Have ingest check an event. Raises UnseenError where it wants to know who asks."""
    try:
        answer = await client.post(f"{address}/events/check", json=event, headers={**headers, **HEADERS})
    except httpx.HTTPError as error:
        return [UNAVAILABLE.found(f"{address}: {type(error).__name__}", address=address)]
    if answer.status_code == UNAUTHORIZED:
        raise UnseenError(
            f"{address} asks who calls",
            "Set PCARE_API_KEY (or PCARE_API_KEY_FILE) to a key made for this, and PCARE_SOURCE to whose it is.",
        )
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code == LIMITED:
        return [UNAVAILABLE.found(f"{address}: it answers {answer.status_code}", address=address)]
    if answer.status_code != httpx.codes.OK:
        return [REFUSED.found(f"{address}: {answer.status_code} {_reason(answer)}")]
    return [CHECKED.well(f"{address} finds it valid")]


def _reason(answer: httpx.Response) -> str:
    try:
        document = answer.json()
    except ValueError:
        return ""
    return str(document.get("reason", "")) if isinstance(document, dict) else ""


Committed = Callable[[], Awaitable[Mapping[tuple[str, int], int]]]
Counted = Callable[[], Awaitable[bool]]


async def send(
    client: httpx.AsyncClient,
    address: str,
    headers: Mapping[str, str],
    event: Mapping[str, Any],
    *,
    published: Callable[[Origin], Awaitable[bool]],
    counted: Counted,
    seconds: float,
) -> list[Finding]:
    """Send an event, follow it to the record and the numbers, and take it back. Stores two events.

    `published`: whether what stood at an origin is published; `counted`: whether all of the log is counted.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    at = await _post(client, address, headers, event)
    try:
        if not await _until(lambda: published(at), begun + seconds):
            return [NOT_RECORDED.found(f"{at}: not recorded and published within {seconds:.0f} s")]
        recorded = loop.time() - begun
        if not await _until(counted, begun + seconds):
            return [NOT_COUNTED.found(f"{at}: recorded after {recorded:.1f} s, not counted within {seconds:.0f} s")]
    finally:
        await _post(client, address, headers, retraction_of(event))
    return [
        SENT.well(
            f"recorded and published after {recorded:.1f} s, counted after {loop.time() - begun:.1f} s; then taken back"
        )
    ]


async def _post(
    client: httpx.AsyncClient, address: str, headers: Mapping[str, str], event: Mapping[str, Any]
) -> Origin:
    answer = await client.post(f"{address}/events", json=event, headers={**headers, **HEADERS})
    if answer.status_code != httpx.codes.ACCEPTED:
        raise UnseenError(
            f"ingest answered {answer.status_code} {_reason(answer)} to POST /events",
            "The check of a made-up event says what is wrong.",
            failed=True,
        )
    return Origin.parse(answer.headers["Location"].partition("?at=")[2])


async def _until(holds: Callable[[], Awaitable[bool]], deadline: float) -> bool:
    loop = asyncio.get_running_loop()
    while not await holds():
        if loop.time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True
