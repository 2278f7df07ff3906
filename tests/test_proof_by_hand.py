"""The scenarios of `make proof-kpis` on the replay alone: the numbers worked out by hand, without any server."""

import datetime as dt
from random import Random

import pytest

from pcare_audit.replay import Counts, Replay
from pcare_schemas.kpis.catalogue import load
from pcare_schemas.rules import Rules
from proof.by_hand import Hand, Scenario
from proof.histories import difficult_times, random_history
from proof.lines import lines_of
from proof.scenarios import by_hand

NOW = dt.datetime.now(dt.UTC)
RULES = Rules.load()
SCENARIOS = {scenario.name: scenario for scenario in by_hand(NOW)}
AFTER = {"all taken back": "one of each"}  # a scenario that needs another one first


def parts(counts: Counts) -> dict[tuple[str, str, str], tuple[int, int]]:
    every = {cell: (counted.numerator, counted.denominator or 0) for cell, counted in counts.items()}
    return {cell: found for cell, found in every.items() if found != (0, 0)}


def replay(*scenarios: Scenario) -> Replay:
    return Replay(lines_of([event for scenario in scenarios for event in scenario.events], NOW, RULES))


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_replay_counts_what_was_worked_out_by_hand(name: str):
    scenario = SCENARIOS[name]
    before = [SCENARIOS[AFTER[name]]] if name in AFTER else []
    counts = replay(*before, scenario).kpis(load(), NOW)
    expected = Hand(0)
    for one in (*before, scenario):
        expected.add(one.hand)
    assert parts(counts) == expected.parts()
    for cell, shown in scenario.hand.values.items():
        assert counts[cell].value == shown, cell


@pytest.mark.parametrize("name", [name for name in SCENARIOS if SCENARIOS[name].moments])
def test_the_replay_counts_what_was_worked_out_for_a_moment(name: str):
    whole = replay(SCENARIOS[name])
    for instant, hand in SCENARIOS[name].moments.items():
        assert parts(whole.kpis(load(), dt.datetime.fromisoformat(instant))) == hand.parts(), instant


def test_all_scenarios_together_count_their_sum():
    expected = Hand(0)
    for scenario in SCENARIOS.values():
        expected.add(scenario.hand)
    counts = replay(*SCENARIOS.values()).kpis(load(), NOW)
    assert parts(counts) == expected.parts()
    for cell, shown in expected.values.items():
        assert counts[cell].value == shown, cell


@pytest.mark.parametrize("seed", range(3))
def test_no_order_and_no_repetition_changes_a_random_history(seed: int):
    lines = lines_of(random_history(seed, 1_500, NOW), NOW, RULES)
    again = Random(seed).sample(lines, len(lines)) + lines[::3]
    instants = [NOW, *Random(seed).sample(difficult_times(NOW), 3)]
    first, second = Replay(lines), Replay(again)
    for instant in instants:
        assert first.kpis(load(), instant) == second.kpis(load(), instant)
    assert {kpi for kpi, _, _ in first.kpis(load(), NOW)} == set(load().ids)
