"""The bulk reader and the partials topic, on a real broker but in this process."""

import asyncio

import pytest
from kpi_cluster import make_topics, population, publish, publish_values, shuffled

from pcare_common.errors import TransientError
from pcare_kpi_aggregator import counts, partials
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.log_reader import LogReader, Stretch
from pcare_kpi_aggregator.partials import Partial
from pcare_kpi_aggregator.partials_topic import PartialsTopic
from pcare_kpi_aggregator.partition import PartitionState, Snapshot
from pcare_schemas.kpis import catalogue
from pcare_schemas.topics import RECORDED

pytestmark = pytest.mark.integration

FOLD = Fold.of(catalogue.load())
DECODER = FOLD.decoder()
AT = 2 * 10**15


def new_state() -> PartitionState:
    return PartitionState(FOLD, DECODER)


class Told:
    """Whom a reader tells."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.failed: list[tuple[int, int]] = []
        self.errors: list[BaseException | None] = []

    def stretch_done(self, _reader, partition):
        self.done.append(partition)

    def stretch_failed(self, _reader, partition, error):
        self.failed.append((partition, error.offset))

    def reader_ended(self, _reader, error):
        self.errors.append(error)


@pytest.fixture
def kafka(backend) -> str:
    make_topics(backend.bootstrap_servers, partitions=3)
    return backend.bootstrap_servers


@pytest.fixture
async def topic(kafka):
    opened = PartialsTopic({"bootstrap_servers": kafka}, catalogue="1-a")
    await opened.open()
    yield opened
    await opened.close()


def reader_of(bootstrap_servers: str, stretches: dict[int, Stretch], told: Told) -> LogReader:
    return LogReader(
        RECORDED,
        stretches,
        kafka_options={"bootstrap_servers": bootstrap_servers},
        now=lambda: AT,
        outcome=told,
    )


def counted(state: PartitionState):
    snapshot = state.snapshot()
    return snapshot.log_started, snapshot.applied_through, snapshot.at, counts.cells_of(snapshot.counts.lines())


async def until(condition) -> None:
    while not condition():  # noqa: ASYNC110 - a thread, or a broker, brings it about
        await asyncio.sleep(0.05)


async def read(bootstrap_servers: str, stretches: dict[int, Stretch]) -> Told:
    told = Told()
    reader = reader_of(bootstrap_servers, stretches, told)
    reader.start()
    async with asyncio.timeout(30):
        await reader.ended.wait()
    await asyncio.sleep(0)
    return told


async def test_stretches_are_read_to_their_ends_and_no_further(kafka, topic):
    await publish(kafka, shuffled(population(300, seed=1), seed=2))
    ends = await topic.ends()
    states = {partition: new_state() for partition in ends}
    half = {partition: Stretch(state, ends[partition] // 2) for partition, state in states.items()}
    told = await read(kafka, half)
    assert (sorted(told.done), told.failed, told.errors) == ([0, 1, 2], [], [None])
    assert {partition: state.applied_through + 1 for partition, state in states.items()} == {
        partition: end // 2 for partition, end in ends.items()
    }
    await read(kafka, {partition: Stretch(state, ends[partition]) for partition, state in states.items()})
    whole = {partition: new_state() for partition in ends}
    await read(kafka, {partition: Stretch(state, ends[partition]) for partition, state in whole.items()})
    assert [counted(state) for state in states.values()] == [counted(state) for state in whole.values()]
    assert all(state.log_started is not None for state in states.values())


async def test_a_record_that_fails_is_named_and_the_other_partitions_go_on(kafka, topic):
    await publish_values(kafka, [("person:poison", b"no event")], partition=1)
    await publish(kafka, shuffled(population(50, seed=3), seed=4))
    ends = await topic.ends()
    told = await read(kafka, {partition: Stretch(new_state(), end) for partition, end in ends.items()})
    assert (sorted(told.done), told.failed) == ([0, 2], [(1, 0)])


async def test_a_reader_that_cannot_reach_kafka_tries_on_until_it_is_not_wanted_any_more():
    told = Told()
    reader = reader_of("127.0.0.1:1", {0: Stretch(new_state(), 5)}, told)
    reader.start()
    await asyncio.sleep(0.5)
    assert not reader.ended.is_set()
    reader.cancel()
    async with asyncio.timeout(10):
        await reader.ended.wait()
    await asyncio.sleep(0)
    assert (told.done, told.errors) == ([], [None])


async def test_what_a_cancelled_reader_has_read_stays_read(kafka, topic):
    await publish(kafka, shuffled(population(300, seed=5), seed=6))
    ends = await topic.ends()
    state = new_state()
    told = Told()
    reader = reader_of(kafka, {0: Stretch(state, ends[0] + 10)}, told)  # more than there is: it waits for the rest
    reader.start()
    async with asyncio.timeout(30):
        await until(lambda: state.applied_through + 1 >= ends[0])
    reader.cancel()
    async with asyncio.timeout(10):
        await reader.ended.wait()
    assert (told.done, state.applied_through + 1) == ([], ends[0])


async def test_an_error_that_nobody_foresaw_is_handed_on():
    told = Told()
    reader = LogReader(RECORDED, {}, kafka_options={"no_such": "option"}, now=lambda: AT, outcome=told)
    reader.start()
    async with asyncio.timeout(10):
        await reader.ended.wait()
    await asyncio.sleep(0)
    assert isinstance(told.errors[0], TypeError)


async def test_partials_of_others_are_read_from_the_start_and_strangers_are_passed_over(kafka, topic):
    told = counts.Told(counts.lines_of({("pam_people", "", 24293): 2}))
    first, second = (Partial("1-a", 0, "another", Snapshot(1, 5, at, told)) for at in (1, 2))
    another = PartialsTopic({"bootstrap_servers": kafka}, catalogue="1-a")
    await another.open()
    await another.publish([first])
    await topic.publish([Partial("1-a", 1, "me", Snapshot(1, 5, 1, told))])  # known here already
    await another.publish([Partial("1-b", 0, "another", Snapshot(1, 5, 1, told))])  # of another catalogue
    for key, value in (
        (b"x", b"not ours"),
        (partials.key_of("1-a", 0), b"not ours"),
        (partials.key_of("1-a", 0), None),
    ):
        await topic._producer.send_and_wait("interventions.kpi-partials", value, key=key)
    offered: list[Partial] = []
    caught_up = asyncio.Event()
    reading = asyncio.create_task(topic.read(offered.append, caught_up.set))
    async with asyncio.timeout(20):
        await caught_up.wait()
        assert offered == [first]
        await another.publish([second])
        await until(lambda: len(offered) == 2)
    assert offered == [first, second]
    assert topic.records_read == 7
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await another.close()


async def test_without_being_open_everything_is_to_be_tried_later():
    closed = PartialsTopic({"bootstrap_servers": "127.0.0.1:1"}, catalogue="1-a")
    with pytest.raises(TransientError):
        await closed.publish([])
    with pytest.raises(TransientError):
        await closed.ends()
    await closed.close()
