"""What the demo's table shows, read from the services as any monitoring would: GET /kpis and /metrics."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from pcare_cli.demo.layout import Layout
from pcare_cli.kpis.reading import Reading, ReadingError
from pcare_cli.kpis.stream import reading_of


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state at a moment. `at` are seconds of the monotonic clock; counts are since the services' start.

    `reading` is None while the aggregator cannot answer for the whole.
    """

    at: float
    recorded: int = 0
    duplicates: int = 0
    rejected: int = 0
    refused: int = 0
    lag: int = 0
    reading: Reading | None = None

    @property
    def judged(self) -> int:
        """How many events the recorder has judged."""
        return self.recorded + self.duplicates + self.rejected


def samples(text: str, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples that have these labels, in Prometheus' text format."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def rate(before: Snapshot | None, now: Snapshot) -> float:
    """Return the events judged a second between two snapshots; 0 where a restart set the counts back."""
    if before is None or now.at <= before.at:
        return 0.0
    return max(0.0, (now.judged - before.judged) / (now.at - before.at))


async def observe(client: httpx.AsyncClient, layout: Layout) -> Snapshot:
    """Ask all services. What does not answer counts as nothing: the supervisor tells who is gone."""
    recorder, ingest, kpis, catalogue = await asyncio.gather(
        _text(client, f"{layout.recorder}/metrics"),
        _text(client, f"{layout.ingest}/metrics"),
        _json(client, f"{layout.aggregator}/kpis"),
        _json(client, f"{layout.aggregator}/kpis/catalogue"),
    )
    events = "pcare_recorder_events_total"
    return Snapshot(
        at=asyncio.get_running_loop().time(),
        recorded=int(samples(recorder, events, outcome="recorded")),
        duplicates=int(samples(recorder, events, outcome="duplicate")),
        rejected=int(samples(recorder, events, outcome="rejected")),
        refused=int(samples(ingest, "pcare_ingest_events_total", outcome="rejected")),
        lag=int(samples(recorder, "pcare_recorder_lag_events")),
        reading=_reading(catalogue, kpis),
    )


def _reading(catalogue: dict[str, Any], kpis: dict[str, Any]) -> Reading | None:
    if not catalogue or not kpis:
        return None
    try:
        return reading_of(catalogue, kpis)
    except ReadingError:
        return None


async def _text(client: httpx.AsyncClient, address: str) -> str:
    try:
        answer = await client.get(address)
    except httpx.TransportError:
        return ""
    return answer.text if answer.status_code == httpx.codes.OK else ""


async def _json(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    try:
        answer = await client.get(address)
    except httpx.TransportError:
        return {}
    document: dict[str, Any] = answer.json() if answer.status_code == httpx.codes.OK else {}
    return document
