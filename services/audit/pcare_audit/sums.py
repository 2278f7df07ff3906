"""Adds up what facts add to years and areas, and finishes each KPI from the sums: counts, shares, means."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from pcare_audit import counting, in_place
from pcare_audit.counting import Tally
from pcare_audit.facts import Fact, History
from pcare_schemas.kpis import rules
from pcare_schemas.kpis.areas import NCL
from pcare_schemas.kpis.catalogue import Catalogue, Kpi
from pcare_schemas.kpis.year_labels import label


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
    rules.ReachedRule: counting.reached,
    rules.ShareRule: counting.share,
    rules.ShareOfLatestRule: counting.share_of_latest,
    rules.MeanRule: counting.mean,
}


class Place(NamedTuple):
    """Where something is added up: a KPI, an area and a year; of what is reached, a member."""

    kpi: str
    area: str
    year: int
    member: str | None = None


def tallies(kpi: Kpi, catalogue: Catalogue, history: History) -> Iterator[Tally]:
    """Give what each fact adds to a KPI."""
    if isinstance(kpi.rule, rules.ShareInPlaceRule):
        return in_place.share_in_place(history, kpi.rule, catalogue)
    return RULES[type(kpi.rule)](history, kpi.rule)


def kinds_read(kpi: Kpi, catalogue: Catalogue) -> frozenset[str]:
    """Return the kinds of event that decide a KPI, those of the KPIs that it is made of among them."""
    if isinstance(kpi.rule, rules.ShareInPlaceRule):
        return frozenset().union(*(kinds_read(catalogue[one], catalogue) for one in (kpi.rule.of, kpi.rule.also_in)))
    return frozenset(rules.kinds_of(kpi.rule))


class Sums:
    """Numerators and denominators by place: of one history, or of several that have no subject in common."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.parts: dict[Place, tuple[int, int]] = defaultdict(lambda: (0, 0))

    def add(self, facts: list[Fact], at: dt.datetime) -> None:
        """Count every KPI over some facts, for an instant."""
        history = History(facts, at)
        for kpi in self.catalogue.kpis:
            for tally in tallies(kpi, self.catalogue, history):
                self.add_tally(kpi, tally)

    def merge(self, other: "Sums") -> None:
        """Add what others' histories add up to."""
        for place, parts in other.parts.items():
            self._add(place, *parts)

    def add_tally(self, kpi: Kpi, tally: Tally) -> None:
        """Add what one fact adds: to its own area and to the whole."""
        for area in (tally.fact.area, NCL):
            self._add(Place(kpi.id, area, tally.year, tally.member), tally.numerator, tally.denominator or 0)

    def _add(self, place: Place, numerator: int, denominator: int) -> None:
        before = self.parts[place]
        self.parts[place] = before[0] + numerator, before[1] + denominator

    def counts(self) -> dict[tuple[str, str, str], Counted]:
        """Finish every KPI in every area and year that has anything."""
        sums: dict[tuple[str, str, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
        for place, (numerator, denominator) in self.parts.items():
            rule = self.catalogue[place.kpi].rule
            number = int(numerator >= rule.threshold) if isinstance(rule, rules.ReachedRule) else numerator
            before = sums[place[:3]]
            sums[place[:3]] = before[0] + number, before[1] + denominator
        return {
            (kpi, area, label(year)): finished(self.catalogue[kpi].rule, *parts)
            for (kpi, area, year), parts in sums.items()
            if any(parts)
        }


def finished(rule: rules.Rule, numerator: int, denominator: int) -> Counted:
    """Return the number that is made of so many, or so many of so many."""
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
