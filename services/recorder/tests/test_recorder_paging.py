"""Batches that follow on: gaps are proved, never assumed."""

from collections.abc import Collection, Mapping

import pytest
from recorder_events import submitted

from pcare_common.errors import OperatorError
from pcare_recorder.cursors import Held, Partition
from pcare_recorder.paging import Pager, Stretches
from pcare_recorder.store import Span
from pcare_recorder.verdicts import Submitted

P0, P1 = Partition("interventions.submitted", 0), Partition("interventions.submitted", 1)


def records(partition: Partition, *offsets: int, value: bytes = b"{}") -> list[Submitted]:
    return [submitted(value, offset, partition=partition.number) for offset in offsets]


class Log:
    """A log that answers readings in turn, and takes note of every seek."""

    def __init__(self, *readings: dict[Partition, list[Submitted]]) -> None:
        self.readings = list(readings)
        self.seeks: list[dict[Partition, int]] = []
        self.asked: list[int] = []
        self.position: dict[Partition, int] = {}
        self.first: dict[Partition, int] = {}

    def begin_at(self, offsets: Mapping[Partition, int]) -> None:
        self.seeks.append(dict(offsets))
        self.position |= offsets

    async def take(self, *, wait: float, events: int) -> Stretches:  # noqa: ARG002 - the Protocol's name
        self.asked.append(events)
        reading = self.readings.pop(0) if self.readings else {}
        for partition, found in reading.items():
            self.position[partition] = found[-1].origin.offset + 1
        return reading

    async def positions(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return {partition: self.position[partition] for partition in partitions}

    async def held(self, partitions: Collection[Partition]) -> Mapping[Partition, Held]:
        return {partition: Held(self.first.get(partition, 0), 1000) for partition in partitions}

    async def first_reading(self, events: int) -> Stretches:
        return await self.take(wait=1, events=events)


def pager(log: Log, *, events: int = 100, size: int = 10_000, proving: bool = False) -> Pager:
    made = Pager(log, batch_events=events, batch_bytes=size)
    made.begin({P0: 10, P1: 0})
    log.seeks.clear()
    for carried in made.carried.values():
        carried.proving = proving
    return made


async def test_a_batch_spans_what_was_read_from_the_cursors_on() -> None:
    log = Log({P0: records(P0, 10, 11)}, {P1: records(P1, 0), P0: records(P0, 12)})
    batches = pager(log)
    page = await batches.next_page(log.first_reading)
    assert page is not None
    assert page.spans == (Span(P0, 10, 13), Span(P1, 0, 1))
    assert [record.origin.offset for record in page.records] == [10, 11, 0, 12]
    assert {partition: carried.next_offset for partition, carried in batches.carried.items()} == {P0: 13, P1: 1}
    assert log.seeks == []


async def test_to_begin_seeks_every_partition_and_forgets_the_others() -> None:
    log = Log()
    batches = pager(log)
    batches.begin({P1: 7})
    assert log.seeks == [{P1: 7}]
    assert list(batches.carried) == [P1]


async def test_nothing_to_read_is_no_batch() -> None:
    log = Log()
    assert await pager(log).next_page(log.first_reading) is None


async def test_a_batch_is_bounded_in_events() -> None:
    log = Log({P0: records(P0, 10, 11)}, {P0: records(P0, 12)}, {P0: records(P0, 13)})
    page = await pager(log, events=3).next_page(log.first_reading)
    assert page is not None
    assert log.asked == [3, 1]
    assert len(page.records) == 3


async def test_a_batch_is_bounded_in_bytes() -> None:
    log = Log({P0: records(P0, 10, value=b"x" * 600)}, {P0: records(P0, 11, value=b"x" * 600)}, {P1: records(P1, 0)})
    page = await pager(log, size=1000).next_page(log.first_reading)
    assert page is not None
    assert len(page.records) == 2


async def test_records_after_a_gap_are_dropped_and_read_again_from_the_cursor() -> None:
    log = Log({P0: records(P0, 12, 13), P1: records(P1, 0)})
    page = await pager(log).next_page(log.first_reading)
    assert page is not None
    assert page.spans == (Span(P1, 0, 1),)
    assert log.seeks == [{P0: 10}]


async def test_a_gap_that_an_explicit_read_shows_again_is_of_control_records() -> None:
    log = Log({P0: records(P0, 12, 13)})
    page = await pager(log, proving=True).next_page(log.first_reading)
    assert page is not None
    assert page.spans == (Span(P0, 10, 14),)
    assert len(page.records) == 2


async def test_a_gap_that_retention_made_stops_the_recorder() -> None:
    log = Log({P0: records(P0, 12, 13)})
    log.first[P0] = 12
    with pytest.raises(OperatorError, match="offsets 10 to 11"):
        await pager(log, proving=True).next_page(log.first_reading)


async def test_a_second_stretch_that_does_not_follow_is_left_for_the_next_batch_to_prove() -> None:
    log = Log({P0: records(P0, 10)}, {P0: records(P0, 15)}, {P1: records(P1, 0)})
    batches = pager(log)
    page = await batches.next_page(log.first_reading)
    assert page is not None
    assert page.spans == (Span(P0, 10, 11), Span(P1, 0, 1))
    assert log.seeks == [{P0: 11}]


async def test_gaps_inside_one_reading_are_of_control_records() -> None:
    log = Log({P0: records(P0, 10, 12, 14)})
    page = await pager(log).next_page(log.first_reading)
    assert page is not None
    assert page.spans == (Span(P0, 10, 15),)


async def test_control_records_at_the_end_are_passed_after_an_explicit_read() -> None:
    log = Log()
    batches = pager(log)
    log.position[P0] = 12
    assert await batches.next_page(log.first_reading) is None
    assert log.seeks == [{P0: 10}]
    log.position[P0] = 12
    page = await batches.next_page(log.first_reading)
    assert page is not None
    assert page.spans == (Span(P0, 10, 12),)
    assert page.records == ()
    assert await batches.next_page(log.first_reading) is None


async def test_an_end_that_retention_moved_is_not_passed() -> None:
    log = Log()
    batches = pager(log, proving=True)
    log.position[P0], log.first[P0] = 12, 12
    with pytest.raises(OperatorError, match="offsets 10 to 11"):
        await batches.next_page(log.first_reading)


async def test_records_of_a_partition_that_was_not_begun_are_ignored() -> None:
    other = Partition("interventions.submitted", 9)
    log = Log({other: records(other, 0)})
    assert await pager(log).next_page(log.first_reading) is None
