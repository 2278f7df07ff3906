"""The watchdog of a stuck process, and the stacks that it leaves."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pcare_common import stacks
from pcare_common.clock import FixedClock
from pcare_common.watchdog import PERIOD_SECONDS, Watchdog

LOOP_SECONDS = 45.0


class LeftError(Exception):
    pass


def leave(_reason: str, **details: Any) -> None:
    raise LeftError(details["why"])


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2025, 3, 31, 12, tzinfo=UTC))


def watchdog(clock: FixedClock, why: str | None = None) -> Watchdog:
    return Watchdog(lambda _now: why, loop_seconds=LOOP_SECONDS, clock=clock, leave=leave)  # type: ignore[arg-type]


def let_pass(dog: Watchdog, clock: FixedClock, seconds: float) -> None:
    """Let time pass as it does for a process that runs: looked at every second."""
    for _ in range(int(seconds)):
        dog.check()
        clock.advance(timedelta(seconds=1))


def test_a_process_that_is_well_is_left_alone(clock: FixedClock) -> None:
    dog = watchdog(clock)
    let_pass(dog, clock, LOOP_SECONDS)
    assert not dog.live().ok


def test_a_loop_that_stands_still_ends_the_process(clock: FixedClock) -> None:
    dog = watchdog(clock)
    let_pass(dog, clock, LOOP_SECONDS)
    with pytest.raises(LeftError, match="The loop has not turned for 45 s"):
        dog.check()


def test_what_the_service_says_of_itself_ends_the_process(clock: FixedClock) -> None:
    with pytest.raises(LeftError, match="it is stuck"):
        watchdog(clock, "it is stuck").check()


def test_a_process_that_was_stopped_as_a_whole_gets_its_turn_first(clock: FixedClock) -> None:
    dog = watchdog(clock)
    clock.advance(timedelta(minutes=10))
    dog.check()
    with pytest.raises(LeftError):
        dog.check()


async def test_a_loop_that_turns_is_seen_to_turn(clock: FixedClock) -> None:
    dog = watchdog(clock)
    dog.start()
    try:
        clock.advance(timedelta(seconds=40))
        await asyncio.sleep(3 * PERIOD_SECONDS)
        clock.advance(timedelta(seconds=40))
        assert dog.live().ok
    finally:
        dog.stop()


async def test_the_stacks_name_what_a_task_waits_for_also_several_calls_deep() -> None:
    async def inner() -> None:
        await asyncio.Event().wait()

    async def outer() -> None:
        await inner()

    waiting = [asyncio.create_task(outer(), name=f"worker-{number}") for number in range(3)]
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    dumped: dict[str, list[str]] = {}
    thread = threading.Thread(target=lambda: dumped.update(stacks.dump(loop)))
    thread.start()
    thread.join()
    (places,) = [places for name, places in dumped.items() if "worker" in name]
    assert [place.rsplit(" ", 1)[1] for place in places] == ["outer", "inner", "wait"]
    assert any("and 2 more" in name for name in dumped)
    assert any(name.startswith("MainThread") for name in dumped)
    for task in waiting:
        task.cancel()
