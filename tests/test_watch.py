"""The watcher beside the running system: what it finds where all is well, where something is not, and what is away."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from certificates import self_signed
from system import Process, System

pytestmark = pytest.mark.integration

SECONDS_TO_SEE = 60.0
SUBMITTED = "interventions.submitted"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def metrics_of(watch: Process) -> Samples:
    async with httpx.AsyncClient(base_url=watch.address, trust_env=False, timeout=60) as client:
        text = (await client.get("/metrics")).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


async def until(watch: Process, holds: Callable[[Samples], bool], what: str) -> Samples:
    deadline = time.monotonic() + SECONDS_TO_SEE
    while True:
        samples = await metrics_of(watch)
        if holds(samples):
            return samples
        assert time.monotonic() < deadline, f"not seen: {what}\n{watch.tail()}"
        await asyncio.sleep(0.2)


def start_watch(system: System, **more: str) -> Process:
    watch = system.add("watch")
    watch.environment |= {
        "PCARE_WATCH_SECONDS": "0.5",
        "PCARE_WATCH_SLOW_SECONDS": "0.5",
        "PCARE_WATCH_KPI_SECONDS": "1",
        "PCARE_WATCH_KPI_ADDRESS": system.one("kpi-aggregator").address,
        **more,
    }
    watch.start()
    return watch


async def test_what_is_well_is_shown_as_well_and_what_is_not_is_found(system: System, tmp_path: Path):
    certificate, _ = self_signed(tmp_path)
    await system.start("kpi-aggregator", "recorder", "ingest")
    watch = start_watch(system, PCARE_WATCH_CERTIFICATES=str(certificate), PCARE_WATCH_PATHS=str(tmp_path))
    await watch.ready()
    report = await system.report(await system.simulate(600, seed=71))
    assert report.exact, report.faults()
    submitted = sum(one.submitted or 0 for one in report.accounting.partitions if one.cursor.topic == SUBMITTED)
    seen = await until(
        watch,
        lambda now: of(now, "pcare_watch_topic_judged_offset", topic=SUBMITTED) == submitted,
        "every event of ingest is judged",
    )
    seen = await until(
        watch,
        lambda now: (of(now, "pcare_watch_kpi_numbers", verdict="agrees") or 0) == len(report.kpis),
        "every number of the report was compared and agrees",
    )
    assert of(seen, "pcare_watch_unaccounted_events", topic=SUBMITTED) == 0
    assert of(seen, "pcare_watch_uncounted_partitions", topic=SUBMITTED) == 0
    assert of(seen, "pcare_watch_topic_lag_events", topic=SUBMITTED) == 0
    assert of(seen, "pcare_watch_kpi_numbers", verdict="differs") == 0
    assert (
        0 < (of(seen, "pcare_watch_certificate_ends_seconds", certificate=str(certificate)) or 0) - time.time() < 86400
    )
    assert (of(seen, "pcare_watch_disk_size_bytes", path=str(tmp_path)) or 0) > 0
    events = {labels for (name, labels), _ in seen.items() if name == "pcare_watch_provider_events_total"}
    counted = sum(seen["pcare_watch_provider_events_total", labels] for labels in events)
    assert counted == report.accounting.total("recorded") + report.accounting.total("rejected"), events
    await _a_row_goes(system, watch)
    await _a_count_is_changed(system, watch)


async def _a_row_goes(system: System, watch: Process) -> None:
    await system.fetch(
        "DELETE FROM pcare.interventions WHERE (source, id) = "
        "(SELECT source, id FROM pcare.interventions WHERE kind = 'sp-referral' AND "
        "id NOT IN (SELECT retracts FROM pcare.interventions WHERE retracts IS NOT NULL) LIMIT 1)"
    )
    seen = await until(
        watch, lambda now: (of(now, "pcare_watch_kpi_numbers", verdict="differs") or 0) > 0, "a row that is gone"
    )
    differing = {dict(labels)["kpi"] for (name, labels) in seen if name == "pcare_watch_kpi_difference"}
    assert "sp_referrals" in differing


async def _a_count_is_changed(system: System, watch: Process) -> None:
    await system.fetch("UPDATE pcare.cursors SET recorded = recorded - 2 WHERE recorded > 2 AND partition = 3")
    await until(
        watch,
        lambda now: of(now, "pcare_watch_unaccounted_events", topic=SUBMITTED) == 2,
        "two events without an outcome",
    )


async def test_what_is_away_is_told_and_survived(system: System):
    await system.start("kpi-aggregator", "recorder", "ingest")
    watch = start_watch(system)
    await watch.ready()
    system.backend.kill_postgres()
    try:
        async with httpx.AsyncClient(base_url=watch.address, trust_env=False, timeout=60) as client:
            deadline = time.monotonic() + SECONDS_TO_SEE
            while "flow: no look has succeeded" not in (await client.get("/health/ready")).text:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.2)
            assert (await client.get("/health/ready")).status_code == 503
            assert (await client.get("/health/live")).status_code == 200
        seen = await metrics_of(watch)
        assert (of(seen, "pcare_watch_look_failures_total", look="flow") or 0) > 0
        assert of(seen, "pcare_watch_topic_lag_events", topic=SUBMITTED) == 0  # what was found last stands
    finally:
        system.backend.start_postgres()
    await watch.ready()
    assert watch.terminate() == 0
