"""Keeping a session with Kafka, with sessions that the test lets fail."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from ingest_support import until

from pcare_common import backoff
from pcare_common.errors import TransientError
from pcare_ingest import kafka_publisher
from pcare_ingest.kafka_publisher import KafkaPublisher
from pcare_ingest.kafka_session import Target
from pcare_ingest.publishing import Failure, Outcome, Outgoing, Stored

TARGET = Target("submitted", {"bootstrap_servers": ["broker:9092"]}, 8.0)
RECORD = Outgoing(b"key", b"value")
STORED = Stored("submitted", 0, 7)


class FakeSession:
    def __init__(self) -> None:
        self.failed = asyncio.Event()
        self.why = ""
        self.acknowledged_at = asyncio.get_running_loop().time()
        self.closed_within: float | None = None
        self.gave_up = False
        self.probes = 0
        self.taken = 0

    def publish(self, records: Sequence[Outgoing]) -> asyncio.Future[list[Outcome]]:
        self.taken += len(records)
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        answer.set_result([STORED] * len(records))
        return answer

    def fail(self, why: str) -> None:
        self.why = why
        self.failed.set()

    async def probe(self) -> None:
        self.probes += 1
        self.fail("no broker answers")

    def give_up(self) -> None:
        self.gave_up = True

    async def close(self, *, within: float) -> None:
        self.closed_within = within


class Broker:
    """Opens sessions, or refuses while `away` says why."""

    def __init__(self) -> None:
        self.sessions: list[FakeSession] = []
        self.away: str | None = None
        self.refused = 0

    async def open(self, target: Target) -> Any:
        assert target is TARGET
        if self.away is not None:
            self.refused += 1
            raise TransientError(self.away)
        self.sessions.append(FakeSession())
        return self.sessions[-1]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "delays", lambda: iter(lambda: 0.0, None))


@pytest.fixture
async def broker() -> Broker:
    return Broker()


@pytest.fixture
async def publisher(broker: Broker) -> AsyncIterator[KafkaPublisher]:
    """A publisher at work; a broker that was set away before is away from the start."""
    async with running(broker) as publisher:
        yield publisher


@asynccontextmanager
async def running(broker: Broker) -> AsyncIterator[KafkaPublisher]:
    publisher = KafkaPublisher(TARGET, open_session=broker.open)
    task = asyncio.create_task(publisher.run())
    yield publisher
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await publisher.close()


async def test_before_kafka_is_reached_nothing_is_sent_and_the_reason_is_told(broker: Broker) -> None:
    broker.away = "Kafka at broker:9092 does not answer"
    async with running(broker) as publisher:
        assert publisher.health().reasons == ("Kafka has not been reached yet",)
        assert await publisher.publish([RECORD, RECORD]) == [Failure.NOT_SENT] * 2
        await until(lambda: broker.refused > 3)

        assert publisher.health().reasons == ("Kafka at broker:9092 does not answer",)
        broker.away = None
        await until(lambda: publisher.health().ok)
        assert await publisher.publish([RECORD]) == [STORED]


async def test_after_a_failure_the_next_session_takes_over_and_the_old_one_may_finish(
    broker: Broker, publisher: KafkaPublisher
) -> None:
    await until(lambda: publisher.health().ok)
    broker.sessions[0].fail("KafkaTimeoutError")
    await until(lambda: len(broker.sessions) == 2 and publisher.health().ok)

    assert await publisher.publish([RECORD]) == [STORED]
    assert [session.taken for session in broker.sessions] == [0, 1]
    await until(lambda: broker.sessions[0].closed_within == TARGET.answer_within)


async def test_a_failed_session_is_kept_until_the_brokers_are_known_to_be_away(
    broker: Broker, publisher: KafkaPublisher
) -> None:
    await until(lambda: publisher.health().ok)
    opening = asyncio.Event()
    broker_open = broker.open

    async def slow_open(target: Target) -> Any:
        await opening.wait()
        return await broker_open(target)

    publisher._open = slow_open
    broker.away = "Kafka is away"
    broker.sessions[0].fail("one partition has no leader")
    await until(lambda: not publisher.health().ok)

    assert "one partition has no leader" in publisher.health().reasons[0]
    assert await publisher.publish([RECORD]) == [STORED]

    opening.set()
    await until(lambda: broker.refused)
    await until(lambda: publisher.health().reasons == ("Kafka is away",))
    assert await publisher.publish([RECORD]) == [Failure.NOT_SENT]


async def test_an_idle_session_is_probed(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_publisher, "PROBE_AFTER_IDLE_SECONDS", 0.01)
    async with running(broker):
        await until(lambda: len(broker.sessions) >= 2)

        assert broker.sessions[0].probes == 1


async def test_giving_up_reaches_the_session_and_those_that_retire(broker: Broker, publisher: KafkaPublisher) -> None:
    await until(lambda: publisher.health().ok)
    closing = asyncio.Event()

    async def slow_close(*, within: float) -> None:
        await closing.wait()

    broker.sessions[0].close = slow_close  # type: ignore[method-assign]
    broker.sessions[0].fail("refused")
    await until(lambda: len(broker.sessions) == 2 and publisher.health().ok)

    publisher.give_up()

    assert [session.gave_up for session in broker.sessions] == [True, True]
    assert await publisher.publish([RECORD]) == [Failure.NOT_SENT]
    closing.set()


async def test_closing_waits_for_nobody(broker: Broker) -> None:
    async with running(broker) as publisher:
        await until(lambda: publisher.health().ok)

    assert broker.sessions[0].gave_up
    assert broker.sessions[0].closed_within is not None
    assert await publisher.publish([RECORD]) == [Failure.NOT_SENT]
