"""Workers come and go under load, and real Prometheus records a series without a gap, a dip or a double."""

import asyncio
import itertools
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from prometheus_server import EVERY_SECONDS, PrometheusServer, Samples, running_prometheus
from steady_load import PEOPLE, SteadyLoad, steady_load
from system import Process, System

pytestmark = pytest.mark.integration

RATE = float(os.environ.get("PCARE_TEST_PROMETHEUS_RATE", "100"))
REST = float(os.environ.get("PCARE_TEST_PROMETHEUS_SECONDS", "2"))
"""Events a second, and for how long each state of affairs is looked at. More makes a longer proof of the same."""

SESSION_SECONDS = 6
SECONDS_TO_MOVE = 60.0
LONGEST_HOLD_SECONDS = 90.0
"""No number may be further behind than this: the session, a rebalance, and what was missed to be read."""

OF_NCL = 'pcare:kpi_value{kpi="sp_referrals",borough="NCL"}'
OF_BOROUGHS = 'pcare:kpi_value{kpi="sp_referrals",borough=~"E.*"}'

Values = dict[tuple[str, str], float]
"""By area and year."""


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[PrometheusServer]:
    async with running_prometheus(tmp_path) as running:
        yield running


async def test_the_recorded_series_stay_whole_while_workers_come_and_go(prometheus: PrometheusServer, system: System):
    system.environment["PCARE_KPI_SESSION_SECONDS"] = str(SESSION_SECONDS)
    first, *_ = await system.start("kpi-aggregator", "recorder", "ingest")
    second = system.add("kpi-aggregator")
    everyone = (first, second)
    prometheus.scrape({"kpi-aggregator": [worker.address.removeprefix("http://") for worker in everyone]})
    async with system.client("ingest") as client, steady_load(client, RATE) as load:
        await prometheus.until(f"count({OF_BOROUGHS} > 0) == {len(PEOPLE)}")
        story = Story(load, prometheus)
        await story.goes_on("one worker")
        second.start()
        await _owns(second, alone=False)
        await story.goes_on("a second one was added")
        first.kill()
        await _owns(second, alone=True)
        await story.goes_on("the first one was killed")
        first.start()
        await _owns(first, alone=False)
        await story.goes_on("it was started again")
        _send(second, signal.SIGSTOP)
        await _owns(first, alone=True)
        await story.goes_on("the second one was stopped")
        _send(second, signal.SIGCONT)
        await story.goes_on("it woke")
    report = await system.report()
    assert report.exact, report.faults()
    await story.judge(await _told(first))


@dataclass
class Story:
    """What happened when, and whether what was recorded meanwhile is right."""

    load: SteadyLoad
    prometheus: PrometheusServer
    _told: list[str] = field(default_factory=list)

    async def goes_on(self, what: str) -> None:
        """Look on for a while, and remember what there was to see."""
        await asyncio.sleep(REST)
        age = await self.prometheus.value("pcare:kpi_age_seconds")
        value = await self.prometheus.value(f"sum({OF_NCL})")
        self._told.append(f"{what}: {self.load.accepted} accepted, {value} recorded, of {age} s ago")

    async def judge(self, final: Values) -> None:
        """Compare all that was recorded with what was sent, and with what /kpis says at the end."""
        for _ in range(30):  # the last of it has to be scraped
            if await self.prometheus.value(f"sum({OF_NCL})") == self.load.accepted:
                break
            await asyncio.sleep(EVERY_SECONDS)
        of_ncl = await self.prometheus.recorded_rows(OF_NCL)
        of_boroughs = await self.prometheus.recorded_rows(OF_BOROUGHS)
        whole, boroughs = _sums(of_ncl.values()), _sums(of_boroughs.values())
        ages = await self.prometheus.recorded("pcare:kpi_age_seconds")
        gap = max(later - earlier for earlier, later in itertools.pairwise(whole))
        behind = max(self._seconds_behind(when, value) for when, value in whole.items())
        last = max(whole)
        self._told.append(
            f"{len(whole)} samples of each of {len(of_ncl) + len(of_boroughs)} series, longest gap {gap:.2f} s, "
            f"greatest age {max(age for _, age in ages):.1f} s, furthest behind what was accepted {behind:.1f} s, "
            f"last {whole[last]:.0f} of {self.load.accepted}"
        )
        sys.stdout.write("\n".join([*self._told, ""]))  # shown when the test fails
        assert gap < 2 * EVERY_SECONDS + 0.5, "a gap beyond a scrape"
        for row, samples in (of_ncl | of_boroughs).items():
            assert [when for when, _ in samples] == [when for when in whole if when >= samples[0][0]], f"{row} has gaps"
            assert _dips(samples) == [], f"{row} dips"
            assert samples[-1] == (last, final[row]), f"{row} ends at another number than /kpis"
        assert {when: value for when, value in whole.items() if value > self.load.sent_by(when)} == {}, "a double"
        assert whole == boroughs, "not of one worker and one moment"
        assert behind < LONGEST_HOLD_SECONDS
        assert whole[last] == self.load.accepted

    def _seconds_behind(self, when: float, value: float) -> float:
        """Return for how long more than `value` had been accepted at a time."""
        return when - self.load.accepted_at(int(value)) if value < self.load.accepted_by(when) else 0.0


def _dips(samples: Samples) -> list[tuple[float, float, float]]:
    return [(when, before, value) for (_, before), (when, value) in itertools.pairwise(samples) if value < before]


def _sums(rows: Iterable[Samples]) -> dict[float, float]:
    """Return the sum of all rows at each time."""
    sums: Counter[float] = Counter()
    for samples in rows:
        sums.update(dict(samples))
    return dict(sorted(sums.items()))


async def _owns(worker: Process, *, alone: bool) -> None:
    """Wait until a worker counts its share of the partitions, or all of them."""
    ready = ""
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        for _ in range(int(SECONDS_TO_MOVE / 0.1)):
            try:
                lines = (await client.get(f"{worker.address}/metrics")).text.splitlines()
            except httpx.TransportError:
                lines = []
            ready = "".join(line[-3] for line in lines if line.startswith("pcare_kpi_partition_ready{"))
            if ready and "0" not in ready and (len(ready) == 12) == alone:
                return
            await asyncio.sleep(0.1)
    raise AssertionError(f"{worker.log.stem} has {ready or 'no partitions'}\n{worker.tail()}")


async def _told(worker: Process) -> Values:
    """Return the referrals by area and year, as /kpis tells them."""
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        rows = (await client.get(f"{worker.address}/kpis", params={"kpi": "sp_referrals"})).json()["kpis"]
    return {(row["borough"], row["year"]): row["value"] for row in rows}


def _send(worker: Process, signum: signal.Signals) -> None:
    assert worker.popen is not None
    worker.popen.send_signal(signum)
