"""The queue of one partition, with a producer whose answers the test gives."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from ingest_support import turns

from pcare_ingest.partition_queue import PartitionQueue
from pcare_ingest.publishing import Failure, Group, Outgoing, Stored

BATCH_RECORDS = 3


class Batch:
    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.closed = False

    def append(self, *, value: bytes, headers: list[tuple[str, bytes]], **_others: Any) -> object:
        assert headers == [("content-type", b"application/cloudevents+json; charset=UTF-8")]
        if self.closed or len(self.values) == BATCH_RECORDS:
            return None
        self.values.append(value)
        return object()

    def close(self) -> None:
        self.closed = True


class Producer:
    """Keeps each batch it is handed; the test ends its future."""

    def __init__(self) -> None:
        self.sent: list[tuple[list[bytes], asyncio.Future[Any]]] = []
        self.refuses: Exception | None = None

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[Any]:
        assert (topic, partition) == ("submitted", 4)
        if self.refuses is not None:
            raise self.refuses
        acknowledgement: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.sent.append((batch.values, acknowledgement))
        return acknowledgement


def acknowledged(offset: int = 0) -> Any:
    return SimpleNamespace(offset=offset)


def stored(offset: int | None) -> Stored:
    return Stored("submitted", 4, offset)


class Queue:
    """A queue and what it told."""

    def __init__(self, *, answer_within: float = 5.0, linger: float = 0.0) -> None:
        self.producer = Producer()
        self.acknowledged = 0
        self.failures: list[Exception] = []
        self.queue = PartitionQueue(
            self.producer,
            "submitted",
            4,
            linger=linger,
            answer_within=answer_within,
            on_acknowledged=self.count,
            on_failure=self.failures.append,
        )

    def count(self) -> None:
        self.acknowledged += 1

    def add(self, *values: bytes) -> asyncio.Future[Any]:
        group = Group(len(values), asyncio.get_running_loop())
        for index, value in enumerate(values):
            self.queue.add(Outgoing(b"key", value), group, index)
        return group.future


async def test_records_that_came_together_go_together_and_wait_for_one_acknowledgement() -> None:
    queue = Queue()
    first, second = queue.add(b"a"), queue.add(b"b", b"c")
    await turns()

    assert [values for values, _ in queue.producer.sent] == [[b"a", b"b", b"c"]]
    assert not first.done()

    queue.producer.sent[0][1].set_result(acknowledged())
    assert await first == [stored(0)]
    assert await second == [stored(1), stored(2)]
    assert (queue.acknowledged, queue.failures) == (1, [])


async def test_one_batch_at_a_time_in_order_of_arrival() -> None:
    queue = Queue()
    answer = queue.add(b"a", b"b", b"c", b"d")
    await turns()
    later = queue.add(b"e")
    await turns()

    assert [values for values, _ in queue.producer.sent] == [[b"a", b"b", b"c"]]

    queue.producer.sent[0][1].set_result(acknowledged(70))
    await turns()
    assert [values for values, _ in queue.producer.sent] == [[b"a", b"b", b"c"], [b"d", b"e"]]
    assert not answer.done()

    queue.producer.sent[1][1].set_result(acknowledged(80))
    assert await answer == [stored(70), stored(71), stored(72), stored(80)]
    assert await later == [stored(81)]


async def test_where_the_broker_does_not_say_the_offset_it_is_stored_all_the_same() -> None:
    queue = Queue()
    answer = queue.add(b"a", b"b")
    await turns()
    queue.producer.sent[0][1].set_result(acknowledged(-1))

    assert await answer == [stored(None)] * 2


async def test_a_failed_batch_is_unknown_and_the_next_is_sent_all_the_same() -> None:
    queue = Queue()
    answer = queue.add(b"a", b"b", b"c", b"d")
    await turns()
    queue.producer.sent[0][1].set_exception(RuntimeError("refused"))
    await turns()
    queue.producer.sent[1][1].set_result(acknowledged())

    assert await answer == [Failure.UNKNOWN] * 3 + [stored(0)]
    assert [str(error) for error in queue.failures] == ["refused"]


async def test_a_producer_that_refuses_is_a_failure_too() -> None:
    queue = Queue()
    queue.producer.refuses = RuntimeError("closed")

    assert await queue.add(b"a") == [Failure.UNKNOWN]
    assert len(queue.failures) == 1


async def test_without_an_acknowledgement_in_time_the_answer_is_unknown() -> None:
    queue = Queue(answer_within=0.02)
    answer = queue.add(b"a", b"b", b"c", b"d")

    assert await answer == [Failure.UNKNOWN] * 3 + [Failure.NOT_SENT]
    assert isinstance(queue.failures[0], TimeoutError)
    assert len(queue.producer.sent) == 1


async def test_an_acknowledgement_that_comes_too_late_changes_nothing() -> None:
    queue = Queue(answer_within=0.02)
    answer = queue.add(b"a")

    assert await answer == [Failure.UNKNOWN]
    acknowledgement = queue.producer.sent[0][1]
    if not acknowledgement.done():
        acknowledgement.set_result(acknowledged())
    await turns()

    assert queue.acknowledged == 0
    assert queue.queue.sending is None


async def test_giving_up_answers_everything_at_once() -> None:
    queue = Queue()
    answer = queue.add(b"a", b"b", b"c", b"d")
    await turns()

    queue.queue.give_up()

    assert answer.done()
    assert await answer == [Failure.UNKNOWN] * 3 + [Failure.NOT_SENT]
    await turns()
    assert queue.queue.sending is None
    assert queue.failures == []


async def test_giving_up_with_nothing_in_hand_is_harmless_and_the_queue_goes_on() -> None:
    queue = Queue()
    queue.queue.give_up()
    answer = queue.add(b"a")
    await turns()
    queue.producer.sent[0][1].set_result(acknowledged())

    assert await answer == [stored(0)]


async def test_a_caller_that_went_away_does_not_disturb_the_others() -> None:
    queue = Queue()
    gone, stays = queue.add(b"a"), queue.add(b"b")
    gone.cancel()
    await turns()
    queue.producer.sent[0][1].set_result(acknowledged())

    assert await stays == [stored(1)]
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_an_empty_group_is_answered_at_once() -> None:
    assert await Group(0, asyncio.get_running_loop()).future == []
