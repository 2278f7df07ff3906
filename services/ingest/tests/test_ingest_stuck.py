"""Health is progress: ingest is wedged for real; it says so, and ends, or recovers with what it waits for."""

import asyncio
import contextlib
import json
import re
import time
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from ingest_process import Ingest, make_topic_anew, read_topic, running
from test_ingest_with_kafka import fresh_events, identity

pytestmark = pytest.mark.integration

FAULTY = Path(__file__).with_name("ingest_with_a_fault.py")
NOT_READY_AFTER = 4.0
EXIT_AFTER = 15.0
SLACK = 20.0  # a machine that does other things as well
AGE = re.compile(r"^pcare_ingest_progress_age_seconds (\S+)$", re.MULTILINE)


class Broker(Protocol):
    """What the tests ask of the backend."""

    bootstrap_servers: str

    def stop_kafka(self) -> None: ...

    def continue_kafka(self) -> None: ...


@pytest.fixture
def broker(backend: Broker) -> Broker:
    make_topic_anew(backend.bootstrap_servers)
    return backend


def wedged(broker: Broker, directory: Path, how: str) -> "contextlib.AbstractAsyncContextManager[Ingest]":
    return running(
        directory,
        broker.bootstrap_servers,
        program=[str(FAULTY), how],
        PCARE_INGEST_NOT_READY_AFTER=str(NOT_READY_AFTER),
        PCARE_INGEST_EXIT_AFTER=str(EXIT_AFTER),
    )


async def until_not_ready(ingest: Ingest, *, within: float) -> str:
    deadline = time.monotonic() + within
    while (answer := await ingest.client.get("/health/ready")).status_code == 200:
        assert time.monotonic() < deadline, ingest.log.read_text()
        await asyncio.sleep(0.1)
    return answer.text


async def age(ingest: Ingest) -> float:
    found = AGE.search((await ingest.client.get("/metrics")).text)
    assert found is not None
    return float(found[1])


async def ends(ingest: Ingest) -> int:
    return await asyncio.to_thread(ingest.process.wait, EXIT_AFTER + SLACK)


def stacks(ingest: Ingest) -> str:
    lines = [json.loads(line) for line in ingest.log.read_text().splitlines()]
    (last,) = [line for line in lines if "stacks" in line]
    assert (last["level"], last["exit_status"]) == ("critical", 75)
    return json.dumps(last["stacks"])


async def test_an_answer_that_never_comes_is_not_ready_moves_the_alert_and_ends_with_its_place(
    broker: Broker, tmp_path: Path
) -> None:
    async with wedged(broker, tmp_path, "wait") as ingest:
        await ingest.ready()
        request = asyncio.create_task(ingest.send(next(fresh_events("wedged"))))
        assert "has not acknowledged" in await until_not_ready(ingest, within=NOT_READY_AFTER + SLACK)
        assert await age(ingest) >= NOT_READY_AFTER
        assert await ends(ingest) == 75
        assert "wait_for_what_never_comes" in stacks(ingest)
        with pytest.raises(httpx.TransportError):
            await request


@pytest.mark.parametrize(("how", "where"), [("sleep", "sleep_on_the_loop"), ("lock", "take_a_lock_that_nobody")])
async def test_a_loop_that_stands_still_answers_no_probe_and_is_ended_from_outside(
    broker: Broker, tmp_path: Path, how: str, where: str
) -> None:
    async with wedged(broker, tmp_path, how) as ingest:
        await ingest.ready()
        with contextlib.suppress(httpx.TransportError):
            await ingest.send(next(fresh_events("wedged")))
        assert await ends(ingest) == 75
        assert where in stacks(ingest)


async def test_a_keeper_of_the_session_that_hangs_ends_the_process(broker: Broker, tmp_path: Path) -> None:
    async with wedged(broker, tmp_path, "session") as ingest:
        assert "Kafka has not been reached" in await until_not_ready(ingest, within=SLACK)
        assert await ends(ingest) == 75
        assert "wait_for_what_never_comes" in stacks(ingest)


async def test_a_kafka_that_stands_still_is_not_ready_and_nothing_that_was_accepted_is_lost(
    broker: Broker, tmp_path: Path
) -> None:
    events = fresh_events("still")
    accepted: set[str] = set()

    async def send() -> int:
        body = next(events)
        answer = await ingest.send(body)
        if answer.status_code == 202:
            accepted.add(identity(body))
        else:
            assert answer.headers["retry-after"]
        return answer.status_code

    async with running(tmp_path, broker.bootstrap_servers, PCARE_INGEST_NOT_READY_AFTER=str(NOT_READY_AFTER)) as ingest:
        await ingest.ready()
        assert await send() == 202
        broker.stop_kafka()
        try:
            sending = asyncio.create_task(send())
            assert "acknowledge" in await until_not_ready(ingest, within=NOT_READY_AFTER + SLACK)
            assert await age(ingest) >= NOT_READY_AFTER
            assert await sending == 503
            assert ingest.process.poll() is None
        finally:
            broker.continue_kafka()
        deadline = time.monotonic() + 60
        while await send() != 202:
            assert time.monotonic() < deadline, ingest.log.read_text()
            await asyncio.sleep(0.2)
        await ingest.ready()
        assert await age(ingest) == 0.0
    assert accepted <= {identity(record.value) for record in read_topic(broker.bootstrap_servers)}
