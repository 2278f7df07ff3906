"""Every KPI, counted from the log alone. Naive on purpose: each rule is read off the page and applied to all facts.

It shares no line with the aggregator's fold and none with the SQL, so that an error in one of the three shows.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from pcare_audit import counting, in_place
from pcare_audit.counting import Tally
from pcare_audit.facts import History, facts_of
from pcare_audit.filters import passes
from pcare_schemas import code_lists
from pcare_schemas.kpis import rules
from pcare_schemas.kpis.areas import NCL
from pcare_schemas.kpis.catalogue import Catalogue, Kpi
from pcare_schemas.kpis.year_labels import label
from pcare_schemas.log import LogLine


class Counted(NamedTuple):
    """A KPI's number. `value` is None where there is none; `denominator` is None where things are just counted."""

    value: Decimal | None
    numerator: int
    denominator: int | None


Counts = Mapping[tuple[str, str, str], Counted]
"""By KPI, area (NCL, a GSS code, or NCL only) and financial year. What is missing is 0, or 0 of 0."""


RULES: Mapping[type, Callable[[History, Any], Iterator[Tally]]] = {
    rules.EventsRule: counting.events,
    rules.EpisodesRule: counting.episodes,
    rules.PeopleInYearRule: counting.people_in_year,
    rules.PeopleReachedRule: counting.people_reached,
    rules.PeopleEverRule: counting.people_ever,
    rules.InPlaceAtEndRule: in_place.in_place_at_end,
    rules.InPlaceInYearRule: in_place.in_place_in_year,
    rules.ShareRule: counting.share,
    rules.ShareOfLatestRule: counting.share_of_latest,
    rules.MeanRule: counting.mean,
}


def replay_kpis(lines: Iterable[LogLine], catalogue: Catalogue, at: dt.datetime) -> Counts:
    """Count every KPI of the catalogue for an instant, from the lines of the whole log in any order."""
    return Replay(lines).kpis(catalogue, at)


class Replay:
    """The facts of a log, to be counted at several instants."""

    def __init__(self, lines: Iterable[LogLine]) -> None:
        self._facts = facts_of(lines)

    def kpis(self, catalogue: Catalogue, at: dt.datetime) -> Counts:
        """Count every KPI of the catalogue for an instant."""
        history = History(self._facts, at)
        return {
            (kpi.id, area, label(year)): counted
            for kpi in catalogue.kpis
            for (year, area), counted in _cells(kpi, catalogue, history)
        }


def _cells(kpi: Kpi, catalogue: Catalogue, history: History) -> Iterator[tuple[tuple[int, str], Counted]]:
    rule = kpi.rule
    if isinstance(rule, rules.ReachedRule):
        yield from ((cell, Counted(Decimal(n), n, None)) for cell, n in _reached(rule, history).items())
        return
    sums: dict[tuple[int, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for tally in _tallies(rule, catalogue, history):
        for area in (tally.area, NCL):
            numerator, denominator = sums[tally.year, area]
            sums[tally.year, area] = numerator + tally.numerator, denominator + (tally.denominator or 0)
    for cell, (numerator, denominator) in sums.items():
        yield cell, _finished(rule, numerator, denominator)


def _tallies(rule: rules.Rule, catalogue: Catalogue, history: History) -> Iterator[Tally]:
    if isinstance(rule, rules.ShareInPlaceRule):
        return in_place.share_in_place(history, rule, catalogue)
    return RULES[type(rule)](history, rule)


def _reached(rule: rules.ReachedRule, history: History) -> dict[tuple[int, str], int]:
    """Count the members with enough episodes, in each area by itself and in NCL over all of them."""
    situations = code_lists.built_in()["situations"].codes
    episodes: Counter[tuple[int, str, str]] = Counter()
    for fact in history.episodes(rule.of):
        if passes(fact, rule):
            situation = fact.data["situation"]
            member = situation if rule.by == "situation" else situations[situation].area
            if member is not None:
                episodes.update([(fact.year, fact.area, member), (fact.year, NCL, member)])
    return Counter((year, area) for (year, area, _), number in episodes.items() if number >= rule.threshold)


def _finished(rule: rules.Rule, numerator: int, denominator: int) -> Counted:
    match rule:
        case rules.MeanRule():
            enough = denominator >= (rule.at_least or 1) * len(rule.fields)
            return Counted(_rounded(numerator, denominator) if enough else None, numerator, denominator)
        case rules.ShareRule() | rules.ShareOfLatestRule() | rules.ShareInPlaceRule():
            least = rule.at_least or 1 if isinstance(rule, rules.ShareRule) else 1
            enough = denominator >= least
            return Counted(_rounded(100 * numerator, denominator) if enough else None, numerator, denominator)
        case _:
            return Counted(Decimal(numerator), numerator, None)


def _rounded(numerator: int, denominator: int) -> Decimal:
    """Return the quotient to two decimals, half up."""
    return Decimal((200 * numerator + denominator) // (2 * denominator)).scaleb(-2)
