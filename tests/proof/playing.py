"""Plays scenarios against the running system, and compares what it counts in three ways, and with what was expected."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from pcare_audit.log_reading import read_records
from pcare_audit.replay import Counts
from pcare_cli.accounting import KpiRow, in_words
from pcare_cli.auditing import Auditor
from proof.by_hand import Cell, Hand, Scenario
from system import System

MOST_AT_ONCE = 500
TRIES, SECONDS_BETWEEN_TRIES = 100, 0.2
MANY = {"content-type": "application/cloudevents-batch+json"}
Parts = Mapping[Cell, tuple[int, int]]


@dataclass
class Outcome:
    """What a scenario came to: how many rows were compared, how much each way moved, and everything that is wrong."""

    name: str
    words: str
    rows: int = 0
    moved: dict[str, int] = field(default_factory=dict)
    by_hand: int | None = None
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether all ways agree, with each other and with what was worked out by hand."""
        return not self.faults


@dataclass
class Stage:
    """A running system. `before` is what it counted after the last scenario, by each way."""

    system: System
    client: httpx.AsyncClient
    aggregator: httpx.AsyncClient
    before: dict[str, Parts] = field(default_factory=dict)

    @property
    def auditor(self) -> Auditor:
        """Whom to ask."""
        return Auditor(self.system.options, self.system.dsn, self.aggregator, self.system.group)

    async def send(self, events: Sequence[Mapping[str, object]]) -> None:
        """Send events in this order, and send again what could not be taken at once. Raises if one is refused."""
        for start in range(0, len(events), MOST_AT_ONCE):
            body = json.dumps(events[start : start + MOST_AT_ONCE])
            for _ in range(TRIES):
                answer = await self.client.post("/events", content=body, headers=MANY)
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    break
                await asyncio.sleep(SECONDS_BETWEEN_TRIES)
            refused = [verdict for verdict in answer.json() if verdict["status"] != "accepted"]
            assert not refused, refused[:3]

    async def settled(self) -> None:
        """Wait until all that was sent is counted."""
        await self.auditor.wait_until_settled(lambda _line: None)

    async def compare(self, outcome: Outcome, hand: Hand | None = None) -> Sequence[KpiRow]:
        """Compare the three ways at the stream's instant, and what moved since the last time with the hand's."""
        comparison = await self.auditor.compare_kpis()
        outcome.faults += comparison.troubles
        self._judge(outcome, comparison.rows, hand)
        return comparison.rows

    async def compare_at(self, outcome: Outcome, instants: Iterable[dt.datetime]) -> None:
        """Compare SQL and replay at some instants; the stream counts for its own only."""
        async with self.auditor.counting() as counting:
            for at in instants:
                sql, replay = await counting.by_sql(at), await counting.by_replay(at)
                outcome.rows += len({*sql, *replay})
                unlike = [cell for cell in {*sql, *replay} if _parts(sql).get(cell) != _parts(replay).get(cell)]
                outcome.faults += [_differ(f"at {at}", cell, sql, replay) for cell in sorted(unlike)[:3]]

    async def at_moments(self, moments: Mapping[str, Hand]) -> dict[str, tuple[Parts, Parts]]:
        """Return what SQL and replay count for some instants."""
        found: dict[str, tuple[Parts, Parts]] = {}
        if not moments:
            return found
        async with self.auditor.counting() as counting:
            for moment in moments:
                at = dt.datetime.fromisoformat(moment)
                found[moment] = _parts(await counting.by_sql(at)), _parts(await counting.by_replay(at))
        return found

    def _judge(self, outcome: Outcome, rows: Sequence[KpiRow], hand: Hand | None) -> None:
        unlike = [row for row in rows if not row.exact]
        outcome.rows += len(rows)
        outcome.faults += [
            f"{row.kpi} {row.borough} {row.year}: {in_words(row.stream)} streamed, {in_words(row.sql)} by SQL, "
            f"{in_words(row.replay)} by replay"
            for row in unlike[:5]
        ]
        for way in ("stream", "sql", "replay"):
            after = _parts({(row.kpi, row.borough, row.year): getattr(row, way) for row in rows})
            moved = difference(self.before.get(way, {}), after)
            self.before[way] = after
            outcome.moved[way] = sum(abs(numerator) for numerator, _ in moved.values())
            if hand is not None:
                outcome.faults += against_hand(way, moved, hand.parts())
        if hand is not None:
            outcome.by_hand = sum(abs(numerator) for numerator, _ in hand.parts().values())
            shown = {(row.kpi, row.borough, row.year): row for row in rows}
            outcome.faults += [
                f"{' '.join(cell)}: {in_words(shown[cell].stream)} streamed, {value} worked out by hand"
                for cell, value in hand.values.items()
                if shown[cell].stream.value != value
            ]


async def play(stage: Stage, scenario: Scenario) -> Outcome:
    """Play a scenario, and compare."""
    outcome = Outcome(scenario.name, scenario.words)
    before = await stage.at_moments(scenario.moments)
    for batch in scenario.batches:
        await stage.send(batch)
    await stage.settled()
    await stage.compare(outcome, scenario.hand)
    for moment, counted in (await stage.at_moments(scenario.moments)).items():
        hand = scenario.moments[moment].parts()
        for way, then, now in zip(("sql", "replay"), before[moment], counted, strict=True):
            outcome.faults += against_hand(f"{way} at {moment}", difference(then, now), hand)
            outcome.rows += len(now)
    if scenario.apart:
        await asyncio.to_thread(_look_where, stage, scenario, outcome)
    return outcome


def _look_where(stage: Stage, scenario: Scenario, outcome: Outcome) -> None:
    """Look whether the scenario came to lie in several partitions, as it must to show anything."""
    where = {(line.source, line.id): partition for partition, line in read_records(stage.system.options)}
    places = [[where[event["source"], event["id"]] for event in pair] for pair in scenario.apart]
    apart = sum(one != other for one, other in places)
    outcome.words += f" {apart} of {len(places)} lie in two partitions."
    if not apart:
        outcome.faults.append("no two people of it came to lie in two partitions: run it again")


def difference(before: Parts, after: Parts) -> dict[Cell, tuple[int, int]]:
    """Return what has moved, and by how much."""
    nothing = (0, 0)
    moved = {}
    for cell in {*before, *after}:
        then, now = before.get(cell, nothing), after.get(cell, nothing)
        if then != now:
            moved[cell] = (now[0] - then[0], now[1] - then[1])
    return moved


def against_hand(way: str, moved: Parts, hand: Parts) -> list[str]:
    """Return where a way of counting differs from what was worked out by hand; nothing is missing, nothing too much."""
    unlike = sorted(cell for cell in {*moved, *hand} if moved.get(cell, (0, 0)) != hand.get(cell, (0, 0)))
    return [
        f"{' '.join(cell)}: {way} moved by {moved.get(cell, (0, 0))}, by hand {hand.get(cell, (0, 0))}"
        for cell in unlike[:5]
    ]


def _parts(counts: Counts) -> dict[Cell, tuple[int, int]]:
    every = {cell: (counted.numerator, counted.denominator or 0) for cell, counted in counts.items()}
    return {cell: parts for cell, parts in every.items() if parts != (0, 0)}


def _differ(where: str, cell: Cell, sql: Counts, replay: Counts) -> str:
    ways = [in_words(counts[cell]) if cell in counts else "nothing" for counts in (sql, replay)]
    return f"{' '.join(cell)} {where}: {ways[0]} by SQL, {ways[1]} by replay"
