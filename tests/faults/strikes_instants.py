"""Strikes at instants that chance seldom meets: the recorder is started so that it is hit right there."""

import asyncio
import signal
from random import Random

import psutil

from faults.stage import FAULTY_RECORDER, LONGER_THAN_A_SESSION, Stage
from pcare_recorder.faults import Point
from system import Process

POINTS = [point for point in Point if point is not Point.MIDDLE_OF_REPUBLISH]  # see while_publishing_again
SECONDS_TO_BE_STRUCK = 120.0
SECONDS_AWAKE = 3.0
POLL_SECONDS = 0.05


async def strike(stage: Stage, random: Random, *, point: Point, what: str) -> None:
    """Hit a recorder at the first, second or third time that its work comes to a point, with `kill` or `stop`.

    One that was stopped sleeps through its session; then it wakes, believes that nothing happened, and goes on.
    """
    victim = random.choice(stage.copies("recorder"))
    nth = 1 if point is Point.BEFORE_START else random.randint(1, 3)
    with stage.holding(victim):
        await stage.stop_in_order(victim)
        await _start_to_be_struck(stage, victim, point, nth, what)
        if what == "stop" and victim.popen is not None and victim.popen.poll() is None:
            await asyncio.sleep(LONGER_THAN_A_SESSION)
            victim.popen.send_signal(signal.SIGCONT)
            await asyncio.sleep(SECONDS_AWAKE)
            if victim.popen.poll() is None:
                await stage.stop_in_order(victim)
        victim.start()


async def while_publishing_again(stage: Stage, random: Random) -> None:
    """Hit a recorder between the database's commit and the publishing, and once more while it makes up for that."""
    victim = random.choice(stage.copies("recorder"))
    others = [one for one in stage.copies("recorder") if one is not victim]
    with stage.holding(victim, *others):
        for one in (victim, *others):  # nobody else may make up for it
            await stage.stop_in_order(one)
        await _start_to_be_struck(stage, victim, Point.AFTER_DATABASE_COMMIT, random.randint(1, 3), "kill")
        await _start_to_be_struck(stage, victim, Point.MIDDLE_OF_REPUBLISH, 1, "kill")
        for one in (victim, *others):
            one.start()


async def during_a_rebalance(stage: Stage, random: Random, *, service: str) -> None:
    """Let another copy join, and kill one while the group shares out its partitions; then let the other leave."""
    victim = random.choice(stage.copies(service))
    another = stage.system.add(service)
    try:
        with stage.holding(another):
            another.start()
            # A recorder or an aggregator takes about a second to start, and a rebalance follows.
            await asyncio.sleep(random.uniform(0.5, 3.0))
            victim.kill()
            await another.ready()
            await stage.stop_in_order(another)
    finally:
        if another.popen is not None and another.popen.poll() is None:
            another.kill()
        stage.system.processes.remove(another)


async def _start_to_be_struck(stage: Stage, victim: Process, point: Point, nth: int, what: str) -> None:
    victim.start(str(FAULTY_RECORDER), point.value, str(nth), what)
    for _ in range(int(SECONDS_TO_BE_STRUCK / POLL_SECONDS)):
        if _is_struck(victim):
            return
        await asyncio.sleep(POLL_SECONDS)
    stage.troubles.append(f"a recorder did not come to {point.value} for the {nth}. time\n{victim.tail()}")


def _is_struck(victim: Process) -> bool:
    if victim.popen is None or victim.popen.poll() is not None:
        return True
    return psutil.Process(victim.popen.pid).status() == psutil.STATUS_STOPPED
