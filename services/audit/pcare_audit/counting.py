"""The rules that count: whom or what, in which year, and in which area. A function a rule, each as it is written."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pcare_audit.facts import Fact, History, Period, latest_of_each_subject
from pcare_audit.filters import passes
from pcare_schemas import code_lists
from pcare_schemas.kpis import rules

SITUATIONS = code_lists.built_in()["situations"].codes


class Tally(NamedTuple):
    """What one fact adds to a year, in its own area. `denominator` is None where things are counted, not compared.

    `member` is what is reached or not, under the rule that counts such.
    """

    fact: Fact
    year: int
    numerator: int
    denominator: int | None = None
    member: str | None = None


def events(history: History, rule: rules.EventsRule) -> Iterator[Tally]:
    """Count each fact once, in the year of its time and in its own area."""
    for fact in history.of(rule.of):
        if passes(fact, rule):
            yield Tally(fact, fact.year, 1)


def episodes(history: History, rule: rules.EpisodesRule) -> Iterator[Tally]:
    """Count each reference once, in the year and the area of its earliest fact, if that passes."""
    for fact in history.episodes(rule.of):
        if passes(fact, rule):
            yield Tally(fact, fact.year, 1)


def people_in_year(history: History, rule: rules.PeopleInYearRule) -> Iterator[Tally]:
    """Count each subject once a year in which it has an episode that passes; in the area of the latest of them."""
    passing = [fact for fact in history.episodes(rule.of) if passes(fact, rule)]
    return _each_subject_once_a_year(history, passing)


def people_reached(history: History, rule: rules.PeopleReachedRule) -> Iterator[Tally]:
    """Count each subject once a year in which any of these kinds happened to it; in the area of the latest fact."""
    return _each_subject_once_a_year(history, history.of(*rule.of))


def people_ever(history: History, rule: rules.PeopleEverRule) -> Iterator[Tally]:
    """Count each subject with a fact that passes, in each year from then on; in the area of the latest by then."""
    passing = [fact for fact in history.of(rule.of) if passes(fact, rule)]
    for period in history.periods:
        by_then = (fact for fact in passing if fact.time < period.seen_at)
        for fact in latest_of_each_subject(by_then):
            yield Tally(fact, period.year, 1)


def share(history: History, rule: rules.ShareRule) -> Iterator[Tally]:
    """Count of the events or episodes that pass those that pass `which` too; each in its own year and area."""
    facts = history.episodes(rule.of.of) if rule.of.count == "episodes" else history.of(rule.of.of)
    for fact in facts:
        if passes(fact, rule.of):
            yield Tally(fact, fact.year, int(passes(fact, rule.which)), 1)


def share_of_latest(history: History, rule: rules.ShareOfLatestRule) -> Iterator[Tally]:
    """Count the elements of a list that each subject's latest fact of the year holds, out of so many."""
    for period in history.periods:
        for fact in latest_of_each_subject(_in_year(history.of(rule.of), period)):
            yield Tally(fact, period.year, len(fact.data.get(rule.counted) or ()), rule.out_of)


def mean(history: History, rule: rules.MeanRule) -> Iterator[Tally]:
    """Add up some fields of each fact that passes, and count how many numbers they are."""
    for fact in history.of(rule.of):
        if passes(fact, rule):
            yield Tally(fact, fact.year, sum(fact.data[field] for field in rule.fields), len(rule.fields))


def reached(history: History, rule: rules.ReachedRule) -> Iterator[Tally]:
    """Give each episode that passes to its situation, or that one's priority area: enough of them count as one."""
    for fact in history.episodes(rule.of):
        if passes(fact, rule):
            situation = fact.data["situation"]
            member = situation if rule.by == "situation" else SITUATIONS[situation].area
            if member is not None:
                yield Tally(fact, fact.year, 1, member=member)


def _each_subject_once_a_year(history: History, facts: Sequence[Fact]) -> Iterator[Tally]:
    for period in history.periods:
        for fact in latest_of_each_subject(_in_year(facts, period)):
            yield Tally(fact, period.year, 1)


def _in_year(facts: Iterable[Fact], period: Period) -> Iterable[Fact]:
    return (fact for fact in facts if fact.year == period.year)
