"""How many series a worker exports, and what Prometheus makes of them, whatever the events say: docs/prometheus.md."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events import event, referral
from pcare_schemas.kpis import catalogue
from prometheus_server import FILES, PrometheusServer, running_prometheus
from system import System

pytestmark = pytest.mark.integration

MANY = {"content-type": "application/cloudevents-batch+json"}
AREAS = {"NCL", "NCL only", "E09000003", "E09000007", "E09000010", "E09000014", "E09000019"}
FIRST_YEAR = 2014  # events are taken from 2015 on: January to March of it are 2014/15
PARTITIONS = 12
OF_EACH_ROW = {"pcare_kpi_value", "pcare_kpi_target", "pcare_kpi_trajectory"}
OF_EACH_PARTITION = 7
OF_THE_WORKER = 9
OF_THE_PROCESS = 12


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[PrometheusServer]:
    async with running_prometheus(tmp_path) as running:
        yield running


async def test_the_series_are_bounded_by_the_catalogue_the_areas_and_the_years(
    prometheus: PrometheusServer, system: System
):
    await system.start("kpi-aggregator", "recorder", "ingest")
    await _send_what_is_odd(system)
    report = await system.report(await system.simulate(500, seed=61))
    assert report.exact, report.faults()
    async with system.client("kpi-aggregator") as client:
        series = [line for line in (await client.get("/metrics")).text.splitlines() if not line.startswith("#")]
    kpis = set(catalogue.load().ids)
    years = _years()
    assert _labels("kpi", series) <= kpis
    assert _labels("borough", series) <= AREAS
    assert _labels("year", series) == years
    assert _labels("partition", series) == {str(number) for number in range(PARTITIONS)}
    families = Counter(re.split(r"[{ ]", line)[0] for line in series)
    of_a_family = len(kpis) * len(AREAS) * len(years)
    assert {name for name, count in families.items() if count > PARTITIONS} <= OF_EACH_ROW
    assert max(families.values()) <= of_a_family
    bound = len(OF_EACH_ROW) * of_a_family + OF_EACH_PARTITION * PARTITIONS + OF_THE_WORKER + OF_THE_PROCESS
    assert len(series) <= bound
    await _what_is_recorded(system, prometheus, of_a_family)


async def _what_is_recorded(system: System, prometheus: PrometheusServer, of_a_family: int) -> None:
    prometheus.scrape({"kpi-aggregator": [system.one("kpi-aggregator").address.removeprefix("http://")]})
    await prometheus.until('pcare:kpi_value{kpi="pam_people",borough="NCL"} > 0')
    recorded = await prometheus.value('count({__name__=~"pcare:.*"})')
    scraped = await prometheus.value("scrape_samples_scraped")
    assert recorded is not None
    assert scraped is not None
    assert recorded <= 2 * len(OF_EACH_ROW) * of_a_family + 2 * PARTITIONS + 5
    limit = re.search(r"sample_limit: (\d+)", (FILES / "prometheus.yml").read_text())
    assert limit is not None
    assert scraped < int(limit[1]) / 2


async def _send_what_is_odd(system: System) -> None:
    """Send what could make a label of its own: the first moment that is taken, and names that nobody knows."""
    events = [referral("r-1", time="2015-01-01T00:00:00Z"), referral("r-2", time="2014-12-31T23:59:59Z")]
    events.append(
        event("sp-referral", {"borough": "E99999999", "referral_ref": "r-3", "referrer": "gp", "reasons": []})
    )
    events.append(event("sp-referral-of-another-kind", {"referral_ref": "r-4"}))
    async with system.client("ingest") as client:
        answer = await client.post("/events", content=json.dumps(events), headers=MANY)
    assert answer.status_code == 207, answer.text


def _labels(name: str, series: list[str]) -> set[str]:
    return {found for line in series for found in re.findall(rf'[{{,]{name}="([^"]*)"', line)}


def _years() -> set[str]:
    today = datetime.now(UTC)
    this_year = today.year - (today.month < 4)
    return {f"{year}/{(year + 1) % 100:02}" for year in range(FIRST_YEAR, this_year + 1)}
