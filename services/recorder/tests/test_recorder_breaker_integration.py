"""The circuit breaker against real Kafka and real PostgreSQL: what it keeps back, and what goes on."""

import asyncio
import json
import time
import urllib.error
import urllib.request

import pytest
from recorder_events import SAM, event
from recorder_world import RKE_TOPIC, World, assert_exact

from pcare_local.ports import free_ports
from pcare_schemas.topics import REJECTED, SUBMITTED

pytestmark = pytest.mark.integration

NARROW = {"recorder_breaker_window": 20, "recorder_breaker_share": 0.5}


class Probe:
    def __init__(self) -> None:
        (self.port,) = free_ports(1)

    async def __call__(self, path: str) -> tuple[int, str]:
        return await asyncio.to_thread(self._ask, path)

    async def not_ready(self) -> list[str]:
        """Wait until it is not ready because of a breaker, and return all reasons."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status, said = await self("/health/ready")
            if status == 503 and "read no further" in said:
                return list(json.loads(said)["reasons"])
            await asyncio.sleep(0.1)
        raise AssertionError("no breaker opened")

    def _ask(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)


async def release(world: World, topic: str, next_offset: int) -> None:
    await world.fetch(
        "WITH act AS (INSERT INTO pcare.acts (who, what, why) VALUES ('ada', 'breaker-released', 'looked')"
        " RETURNING number)"
        " INSERT INTO pcare.breaker_releases SELECT $1, 0, $2, number FROM act",
        topic,
        next_offset,
    )


async def counts(world: World, topic: str) -> tuple[int, int]:
    """Return recorded and rejected of partition 0 of a topic."""
    ((recorded, rejected),) = await world.fetch(
        "SELECT recorded, rejected FROM pcare.cursors WHERE topic = $1 AND partition = 0", topic
    )
    return recorded, rejected


async def test_a_topic_gone_bad_is_held_back_and_the_others_go_on(
    world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    probe = Probe()
    await world.send(*[event() for _ in range(30)], topic=RKE_TOPIC)
    await world.send(*[event() for _ in range(5)])
    async with world.recorder(recorder_http_port=probe.port, **NARROW) as running:
        await world.settled(running)
        await world.send(*[event(score=200.0) for _ in range(9)], event(), topic=RKE_TOPIC)
        await world.settled(running)  # nine of twenty: below the half
        assert (await probe("/health/ready"))[0] == 200
        await world.send(*[event(score=200.0) for _ in range(7)], topic=RKE_TOPIC)
        reasons = await probe.not_ready()
        assert len(reasons) == 1
        assert reasons[0].startswith(f"{RKE_TOPIC} is read no further: 10 of the ")
        _, metrics = await probe("/metrics")
        assert f'pcare_recorder_breaker_open{{topic="{RKE_TOPIC}"}} 1.0' in metrics
        assert 'pcare_recorder_breaker_open{topic="interventions.submitted"} 0.0' in metrics
        # one batch or several: what is at the desk never has ten of twenty
        assert await counts(world, RKE_TOPIC) == (31, 9)
        assert (await probe("/health/live"))[0] == 200

        await world.send(*[event(subject=SAM) for _ in range(4)])
        while await counts(world, SUBMITTED) != (9, 0):
            assert not running.done()
            await asyncio.sleep(0.05)
        assert await counts(world, RKE_TOPIC) == (31, 9)
        committed = await world.committed()
        assert committed[RKE_TOPIC, 0] == 40

        await release(world, RKE_TOPIC, 47)
        await world.settled(running)
        assert await counts(world, RKE_TOPIC) == (31, 16)
        assert (await probe("/health/ready"))[0] == 200
        # released was what was there: the count begins anew after it
        await world.send(*[event(score=200.0) for _ in range(10)], topic=RKE_TOPIC)
        await probe.not_ready()
        assert await counts(world, RKE_TOPIC) == (31, 16)
        await release(world, RKE_TOPIC, 57)
        await world.settled(running)
    await assert_exact(world)
    said = capsys.readouterr()
    # where it is written depends on whether an earlier test of this process has configured the logs
    assert (said.out + said.err + caplog.text).count("a circuit breaker has opened") == 2


async def test_starting_again_lets_nothing_more_through_and_other_rules_do(world: World) -> None:
    await world.send(*[event(score=200.0) for _ in range(9)])
    async with world.recorder(**NARROW) as running:
        await world.settled(running)
    await world.send(*[event(score=200.0) for _ in range(30)], *[event() for _ in range(5)])
    for _ in range(2):
        probe = Probe()
        async with world.recorder(recorder_http_port=probe.port, recorder_batch_events=3, **NARROW):
            await probe.not_ready()
        assert await counts(world, SUBMITTED) == (0, 9)
        assert len(await world.read(REJECTED)) == 9
    async with world.recorder(recorder_breaker_window=0) as running:  # in place of a release that is right again
        await world.settled(running)
    assert await counts(world, SUBMITTED) == (5, 39)
    await assert_exact(world)


async def test_what_is_rejected_only_against_the_record_counts_too(world: World) -> None:
    probe = Probe()
    one = event(id="the-same")
    await world.send(one, *[event(id="the-same", score=float(score)) for score in range(60, 80)])
    async with world.recorder(recorder_http_port=probe.port, **NARROW):
        (reason,) = await probe.not_ready()
        assert "10 of the 10 records" in reason
    assert await world.outcomes() == (0, 0, 0)


async def test_a_batch_that_is_all_poison_is_written_by_default_where_it_is_small(world: World) -> None:
    await world.send(*[b"broken"] * 249)
    async with world.recorder() as running:
        await world.settled(running)
    assert await world.outcomes() == (0, 0, 249)
    await world.send(b"broken")
    probe = Probe()
    async with world.recorder(recorder_http_port=probe.port):
        await probe.not_ready()
    assert await world.outcomes() == (0, 0, 249)
