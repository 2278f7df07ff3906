"""Partitions through rebalances, with readers that a test drives by hand."""

import asyncio
from collections.abc import Mapping

import pytest
from kpi_records import Record, pam, record

from pcare_kpi_aggregator.counts import cells_of
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.log_reader import Stretch
from pcare_kpi_aggregator.owned import Phase
from pcare_kpi_aggregator.ownership import Ownership
from pcare_kpi_aggregator.partition import FoldError, PartitionState
from pcare_schemas.kpis import catalogue

FOLD = Fold.of(catalogue.load())
DECODER = FOLD.decoder()
AT = 10**15


def event(offset: int) -> Record:
    return Record(offset, record(f"person:{offset}", pam(0, str(offset))))


BROKEN = b"this is no event"


class FakeReader:
    """A reader whose thread is the test: `finish` does what the real one does."""

    def __init__(self, stretches: Mapping[int, Stretch], outcome: Ownership) -> None:
        self.stretches, self.outcome = dict(stretches), outcome
        self.ended = asyncio.Event()
        self.records = 0
        self.started = self.cancelled = False

    def start(self) -> None:
        self.started = True

    def cancel(self) -> None:
        self.cancelled = True

    def read(self, partition: int, up_to: int | None = None) -> None:
        stretch = self.stretches[partition]
        for offset in range(stretch.state.applied_through + 1, stretch.end if up_to is None else up_to):
            stretch.state.apply(offset, event(offset).value, 1)
            self.records += 1

    def done(self, partition: int) -> None:
        self.read(partition)
        self.stretches[partition].state.settle(AT)
        self.outcome.stretch_done(self, partition)

    def end(self, error: BaseException | None = None) -> None:
        self.ended.set()
        self.outcome.reader_ended(self, error)


class Stage:
    def __init__(self, held_bound: int = 10**6) -> None:
        self.readers: list[FakeReader] = []
        self.failures: list[tuple[int, int]] = []
        self.unforeseen: list[BaseException] = []
        self.ownership = Ownership(
            new_state=lambda: PartitionState(FOLD, DECODER),
            new_reader=self._reader,
            now=lambda: AT,
            on_fold_error=lambda partition, error: self.failures.append((partition, error.offset)),
            on_unforeseen=self.unforeseen.append,
            held_bound=held_bound,
        )

    def _reader(self, stretches, outcome):
        self.readers.append(FakeReader(stretches, outcome))
        return self.readers[-1]

    async def assign(self, ends: Mapping[int, int]) -> None:
        self.ownership.assign(ends)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def state(self, partition: int) -> PartitionState:
        return self.ownership.owned[partition].state

    def phase(self, partition: int) -> Phase:
        return self.ownership.owned[partition].phase

    def people(self, partition: int) -> int:
        cells = cells_of(self.state(partition).snapshot().counts.lines())
        return sum(count for (part, _, _), count in cells.items() if part == "pam_people")


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_partition_is_read_up_to_its_end_then_followed_live(stage):
    await stage.assign({0: 5, 1: 0})
    assert stage.phase(1) is Phase.READY  # an empty partition needs no reading
    assert stage.phase(0) is Phase.READING
    stage.readers[0].done(0)
    stage.readers[0].end()
    assert stage.phase(0) is Phase.READY
    for offset in (5, 6, 7):
        stage.ownership.deliver(0, event(offset))
    stage.ownership.settle(0, AT)
    assert (stage.people(0), stage.state(0).applied_through) == (8, 7)
    assert stage.ownership.progress == 5 + 3


async def test_live_records_below_the_end_are_dropped_and_those_from_it_on_are_held(stage):
    await stage.assign({0: 5})
    for offset in (3, 4, 5, 6):
        stage.ownership.deliver(0, event(offset))
    assert [held.offset for held in stage.ownership.owned[0].held] == [5, 6]
    stage.readers[0].done(0)
    assert (stage.people(0), stage.state(0).applied_through) == (7, 6)
    assert stage.ownership.owned[0].held == []


async def test_a_repeat_changes_nothing(stage):
    await stage.assign({0: 0})
    for offset in (0, 1, 0, 1, 2, 2, 0):
        stage.ownership.deliver(0, event(offset))
    stage.ownership.settle(0, AT)
    assert (stage.people(0), stage.state(0).applied_through) == (3, 2)


async def test_a_gap_reads_the_tail(stage):
    await stage.assign({0: 0})
    stage.ownership.deliver(0, event(0))
    stage.ownership.deliver(0, event(4))
    assert stage.phase(0) is Phase.READING
    stage.ownership.deliver(0, event(5))
    assert stage.readers[0].stretches[0].end == 4
    stage.readers[0].done(0)
    assert (stage.phase(0), stage.people(0), stage.state(0).applied_through) == (Phase.READY, 6, 5)


async def test_too_many_held_records_are_dropped_and_read_again():
    stage = Stage(held_bound=1_500)  # about two records
    await stage.assign({0: 2})
    for offset in range(2, 9):
        stage.ownership.deliver(0, event(offset))
    assert stage.ownership.owned[0].held == []
    stage.readers[0].done(0)
    assert stage.phase(0) is Phase.READING
    assert stage.readers[1].stretches[0].end == 9
    stage.ownership.deliver(0, event(9))
    stage.readers[1].done(0)
    assert (stage.phase(0), stage.people(0), stage.state(0).applied_through) == (Phase.READY, 10, 9)
    assert stage.ownership._held_bytes == 0


async def test_revocation_suspends_and_the_next_assignment_keeps_what_it_can(stage):
    await stage.assign({0: 3, 1: 3})
    for partition in (0, 1):
        stage.readers[0].done(partition)
    stage.readers[0].end()
    stage.ownership.suspend()
    assert [stage.phase(0), stage.phase(1)] == [Phase.SUSPENDED] * 2
    stage.ownership.deliver(0, event(3))  # from a buffer of before the revocation
    assert stage.state(0).applied_through == 2
    await stage.assign({0: 5, 2: 0})
    assert sorted(stage.ownership.owned) == [0, 2]
    assert stage.readers[1].stretches[0].state is stage.state(0)
    stage.readers[1].done(0)
    assert (stage.people(0), stage.readers[1].records) == (5, 2)


async def test_a_kept_partition_with_nothing_new_is_ready_without_reading(stage):
    await stage.assign({0: 3})
    stage.readers[0].done(0)
    stage.readers[0].end()
    await stage.assign({0: 3})
    assert stage.phase(0) is Phase.READY
    assert len(stage.readers) == 1


async def test_a_rebalance_during_a_read_installs_nothing_and_loses_nothing(stage):
    await stage.assign({0: 6})
    reader = stage.readers[0]
    reader.read(0, up_to=4)
    stage.ownership.suspend()
    assert reader.cancelled
    stage.ownership.assign({0: 8})
    await asyncio.sleep(0)
    assert len(stage.readers) == 1  # the thread has the state until it ends
    reader.end()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert stage.readers[1].stretches[0].state.applied_through == 3
    stage.readers[1].done(0)
    assert (stage.people(0), stage.readers[1].records) == (8, 4)


async def test_a_result_of_an_older_assignment_is_not_installed(stage):
    await stage.assign({0: 3})
    reader = stage.readers[0]
    stage.ownership.assign({0: 9})  # both happened before the loop heard of the reader's success
    reader.done(0)
    assert stage.phase(0) is Phase.READING
    reader.end()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stage.readers[1].done(0)
    assert (stage.phase(0), stage.people(0)) == (Phase.READY, 9)


async def test_a_partition_that_left_during_its_read_is_forgotten(stage):
    await stage.assign({0: 3})
    reader = stage.readers[0]
    await stage.assign({})
    reader.done(0)
    reader.end()
    assert stage.ownership.owned == {}
    assert stage.ownership.joined


async def test_a_log_that_became_shorter_is_counted_anew(stage):
    await stage.assign({0: 6})
    stage.readers[0].done(0)
    stage.readers[0].end()
    await stage.assign({0: 2})
    stage.readers[1].done(0)
    assert (stage.people(0), stage.state(0).applied_through) == (2, 1)


async def test_a_record_that_the_fold_fails_on_blocks_its_partition_alone(stage):
    await stage.assign({0: 0, 1: 0})
    stage.ownership.deliver(0, event(0))
    stage.ownership.deliver(0, Record(1, BROKEN))
    stage.ownership.deliver(0, event(2))
    stage.ownership.deliver(1, event(0))
    assert stage.failures == [(0, 1)]
    assert (stage.phase(0), stage.ownership.owned[0].blocked_at) == (Phase.BLOCKED, 1)
    assert stage.phase(1) is Phase.READY
    stage.ownership.settle(1, AT)
    assert [partition for partition, _ in stage.ownership.ready()] == [1]


async def test_a_record_that_fails_during_a_read_blocks_too_and_a_new_assignment_tries_again(stage):
    await stage.assign({0: 3})
    stage.ownership.stretch_failed(stage.readers[0], 0, FoldError(1))
    stage.readers[0].end()
    assert stage.phase(0) is Phase.BLOCKED
    await stage.assign({0: 3})
    assert stage.ownership.owned[0].blocked_at is None
    stage.readers[1].done(0)
    assert (stage.phase(0), stage.people(0)) == (Phase.READY, 3)


async def test_what_nobody_foresaw_in_a_reader_is_passed_on(stage):
    await stage.assign({0: 3})
    error = RuntimeError("out of luck")
    stage.readers[0].end(error)
    assert stage.unforeseen == [error]


async def test_leaving_cancels_what_reads(stage):
    await stage.assign({0: 3})
    stage.ownership.cancel()
    assert stage.readers[0].cancelled
    assert not stage.ownership.assigned


async def test_records_of_partitions_that_are_not_ours_are_dropped(stage):
    await stage.assign({0: 0})
    stage.ownership.deliver(7, event(0))
    assert sorted(stage.ownership.owned) == [0]
