"""Scenarios that need the system to run while they are told: random histories, crashes, and time alone."""

import asyncio
import datetime as dt
import time
from pathlib import Path
from random import Random

import httpx

from pcare_audit.london import LONDON, instant_of, months_after, year_of
from pcare_schemas.kpis.catalogue import load
from pcare_schemas.kpis.year_labels import label
from proof.by_hand import Cell, Hand
from proof.histories import difficult_times, random_history
from proof.making import BARNET, CAMDEN, ENFIELD, HARINGEY, Cast, Event
from proof.playing import Outcome, Stage
from system import Process

ANOTHER_CATALOGUE = Path(__file__).with_name("another_catalogue.yaml")
A_MICROSECOND = dt.timedelta(microseconds=1)
LATEST_SECONDS = 5.0
"""A number that falls due must have moved by then."""


async def play_history(stage: Stage, seed: int, events: int) -> Outcome:
    """Send a random history as fast as it goes, and compare; SQL and replay at difficult instants too."""
    outcome = Outcome(
        f"random history {seed}", f"{events:,} events of all kinds since 2015, shuffled, repeated, taken back."
    )
    now = dt.datetime.now(dt.UTC)
    await stage.send(random_history(seed, events, now))
    await stage.settled()
    await stage.compare(outcome)
    chance = Random(seed)
    anywhere = [now - dt.timedelta(seconds=chance.randrange(10 * 365 * 86_400)) for _ in range(2)]
    await stage.compare_at(outcome, [*chance.sample(difficult_times(now), 4), *anywhere])
    return outcome


async def play_crashes(stage: Stage, seed: int, events: int) -> Outcome:
    """Send a random history while two aggregators share the work, are killed and come back."""
    words = f"Two aggregators, killed in turn (kill -9) and started again while {events:,} random events flow."
    outcome = Outcome("kill and rebalance", words)
    system = stage.system
    first = system.one("kpi-aggregator")
    (second,) = await system.start("kpi-aggregator")
    sending = asyncio.create_task(_slowly(stage, random_history(seed, events, dt.datetime.now(dt.UTC)), seconds=15.0))
    for victim in (second, first):
        await asyncio.sleep(3)
        victim.kill()
        await asyncio.sleep(1)
        victim.start()
        await victim.ready()
    await sending
    await stage.settled()
    rows = await stage.compare(outcome)
    stream = {(row.kpi, row.borough, row.year): row.stream.numerator for row in rows if row.stream.numerator}
    answers = await _numbers(second)
    if answers != stream:
        unlike = sorted(cell for cell in {*answers, *stream} if answers.get(cell) != stream.get(cell))
        outcome.faults.append(f"the two aggregators answer differently, such as for {unlike[0]}")
    return outcome


async def play_another_catalogue(stage: Stage) -> Outcome:
    """Start the aggregator again with another catalogue, and count all that has happened by that."""
    words = "The same log by another catalogue: every kind of rule, filters and thresholds that the plan does not have."
    outcome = Outcome("another catalogue", words)
    one, *others = [process for process in stage.system.processes if process.name == "kpi-aggregator"]
    for process in others:
        process.kill()
    one.kill()
    one.environment["PCARE_KPI_CATALOGUE"] = str(ANOTHER_CATALOGUE)
    one.environment["PCARE_KPI_TARGETS"] = str(ANOTHER_CATALOGUE.with_name("another_targets.yaml"))
    one.start()
    await one.ready()
    await stage.settled()
    stage.before.clear()
    rows = await stage.compare(outcome)
    unseen = set(load(ANOTHER_CATALOGUE).ids) - {row.kpi for row in rows if row.replay.numerator}
    if unseen:
        outcome.faults.append(f"nothing was counted of {', '.join(sorted(unseen))}")
    now = dt.datetime.now(dt.UTC)
    await stage.compare_at(outcome, difficult_times(now)[-60::15])
    return outcome


async def _slowly(stage: Stage, events: list[Event], seconds: float) -> None:
    parts = 30
    for part in range(parts):
        await stage.send(events[part::parts])
        await asyncio.sleep(seconds / parts)


async def _numbers(process: Process) -> dict[Cell, int]:
    async with httpx.AsyncClient(base_url=process.address, trust_env=False, timeout=60) as client:
        rows = (await client.get("/kpis")).json()["kpis"]
    return {(row["kpi"], row["borough"], row["year"]): row["numerator"] for row in rows if row["numerator"]}


async def play_time_alone(stage: Stage) -> Outcome:
    """Send what falls due within seconds, then nothing more, and watch the numbers move."""
    words = "Nothing is sent: a plan lapses, a budget begins, one ends, a link worker starts, each at its instant."
    outcome = Outcome("time alone", words)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    lapses, begins, ends, joins = due = [now + dt.timedelta(seconds=seconds) for seconds in (15, 17, 19, 21)]
    year, cast = year_of(now), Cast("time-alone")
    hand, events = Hand(year), []
    agreed = _a_year_before(lapses)
    if months_after(agreed, 12) == lapses:  # no plan lapses on 29 February, nor in an hour that comes again
        events.append(cast.agreed("a", agreed, CAMDEN))
        hand.count("pcsp_active", CAMDEN, year - 1)
        hand.count("upc_people", CAMDEN, year - 1)
    events += [
        cast.budget("b", begins, BARNET),
        cast.budget("c", "2025-06-01", ENFIELD),
        cast.budget_ended("c", ends, ENFIELD),
        cast.joined("d", joins, "U40001", HARINGEY),
    ]
    hand.count("phb_people", ENFIELD, hand.since(2025))
    hand.count("phb_active", ENFIELD, range(2025, year))
    hand.share("phb_with_plan", ENFIELD, range(2025, year), 0, 1)
    hand.count("upc_people", ENFIELD, 2025)
    for kpi in ("phb_people", "phb_active", "upc_people"):
        hand.count(kpi, BARNET, year)
    hand.share("phb_with_plan", BARNET, year, 0, 1)
    hand.count("sp_link_workers", HARINGEY, year)

    await stage.send(events)
    await stage.settled()
    watched: dict[Cell, tuple[dt.datetime, int, int]] = {  # when it moves, by how much it differs before and after
        ("phb_active", BARNET, label(year)): (begins, 0, 1),
        ("phb_active", ENFIELD, label(year)): (ends, 1, 0),
        ("sp_link_workers", HARINGEY, label(year)): (joins, 0, 1),
    }
    if len(events) == 5:
        watched["pcsp_active", CAMDEN, label(year)] = (lapses, 1, 0)
    await _watch(stage, outcome, watched, until=joins + dt.timedelta(seconds=LATEST_SECONDS))
    await stage.compare(outcome, hand)
    await stage.compare_at(outcome, [*due, joins + A_MICROSECOND])
    return outcome


async def _watch(
    stage: Stage, outcome: Outcome, watched: dict[Cell, tuple[dt.datetime, int, int]], until: dt.datetime
) -> None:
    """Ask the aggregator over and over: each answer must be that of its own instant, and none may come late."""
    before = stage.before["stream"]
    late, seen = dict.fromkeys(watched, float("inf")), set[tuple[Cell, bool]]()
    while dt.datetime.now(dt.UTC) < until:
        document = (await stage.aggregator.get("/kpis")).json()
        asked = time.time()
        oldest, latest = (dt.datetime.fromisoformat(document[name]) for name in ("instant", "instant_latest"))
        numbers = {(row["kpi"], row["borough"], row["year"]): row["value"] for row in document["kpis"]}
        for cell, (at, first, then) in watched.items():
            number = numbers.get(cell, 0) - before.get(cell, (0, 0))[0]
            expected = {then if at < instant else first for instant in (oldest, latest)}
            if number not in expected:
                outcome.faults.append(f"{' '.join(cell)} moved by {number} at {oldest}, due at {at}")
            seen.add((cell, number == then))
            if number == then:
                late[cell] = min(late[cell], asked - at.timestamp())
        await asyncio.sleep(0.1)
    for cell, seconds in late.items():
        if seconds > LATEST_SECONDS or (cell, False) not in seen:
            outcome.faults.append(f"{' '.join(cell)} was not seen to move within {LATEST_SECONDS} s")
    outcome.words += f" All moved within {max(late.values()):.1f} s."


def _a_year_before(instant: dt.datetime) -> dt.datetime:
    wall = instant.astimezone(LONDON).replace(tzinfo=None)
    day = 28 if (wall.month, wall.day) == (2, 29) else wall.day
    return instant_of(wall.replace(year=wall.year - 1, day=day))
