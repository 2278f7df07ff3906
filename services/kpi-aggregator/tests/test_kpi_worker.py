"""A worker with a clock that the test moves: what it counts by itself, and what it tells the others when."""

from datetime import UTC, datetime, timedelta

import pytest
from kpi_records import Record, Said, pam, placed, record

from pcare_common.clock import FixedClock
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.ownership import Ownership
from pcare_kpi_aggregator.partition import PartitionState
from pcare_kpi_aggregator.whole import Whole
from pcare_kpi_aggregator.worker import KpiWorker
from pcare_kpi_aggregator.years import SECOND, instant_of, iso
from pcare_schemas.kpis import catalogue

CATALOGUE = catalogue.load()
FOLD = Fold.of(CATALOGUE)
DECODER = FOLD.decoder()
NOON = datetime(2025, 3, 31, 12, tzinfo=UTC)


def never(*_arguments):
    pytest.fail("this is not to happen")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
async def worker(clock):
    ownership = Ownership(
        new_state=lambda: PartitionState(FOLD, DECODER),
        new_reader=never,
        now=lambda: instant_of(clock.now()),
        on_fold_error=never,
        on_unforeseen=never,
        held_bound=0,
    )
    whole = Whole(FOLD, CATALOGUE.version, clock, [0, 1])
    made = KpiWorker(ownership, whole, name="me", catalogue=CATALOGUE.version, clock=clock)
    made.assign({0: 0, 1: 0})
    await ownership._beginning
    made.whole.read_from_the_start = True
    made.whole.log_ends({0: 1000, 1: 1000}, asked_after=0)
    return made


def scored(offset: int, when: datetime) -> Record:
    return Record(offset, record("person:1", pam(instant_of(when), str(offset))))


def people(worker, kpi="pam_people", year=2024) -> int:
    rows = {(row.kpi, row.area, row.year): row.value for row in worker.whole.answer().values}
    return rows[kpi, "NCL", year]


def publish(worker) -> list[int]:
    batch = worker.to_publish()
    worker.published(batch)
    return [partial.partition for partial in batch]


async def test_a_batch_is_counted_at_once_and_evaluated_once(worker, clock):
    worker.tick()
    worker.take([(0, [scored(0, NOON - timedelta(days=1)), scored(1, NOON - timedelta(days=2))])])
    assert people(worker) == 1
    assert worker.whole.best[0].snapshot.applied_through == 1


async def test_an_event_of_this_very_moment_counts_as_soon_as_the_moment_has_passed(worker, clock):
    worker.tick()
    worker.take([(0, [scored(0, clock.now())])])
    assert people(worker) == 0
    clock.advance(timedelta(microseconds=1))
    worker.tick()
    assert people(worker) == 1


async def test_time_alone_opens_a_year_and_lapses_a_plan(worker, clock):
    agreed = Said(
        "care-plan-agreed", instant_of(NOON - timedelta(days=364)), "s", "1", placed("E09000007", plan_ref="plan")
    )
    worker.tick()
    worker.take([(0, [Record(0, record("person:1", agreed))])])
    assert people(worker, "pcsp_active", 2024) == 1
    clock.advance(timedelta(hours=12))  # over midnight in London, into the new year
    worker.tick()
    assert (people(worker, "pcsp_active", 2024), people(worker, "pcsp_active", 2025)) == (1, 1)
    clock.advance(timedelta(hours=12, microseconds=1))
    worker.tick()
    assert (people(worker, "pcsp_active", 2024), people(worker, "pcsp_active", 2025)) == (1, 0)


async def test_at_rest_all_partitions_speak_of_the_same_instant(worker, clock):
    clock.advance(timedelta(seconds=7.3))
    worker.tick()
    worker.take([(0, [scored(0, NOON)])])
    assert len({partial.snapshot.at for partial in worker.whole.best.values()}) == 2
    clock.advance(timedelta(seconds=3))
    worker.tick()
    assert {iso(partial.snapshot.at) for partial in worker.whole.best.values()} == {"2025-03-31T12:00:10.000000Z"}


async def test_changes_are_published_at_most_once_a_second_and_everything_at_a_heartbeat(worker, clock):
    worker.tick()
    assert publish(worker) == [0, 1]
    assert publish(worker) == []
    worker.take([(0, [scored(0, NOON - timedelta(days=1))])])
    assert publish(worker) == []  # not yet rested
    clock.advance(timedelta(seconds=1))
    worker.tick()
    assert publish(worker) == [0]
    clock.advance(timedelta(seconds=1))
    worker.tick()
    assert publish(worker) == []  # nothing new
    clock.advance(timedelta(seconds=5))
    worker.tick()
    assert publish(worker) == [0, 1]


async def test_what_could_not_be_published_is_tried_again(worker, clock):
    worker.tick()
    assert [partial.partition for partial in worker.to_publish()] == [0, 1]
    assert publish(worker) == [0, 1]


async def test_a_suspended_worker_neither_counts_nor_tells(worker, clock):
    worker.tick()
    publish(worker)
    worker.suspend()
    worker.take([(0, [scored(0, NOON - timedelta(days=1))])])
    clock.advance(timedelta(seconds=20))
    worker.tick()
    assert publish(worker) == []
    assert worker.whole.best[0].snapshot.applied_through == -1


async def test_a_heartbeat_missed_by_a_sleep_is_made_up_for_once(worker, clock):
    worker.tick()
    publish(worker)
    clock.advance(timedelta(seconds=333))
    worker.tick()
    assert publish(worker) == [0, 1]
    worker.tick()
    assert publish(worker) == []
    assert worker.whole.best[0].snapshot.at == instant_of(NOON) + 330 * SECOND


async def test_only_what_is_counted_live_takes_time(worker, clock):
    worker.take([(0, [scored(0, NOON), scored(1, NOON)]), (1, [scored(0, NOON)])])
    assert worker.delays.buckets()[-1][1] == 3
    worker.take([(0, [scored(1, NOON), scored(2, NOON)])])
    assert worker.delays.buckets()[-1][1] == 4, "a repeat is none"
    worker.suspend()
    worker.take([(0, [scored(3, NOON)])])
    assert worker.delays.buckets()[-1][1] == 4
