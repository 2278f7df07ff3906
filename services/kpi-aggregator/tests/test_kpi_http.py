"""What the worker answers: /kpis, /metrics and the probes."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from pcare_common import metrics
from pcare_common.clock import FixedClock
from pcare_common.http import service_routes
from pcare_kpi_aggregator.answers import KpiAnswers
from pcare_kpi_aggregator.counts import Told, lines_of
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.health import WorkerHealth
from pcare_kpi_aggregator.kpi_metrics import KpiCollector
from pcare_kpi_aggregator.owned import Phase
from pcare_kpi_aggregator.ownership import Ownership
from pcare_kpi_aggregator.partials import Partial
from pcare_kpi_aggregator.partition import PartitionState, Snapshot
from pcare_kpi_aggregator.standings import Standings
from pcare_kpi_aggregator.watchdog import LoopWatchdog, ProgressWatchdog
from pcare_kpi_aggregator.whole import Whole
from pcare_kpi_aggregator.worker import KpiWorker
from pcare_kpi_aggregator.years import first_month, instant_of, last_month
from pcare_schemas.kpis import catalogue, targets

CATALOGUE = catalogue.load()
TARGETS = targets.load(None, CATALOGUE.ids)
FOLD = Fold.of(CATALOGUE)
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
CAMDEN = "E09000007"


def never(*_arguments):
    pytest.fail("this is not to happen")


class Stage:
    def __init__(self) -> None:
        self.clock = FixedClock(NOON)
        self.ownership = Ownership(
            new_state=lambda: PartitionState(FOLD, FOLD.decoder()),
            new_reader=never,
            now=self.now,
            on_fold_error=never,
            on_unforeseen=never,
            held_bound=0,
        )
        self.whole = Whole(FOLD, CATALOGUE.version, self.clock, [0, 1])
        self.worker = KpiWorker(self.ownership, self.whole, name="me", catalogue=CATALOGUE.version, clock=self.clock)
        self.loop_dog = LoopWatchdog(limit_seconds=5, clock=self.clock, leave=pytest.fail)
        self.progress = ProgressWatchdog(60, self.clock, pytest.fail)
        health = WorkerHealth(self.worker, self.loop_dog, self.progress, 5, 20)
        standings = Standings(CATALOGUE, TARGETS)
        registry = CollectorRegistry()
        registry.register(
            KpiCollector(self.worker, CATALOGUE, standings, now=self.now, progress_age=lambda: self.progress.age)
        )
        answers = KpiAnswers(self.whole, CATALOGUE, standings, self.now)
        routes = [*service_routes(registry, ready=health.ready, live=health.live), *answers.routes()]
        transport = httpx.ASGITransport(app=Starlette(routes=routes))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://kpis")

    def now(self) -> int:
        return instant_of(self.clock.now())

    async def own(self) -> None:
        self.worker.assign({0: 0, 1: 0})
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def know(self) -> None:
        counts = [
            {("pam_people", CAMDEN, first_month(2023)): 4, ("sdm_collaborate/of", CAMDEN, first_month(2023)): 8},
            {("pam_people", "", last_month(2022)): 1, ("phb_people/change", CAMDEN, first_month(2023)): 2},
        ]
        for partition, count in enumerate(counts):
            snapshot = Snapshot(1000, 41, self.now() - partition, Told(lines_of(count)))
            self.whole.offer(Partial(CATALOGUE.version, partition, "another", snapshot))
        self.whole.read_from_the_start = True
        self.whole.log_ends({0: 42, 1: 45}, asked_after=self.whole.offers)


@pytest.fixture
async def stage():
    made = Stage()
    async with made.client:
        yield made


async def test_kpis_answers_with_values_targets_and_where_they_come_from(stage):
    stage.know()
    document = (await stage.client.get("/kpis")).json()
    assert document["complete"]
    assert (document["instant"], document["instant_latest"]) == (
        "2024-05-01T11:59:59.999999Z",
        "2024-05-01T12:00:00.000000Z",
    )
    assert document["catalogue"] == CATALOGUE.version
    assert document["partitions"][1] == {
        "partition": 1, "known": True, "applied_through": 41, "lag": 3, "instant": "2024-05-01T11:59:59.999999Z",
        "age_seconds": 0.0, "owner": "another",
    }  # fmt: skip
    rows = {(row["kpi"], row["borough"], row["year"]): row for row in document["kpis"]}
    assert rows["pam_people", "NCL", "2023/24"] == {
        "kpi": "pam_people", "borough": "NCL", "borough_name": "North Central London", "year": "2023/24",
        "value": 5, "numerator": 5, "denominator": None, "target": 21619.0, "trajectory": 21619.0, "gap": -21614.0,
        "forecast": None, "words": "21,614 short of the target",
    }  # fmt: skip
    assert rows["pam_people", CAMDEN, "2024/25"]["value"] == 4
    assert rows["pam_people", CAMDEN, "2024/25"]["borough_name"] == "Camden"
    assert rows["pam_people", CAMDEN, "2024/25"]["target"] is None
    few = rows["sdm_collaborate", CAMDEN, "2023/24"]
    assert (few["value"], few["numerator"], few["denominator"]) == (None, 0, 8)
    assert rows["pam_people", "NCL only", "2022/23"]["value"] == 1
    assert rows["phb_people", "E09000003", "2023/24"]["value"] == 0
    assert {year for _, _, year in rows} == {"2022/23", "2023/24", "2024/25"}


async def test_kpis_can_be_narrowed(stage):
    stage.know()
    answer = await stage.client.get("/kpis", params={"year": "2023/24", "kpi": "phb_people"})
    assert {(row["kpi"], row["year"]) for row in answer.json()["kpis"]} == {("phb_people", "2023/24")}


@pytest.mark.parametrize("question", ["/kpis?year=2023", "/kpis?kpi=phb_peple"])
async def test_a_wrong_question_is_told_what_is_wrong(stage, question):
    answer = await stage.client.get(question)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "phb_peple" in answer.json()["detail"] or "2023/24" in answer.json()["detail"]


async def test_before_all_is_known_there_are_no_numbers(stage):
    document = (await stage.client.get("/kpis")).json()
    assert (document["complete"], document["kpis"], document["instant"]) == (False, [], None)
    assert document["partitions"][0] == {
        "partition": 0, "known": False, "applied_through": -1, "lag": None, "instant": None, "age_seconds": None,
        "owner": None,
    }  # fmt: skip
    assert "pcare_kpi_value{" not in (await stage.client.get("/metrics")).text


async def test_ready_says_what_is_missing(stage):
    async def reasons() -> list[str]:
        answer = await stage.client.get("/health/ready")
        assert answer.status_code == (503 if answer.json()["reasons"] else 200)
        return answer.json()["reasons"]

    assert await reasons() == [
        "the group has not assigned partitions to this worker yet",
        "the numbers are not complete: nothing is known of the partitions 0, 1",
    ]
    await stage.own()
    stage.know()
    assert await reasons() == []
    stage.ownership.owned[0].phase = Phase.READING
    assert await reasons() == ["reading the log of the partitions 0"]
    stage.ownership.owned[0].phase, stage.ownership.owned[0].blocked_at = Phase.BLOCKED, 17
    assert await reasons() == ["partition 0 is not counted: the fold fails at offset 17; see the log"]
    stage.progress.look({"partition 0": 1})
    stage.clock.advance(timedelta(seconds=30))
    assert "nothing was counted for 30 s" in (await reasons())[-1]


async def test_a_worker_that_is_given_nothing_is_ready_when_it_can_answer(stage):
    stage.worker.assign({})
    stage.know()
    assert (await stage.client.get("/health/ready")).status_code == 200


async def test_live_says_that_the_loop_turns(stage):
    assert (await stage.client.get("/health/live")).status_code == 200
    stage.clock.advance(timedelta(seconds=6))
    assert (await stage.client.get("/health/live")).status_code == 503


async def test_metrics_show_numbers_partitions_and_the_worker(stage):
    await stage.own()
    stage.know()
    stage.ownership.owned[1].blocked_at = 99
    text = (await stage.client.get("/metrics")).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families.keys() <= {name.removesuffix("_total") for name in metrics.CATALOGUE}
    order = ("kpi", "borough", "year", "partition", "version")
    samples = {
        (sample.name, *(sample.labels[name] for name in order if name in sample.labels)): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert samples["pcare_kpi_value", "pam_people", "NCL", "2023/24"] == 5
    assert samples["pcare_kpi_target", "phb_people", "NCL", "2023/24"] == 4633
    assert samples["pcare_kpi_trajectory", "phb_people", "NCL", "2023/24"] == 4633
    assert 2 < samples["pcare_kpi_trajectory", "phb_people", "NCL", "2024/25"] < 4633 / 12 + 4
    assert samples["pcare_kpi_complete",] == 1
    assert samples["pcare_kpi_instant_seconds",] == pytest.approx(NOON.timestamp(), abs=0.001)
    assert samples["pcare_kpi_catalogue_info", CATALOGUE.version] == 1
    assert samples["pcare_kpi_log_heard_seconds",] == NOON.timestamp()
    assert samples["pcare_kpi_partition_lag_events", "1"] == 3
    assert samples["pcare_kpi_partition_instant_seconds", "0"] == NOON.timestamp()
    assert samples["pcare_kpi_partition_ready", "0"] == 1
    assert samples["pcare_kpi_partition_blocked_offset", "1"] == 99
    assert samples["pcare_kpi_rebalances_total",] == 1


async def test_the_labels_are_bounded_by_the_catalogue(stage):
    await stage.own()
    stage.know()
    text = (await stage.client.get("/metrics")).text
    series = sum(line.startswith("pcare_kpi_") for line in text.splitlines())
    years, areas = 3, 7
    assert series <= 2 * len(CATALOGUE.kpis) * years * areas + 2 * 7 + 11
