"""What the system withstands from the first day: crashes, restarts, several copies, a dependency that goes away."""

import asyncio
import json
import random

import pytest

from events import referral
from system import System

pytestmark = pytest.mark.integration

ONE = {"content-type": "application/cloudevents+json"}


async def test_kill_9_of_recorder_and_aggregator_under_20000_events_leaves_nothing_out(system: System):
    _, recorder, _ = await system.start("kpi-aggregator", "recorder", "ingest")
    aggregator = system.one("kpi-aggregator")
    chance = random.Random(4)
    sending = asyncio.create_task(system.simulate(20_000, seed=41))
    for round_number in range(4):
        await asyncio.sleep(chance.uniform(0.5, 2.5))
        victim = (recorder, aggregator)[round_number % 2]
        victim.kill()
        victim.start()
        await victim.ready()
    ledger = await sending
    report = await system.report(ledger)
    assert report.exact, report.faults()
    assert report.accounting.total("recorded") > 19_000


async def test_two_recorders_share_the_work_and_one_takes_over(system: System):
    await system.start("kpi-aggregator", "recorder", "recorder", "ingest")
    sending = asyncio.create_task(system.simulate(4_000, seed=42))
    await system.sending_has_begun(seed=42)
    system.one("recorder").kill()
    report = await system.report(await sending)
    assert report.exact, report.faults()


async def test_two_aggregators_each_answer_for_the_whole(system: System):
    await system.start("kpi-aggregator", "kpi-aggregator", "recorder", "ingest")
    first, second = [process for process in system.processes if process.name == "kpi-aggregator"]
    report = await system.report(await system.simulate(1_000, seed=43))
    assert report.exact, report.faults()
    assert await _values(system, first) == await _values(system, second) != {}
    second.kill()
    report = await system.report(await system.simulate(1_000, seed=44))
    assert report.exact, report.faults()


async def test_a_database_that_goes_away_rejects_no_good_event(system: System):
    await system.start("kpi-aggregator", "recorder", "ingest")
    sending = asyncio.create_task(system.simulate(3_000, seed=45))
    await system.sending_has_begun(seed=45)
    await asyncio.to_thread(system.backend.kill_postgres)
    await asyncio.sleep(2)
    await asyncio.to_thread(system.backend.start_postgres)
    ledger = await sending
    report = await system.report(ledger)
    assert report.exact, report.faults()
    expected = sum(json.loads(line).get("expected") == "rejected" for line in ledger)
    assert report.accounting.total("rejected") <= max(expected, len(ledger) // 50)


async def test_a_broker_that_crashes_loses_no_accepted_event(system: System):
    await system.start("kpi-aggregator", "recorder", "ingest")
    sending = asyncio.create_task(system.simulate(3_000, seed=46))
    await system.sending_has_begun(seed=46)
    await asyncio.to_thread(system.backend.kill_kafka)
    await asyncio.to_thread(system.backend.start_kafka)
    ledger = await sending
    report = await system.report(ledger)
    assert report.exact, report.faults()
    assert not report.accounting.lost


async def test_each_service_finishes_what_is_in_hand_and_ends_in_time(system: System):
    processes = await system.start("kpi-aggregator", "recorder", "ingest")
    async with system.client("ingest") as client:
        assert (await client.post("/events", content=json.dumps(referral()), headers=ONE)).status_code == 202
    await system.report()
    for process in reversed(processes):
        assert await asyncio.to_thread(process.terminate) == 0, process.tail()


async def _values(system: System, process) -> dict[tuple[str, str, str], float]:
    import httpx

    async with httpx.AsyncClient(trust_env=False) as client:
        rows = (await client.get(f"{process.address}/kpis")).json()["kpis"]
    return {(row["kpi"], row["borough"], row["year"]): row["value"] for row in rows if row["value"]}
