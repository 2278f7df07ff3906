"""The rules on what is in place: plans, budgets, posts."""

from collections.abc import Iterator

from pcare_audit.counting import Tally
from pcare_audit.facts import Fact, History, Period, latest_of_each_subject
from pcare_audit.spells import Terms, spells
from pcare_schemas.kpis import rules
from pcare_schemas.kpis.catalogue import Catalogue


def in_place_at_end(history: History, rule: rules.InPlaceAtEndRule) -> Iterator[Tally]:
    """Count the subjects with something in place at the end of each year, the running one so far."""
    for period, counted in _counted_at_end(history, rule):
        for fact in counted.values():
            yield Tally(fact, period.year, 1)


def in_place_in_year(history: History, rule: rules.InPlaceInYearRule) -> Iterator[Tally]:
    """Count the subjects with something in place at any time of each year, the running one so far."""
    every = spells(history, Terms(rule.opened_by, rule.closed_by))
    for period in history.periods:
        for fact in latest_of_each_subject(spell.fact for spell in every if spell.in_place_within(period)):
            yield Tally(fact, period.year, 1)


def share_in_place(history: History, rule: rules.ShareInPlaceRule, catalogue: Catalogue) -> Iterator[Tally]:
    """Count of the subjects whom the one KPI counts those whom the other counts too; in the area of the first."""
    of, also_in = (catalogue[kpi].rule for kpi in (rule.of, rule.also_in))
    assert isinstance(of, rules.InPlaceAtEndRule)  # noqa: S101 -- the catalogue refuses any other
    assert isinstance(also_in, rules.InPlaceAtEndRule)  # noqa: S101
    others = [counted for _, counted in _counted_at_end(history, also_in)]
    for (period, counted), other in zip(_counted_at_end(history, of), others, strict=True):
        for subject, fact in counted.items():
            yield Tally(fact, period.year, int(subject in other), 1)


def _counted_at_end(history: History, rule: rules.InPlaceAtEndRule) -> Iterator[tuple[Period, dict[str, Fact]]]:
    """Give for each year who has something in place at its end, with the latest fact that keeps it there."""
    renewed_by = rule.renewed_by if rule.review_renews else None
    every = spells(history, Terms(rule.opened_by, rule.closed_by, renewed_by, rule.lapses_after_months))
    for period in history.periods:
        in_place = latest_of_each_subject(spell.fact for spell in every if spell.in_place_at(period.seen_at))
        yield period, {fact.subject: fact for fact in in_place}
