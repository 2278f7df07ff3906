"""The fold against an oracle that recomputes everything, over instants around every boundary."""

import kpi_oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_strategies import instants, people, statements, tight_instants, tight_statements

from pcare_kpi_aggregator import catalogue
from pcare_kpi_aggregator.facts import Fact, Retraction, SubjectFacts
from pcare_kpi_aggregator.finish import add_up, finish
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.rules import Reached

THRESHOLD = 2  # low enough for small cases to reach it
FOLD = Fold(
    {**catalogue.load().fold().rules, "sdm_situations": Reached("sdm_situations", "sdm-conversation", THRESHOLD)}
)
Statements = list[Fact | Retraction]


def facts_of(statements: Statements) -> SubjectFacts:
    facts = SubjectFacts()
    for statement in statements:
        facts.add(statement)
    return facts


def counted(people: dict[str, Statements], at: int) -> kpi_oracle.Values:
    counts = add_up(FOLD.contribution(facts_of(one), at) for one in people.values())
    return {(row.kpi, row.area, row.year): row.value for row in finish(FOLD.rules, counts, at) if row.value}


@given(people, instants)
@settings(max_examples=300, deadline=None)
def test_every_kpi_is_what_the_rules_say(people, at):
    assert counted(people, at) == kpi_oracle.kpis(people, at, threshold=THRESHOLD)


@given(tight_statements, tight_instants)
@settings(max_examples=1000, deadline=None)
def test_every_kpi_is_what_the_rules_say_to_the_microsecond(one, at):
    assert counted({"person:1": one}, at) == kpi_oracle.kpis({"person:1": one}, at, threshold=THRESHOLD)


@given(statements(), instants, st.randoms(use_true_random=False))
@settings(max_examples=120, deadline=None)
def test_neither_order_nor_repetition_moves_a_count(one, at, random):
    shuffled = one + random.choices(one, k=len(one)) if one else []
    random.shuffle(shuffled)
    assert FOLD.evaluate(facts_of(shuffled), at) == FOLD.evaluate(facts_of(one), at)


@given(statements(), instants)
@settings(deadline=None)
def test_retracting_everything_gives_zero(one, at):
    taken_back = [Retraction(fact.source, fact.id) for fact in one if isinstance(fact, Fact)]
    assert FOLD.evaluate(facts_of(one + taken_back), at) == ({}, None)
    assert FOLD.evaluate(facts_of(taken_back + one), at) == ({}, None)


@given(statements(), instants, instants)
@settings(max_examples=200, deadline=None)
def test_time_moves_a_count_only_where_it_was_announced(one, first, second):
    start, stop = sorted((first, second))
    facts = facts_of(one)
    at, steps = start, 0
    while True:
        contribution, due = FOLD.evaluate(facts, at)
        assert due is None or due > at
        last = stop if due is None else min(stop, due - 1)
        assert FOLD.contribution(facts, last) == contribution
        assert FOLD.contribution(facts, (at + last) // 2) == contribution
        if due is None or due > stop:
            break
        at, steps = due, steps + 1
    assert steps <= 6 * len(one)


@given(people, instants)
@settings(max_examples=100, deadline=None)
def test_additive_kpis_of_the_boroughs_add_up_to_those_of_ncl(people, at):
    values = counted(people, at)
    additive = {kpi.id for kpi in catalogue.load().kpis if kpi.additive}
    for kpi, year in {(kpi, year) for kpi, _, year in values if kpi in additive}:
        parts = [value for (k, area, y), value in values.items() if (k, y) == (kpi, year) and area != "NCL"]
        assert values.get((kpi, "NCL", year), 0) == sum(parts)


def test_the_generated_cases_reach_every_kpi():
    seen: set[str] = set()

    @given(people, instants)
    @settings(max_examples=300, deadline=None, database=None)
    def collect(people, at):
        seen.update(kpi for kpi, _, _ in kpi_oracle.kpis(people, at, threshold=THRESHOLD))

    collect()
    assert seen == {kpi.id for kpi in catalogue.load().kpis}
