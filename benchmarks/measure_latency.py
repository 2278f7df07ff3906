"""From an HTTP request to the gauge that it moves, through every service, at 500 events a second."""

import asyncio
import json
import time
from bisect import bisect_left
from uuid import uuid4

import httpx

from results import Figure
from stand import Stand

EVENTS_A_SECOND = 500
SECONDS = 10
POLL_SECONDS = 0.01
GAUGE = 'pcare_kpi_value{borough="NCL",kpi="sp_referrals",year="2023/24"}'
HEADERS = {"content-type": "application/cloudevents+json"}


async def measure(stand: Stand, run: int) -> list[Figure]:  # noqa: ARG001 - each run counts from where it begins
    """Measure once: each event adds one to one gauge, so the n-th event is seen when the gauge has grown by n."""
    async with stand.running("kpi-aggregator", "recorder", "ingest"):
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
        async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=30) as client:
            await _send(stand, client)
            await asyncio.sleep(1)
            before = await _gauge(stand, client)
            seen: list[tuple[float, float]] = []
            watching = asyncio.create_task(_watch(stand, client, before + EVENTS_A_SECOND * SECONDS, seen))
            sent = await _load(stand, client)
            await asyncio.wait_for(watching, 60)
    values = [value for value, _ in seen]
    latencies = sorted(
        seen[bisect_left(values, before + number)][1] - at for number, at in enumerate(sorted(sent), start=1)
    )
    return [
        Figure("latency", f"request to gauge at {EVENTS_A_SECOND} events/s, p50", "ms", _percentile(latencies, 0.50)),
        Figure("latency", f"request to gauge at {EVENTS_A_SECOND} events/s, p99", "ms", _percentile(latencies, 0.99)),
    ]


async def _load(stand: Stand, client: httpx.AsyncClient) -> list[float]:
    """Send at a steady rate, whatever the answers take; return when each request was sent."""
    begun = time.perf_counter()
    sending = []
    for number in range(EVENTS_A_SECOND * SECONDS):
        await asyncio.sleep(max(0.0, begun + number / EVENTS_A_SECOND - time.perf_counter()))
        sending.append(asyncio.create_task(_send(stand, client)))
    return await asyncio.gather(*sending)


async def _send(stand: Stand, client: httpx.AsyncClient) -> float:
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "https://fhir.nhs.uk/Id/ods-organization-code/RKE",
        "type": "uk.nhs.ncl.personalised-care.sp-referral.v1",
        "subject": f"person:k1:{uuid4().hex}",
        "time": "2023-11-05T10:00:00Z",
        "data": {
            "borough": "E09000007",
            "referral_ref": str(uuid4()),
            "referrer": "gp",
            "reasons": ["lonely_or_isolated"],
        },
    }
    at = time.perf_counter()
    answer = await client.post(f"{stand.layout.ingest}/events", content=json.dumps(event), headers=HEADERS)
    answer.raise_for_status()
    return at


async def _watch(stand: Stand, client: httpx.AsyncClient, until: float, seen: list[tuple[float, float]]) -> None:
    while not seen or seen[-1][0] < until:
        seen.append((await _gauge(stand, client), time.perf_counter()))
        await asyncio.sleep(POLL_SECONDS)


async def _gauge(stand: Stand, client: httpx.AsyncClient) -> float:
    for line in (await client.get(f"{stand.layout.aggregator}/metrics")).text.splitlines():
        if line.startswith(GAUGE):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000
