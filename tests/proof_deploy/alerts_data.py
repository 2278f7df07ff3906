"""Breaks what is recorded, counted, expected or old, and sees each alert; then mends it, where that is quick."""

import asyncio
import datetime as dt
import json
from pathlib import Path
from zoneinfo import ZoneInfo

from kafka import KafkaProducer

from events import BARNET, event, referral
from pcare_schemas.topics import RECORDED
from proof_deploy.alert_scene import Scene, scene
from proof_provider.checks import Checks
from system import Process

LONDON = ZoneInfo("Europe/London")
SILENT = "Y99999"
TARGETS = """
targets: [{kpi: sp_referrals, area: NCL, value: 200, by: always, baseline: null}]
comparisons: []
"""
UNKNOWN = "uk.nhs.ncl.personalised-care.of-a-later-release.v1"
RESTARTS = 8


async def play_data(checks: Checks, directory: Path) -> None:
    """Play it all on one system."""
    targets = directory / "targets.yaml"
    targets.write_text(TARGETS)
    async with scene(
        checks, directory, PCARE_KPI_TARGETS=str(targets), PCARE_KPI_STATE_DIR=str(directory / "exits")
    ) as stage:
        await stage.start("kpi-aggregator", "recorder", "ingest", "watch", "seal")
        await _all_is_well(stage)
        await _short_of_the_trajectory(stage)
        await _no_outcome(stage)
        await _sql_differs(stage)
        await _nobody_seals(stage)
        await _what_was_sealed_is_changed(stage)
        await _silence(stage)
        await _credentials(stage)
        await _an_old_key(stage)
        await _refused(stage)
        await _of_a_later_release(stage)
        await _blocked(stage)


async def _all_is_well(stage: Scene) -> None:
    await stage.sent(referral(f"few-{number}") for number in range(3))
    await stage.alerts.prometheus.until('pcare:kpi_value{kpi="sp_referrals",borough="NCL"} == 3')
    await stage.alerts.prometheus.until('pcare_watch_kpi_numbers{verdict="agrees"} > 0')
    await stage.alerts.resolves("PcareKpiStale", why="the numbers are whole")
    firing = {one["labels"]["alertname"] for one in await stage.alerts.prometheus.alerts()}
    stage.checks.equal("nothing else fires while all is well", firing - {"PcareKpiOffTrajectory"}, set())


async def _short_of_the_trajectory(stage: Scene) -> None:
    now = dt.datetime.now(dt.UTC)
    if now.month == 4 and now.day < 15:  # it is silent then on purpose
        return
    await stage.alerts.fires("PcareKpiOffTrajectory", why="3 referrals, where 200 are to be reached in the year")
    await stage.sent(referral(f"many-{number}") for number in range(250))
    await stage.alerts.resolves("PcareKpiOffTrajectory", why="there are 250 more")


async def _no_outcome(stage: Scene) -> None:
    ((topic, partition),) = await stage.system.fetch(
        "SELECT topic, partition FROM pcare.cursors ORDER BY recorded DESC LIMIT 1"
    )
    change = "UPDATE pcare.cursors SET recorded = recorded + $1 WHERE topic = $2 AND partition = $3"
    await stage.system.fetch(change, -1, topic, partition)
    await stage.alerts.fires("PcareEventsUnaccounted", severity="page", why="a cursor counts one event too few")
    await stage.system.fetch(change, 1, topic, partition)
    await stage.alerts.resolves("PcareEventsUnaccounted", why="it counts it again")


async def _sql_differs(stage: Scene) -> None:
    ((source, name, borough),) = await stage.system.fetch(
        "SELECT source, id, borough FROM pcare.interventions WHERE kind = 'sp-referral' ORDER BY id LIMIT 1"
    )
    change = "UPDATE pcare.interventions SET borough = $1 WHERE source = $2 AND id = $3"
    await stage.system.fetch(change, BARNET, source, name)
    await stage.alerts.fires("PcareKpiDiffers", why="a row was changed by hand")
    await stage.system.fetch(change, borough, source, name)
    await stage.alerts.resolves("PcareKpiDiffers", why="it was changed back")


async def _nobody_seals(stage: Scene) -> None:
    sealer = stage.system.one("seal")
    sealer.kill()
    await stage.alerts.fires("PcareCheckpointsStopped", why="the sealer was killed")
    sealer.start()
    await stage.alerts.resolves("PcareCheckpointsStopped", why="it is back, and has sealed what came meanwhile")


async def _what_was_sealed_is_changed(stage: Scene) -> None:
    """Change a byte of what is recorded, in the table alone: what was signed is not reached again."""
    ((topic, partition, offset, text),) = await stage.system.fetch(
        "SELECT origin_topic, origin_partition, origin_offset, published::text FROM pcare.published LIMIT 1"
    )
    change = (
        "UPDATE pcare.published SET published = $1::text::json "
        "WHERE origin_topic = $2 AND origin_partition = $3 AND origin_offset = $4"
    )
    sealer = stage.system.one("seal")
    await stage.system.fetch(change, text + " ", topic, partition, offset)
    await _start_anew(sealer)
    await stage.alerts.fires("PcareSealerRefuses", severity="page", why="a byte of a sealed row was changed")
    await stage.system.fetch(change, text, topic, partition, offset)
    await _start_anew(sealer)
    await stage.alerts.resolves("PcareSealerRefuses", why="it was changed back, and the sealer was started again")


async def _start_anew(process: Process) -> None:
    stopped = await asyncio.to_thread(process.terminate)
    assert stopped == 0, process.tail()
    process.start()


async def _silence(stage: Scene) -> None:
    await stage.pcare("providers", "add", SILENT, "--name", "Silent Surgery", "--kind", "gp_practice", "--key")
    # what is said now holds from its next hour on: that is the next minute
    hour = (dt.datetime.now(LONDON) + dt.timedelta(minutes=1)).strftime("%H:%M")
    expected = ("--expected-by", hour, "--days", "mon-sun", "--bank-holidays")
    await stage.pcare("providers", "set", SILENT, *expected)
    await stage.alerts.fires("PcareProviderSilent", why="nothing came by the hour")
    await stage.pcare("providers", "set", SILENT, "--expected-by", "none")
    await stage.alerts.resolves("PcareProviderSilent", why="nothing is expected any more")


async def _credentials(stage: Scene) -> None:
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(days=3)).isoformat()
    await stage.pcare("providers", "key", "new", SILENT, "--expires", soon)
    await stage.alerts.fires("PcareCredentialEnding", why="an API key ends in three days")
    await stage.system.fetch("UPDATE pcare.credentials SET valid_from = valid_from - interval '3 years'")
    await stage.alerts.fires("PcareCredentialOld", why="API keys were made three years ago")
    for row in await stage.system.fetch("SELECT id FROM pcare.credentials"):
        await stage.pcare("providers", "revoke", row["id"])
    await stage.alerts.resolves("PcareCredentialEnding", why="it was revoked")
    await stage.alerts.resolves("PcareCredentialOld", why="they were revoked")


async def _an_old_key(stage: Scene) -> None:
    await stage.system.fetch("UPDATE pcare.subjects SET linked_at = linked_at - interval '400 days'")
    await stage.alerts.fires("PcarePseudonymKeyOld", why="persons have been known by it for 400 days")
    await stage.system.fetch("UPDATE pcare.subjects SET linked_at = linked_at + interval '400 days'")
    await stage.alerts.resolves("PcarePseudonymKeyOld", why="it is of today")


async def _refused(stage: Scene) -> None:
    def wrong(number: int) -> list[dict[str, object]]:
        return [event("sp-referral", {"referral_ref": f"wrong-{place}"}) for place in range(number)]

    await stage.send(wrong(1))
    await stage.alerts.prometheus.until('pcare_ingest_rejected_total{provider="RKE"} > 0')
    await stage.send(wrong(400))
    await stage.alerts.fires("PcareRejectionShare", why="most of what a provider sends is wrong")


async def _of_a_later_release(stage: Scene) -> None:
    await asyncio.to_thread(_write_to_the_log, stage, {"type": UNKNOWN})
    await stage.alerts.fires("PcareKpiSkippedEvents", why="a later recorder wrote what this one does not know")


async def _blocked(stage: Scene) -> None:
    """Write a record that the fold fails on: the worker ends itself, is started again, and then goes on without."""
    await asyncio.to_thread(_write_to_the_log, stage, {"type": "uk.nhs.ncl.personalised-care.sp-referral.v1"})
    aggregator = stage.system.one("kpi-aggregator")
    starts = asyncio.create_task(_start_again(aggregator))
    try:
        await stage.alerts.fires("PcareKpiBlocked", why="a record of the log cannot be counted")
        await stage.alerts.fires("PcareKpiStale", why="the numbers are not whole any more")
    finally:
        starts.cancel()


async def _start_again(process: Process) -> None:
    for _ in range(RESTARTS):
        assert process.popen is not None
        await asyncio.to_thread(process.popen.wait)
        process.start()


def _write_to_the_log(stage: Scene, record: dict[str, str]) -> None:
    producer = KafkaProducer(**stage.system.options)
    try:
        producer.send(RECORDED, key=b"person:x", value=json.dumps(record).encode(), partition=0).get(30)
    finally:
        producer.close()
