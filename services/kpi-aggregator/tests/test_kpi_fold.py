"""The fold against an oracle that recomputes everything, over instants around every boundary."""

import kpi_oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_folding import CATALOGUES, FOLDS, PLAN, facts_of, finished, values_of
from kpi_records import Said, Taken
from kpi_strategies import instants, statements, subjects, tight_instants, tight_subjects

from pcare_kpi_aggregator.years import end_of_month, first_month, last_month

BOTH = pytest.mark.parametrize("name", CATALOGUES)


@BOTH
@given(subjects, instants)
@settings(max_examples=120, deadline=None)
def test_every_kpi_is_what_the_rules_say(name, subjects, at):
    assert values_of(finished(FOLDS[name], subjects, at)) == kpi_oracle.kpis(subjects, at, CATALOGUES[name])


@BOTH
@given(tight_subjects, tight_instants)
@settings(max_examples=300, deadline=None)
def test_every_kpi_is_what_the_rules_say_to_the_microsecond(name, subjects, at):
    assert values_of(finished(FOLDS[name], subjects, at)) == kpi_oracle.kpis(subjects, at, CATALOGUES[name])


@BOTH
@given(subjects, instants)
@settings(max_examples=40, deadline=None)
def test_the_course_of_a_year_is_what_the_rules_say_at_each_months_end(name, subjects, at):
    found = finished(FOLDS[name], subjects, at)
    for year in range(found.first_year, found.last_year + 1):
        ends = [end_of_month(month) for month in range(first_month(year), last_month(year) + 1)]
        expected = [end for end in ends if end < at]
        expected += [at] if len(expected) < len(ends) else []
        by_month = [kpi_oracle.month_end(subjects, end, year, CATALOGUES[name]) for end in expected]
        for kpi in CATALOGUES[name].ids:
            for area in ("NCL", kpi_oracle.BOROUGHS[1], "NCL only"):
                points = found.course(kpi, area, year)[1:]
                assert [point.instant for point in points] == expected
                for point, then in zip(points, by_month, strict=True):
                    number = then.get((kpi, area))
                    assert point[1:] == number if number else not (point.numerator or point.denominator)


@given(st.data(), instants)
@settings(max_examples=100, deadline=None)
def test_neither_order_nor_repetition_moves_a_count(data, at):
    said = data.draw(statements())
    shuffled = data.draw(st.permutations(said + said[::2]))
    for fold in FOLDS.values():
        once, again = ({"person:1": facts} for facts in (said, shuffled))
        assert contributions(fold, once, at) == contributions(fold, again, at)


@given(subjects, instants)
@settings(max_examples=60, deadline=None)
def test_retracting_everything_gives_zero(subjects, at):
    for fold in FOLDS.values():
        for order in (1, -1):
            taken_back = {subject: _with_retractions(said)[::order] for subject, said in subjects.items()}
            assert not contributions(fold, taken_back, at)


@BOTH
@given(subjects, instants, instants)
@settings(max_examples=100, deadline=None)
def test_time_moves_a_count_only_where_it_was_announced(name, subjects, first, second):
    fold = FOLDS[name]
    start, stop = sorted((first, second))
    for facts in facts_of(fold, subjects).values():
        at, steps = start, 0
        while True:
            contribution, due = fold.contribution(facts, at), fold.next_due(facts, at)
            assert due is None or due > at
            last = stop if due is None else min(stop, due - 1)
            assert fold.contribution(facts, last) == contribution
            assert fold.contribution(facts, (at + last) // 2) == contribution
            if due is None or due > stop:
                break
            at, steps = due, steps + 1
        assert steps <= 8 * len(facts)


@given(subjects, instants)
@settings(max_examples=60, deadline=None)
def test_additive_kpis_of_the_boroughs_add_up_to_those_of_ncl(subjects, at):
    values = values_of(finished(FOLDS["the plan's"], subjects, at))
    additive = {kpi.id for kpi in PLAN.kpis if kpi.additive}
    for kpi, year in {(kpi, year) for kpi, _, year in values if kpi in additive}:
        parts = [number.value for (k, area, y), number in values.items() if (k, y) == (kpi, year) and area != "NCL"]
        assert values[kpi, "NCL", year].value == sum(parts)


@BOTH
def test_the_generated_cases_reach_every_kpi(name):
    seen: set[str] = set()

    @given(subjects, instants)
    @settings(max_examples=400, deadline=None, database=None, derandomize=True)  # else it is chance what they reach
    def collect(subjects, at):
        numbers = kpi_oracle.kpis(subjects, at, CATALOGUES[name])
        seen.update(kpi for (kpi, _, _), number in numbers.items() if number.value is not None)

    collect()
    assert seen == set(CATALOGUES[name].ids)


def contributions(fold, subjects, at):
    facts = facts_of(fold, subjects).items()
    return {key: contribution for key, one in facts if (contribution := fold.contribution(one, at))}


def _with_retractions(said: list[Said | Taken]) -> list[Said | Taken]:
    return [*said, *(Taken(one.source, one.id) for one in said if isinstance(one, Said))]
