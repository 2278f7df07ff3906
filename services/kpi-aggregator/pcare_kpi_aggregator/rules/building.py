"""From the catalogue's entries to rules that count, and what these ask of the events' payloads."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Any

from pcare_kpi_aggregator.intervals import Lasting
from pcare_kpi_aggregator.marks import Amount, AskedByKind
from pcare_kpi_aggregator.rules.episodes import Episodes, PeopleInYear, Reached, ShareOfEpisodes
from pcare_kpi_aggregator.rules.events import Events, Mean, ShareOfEvents
from pcare_kpi_aggregator.rules.in_place import InPlaceAtEnd, InPlaceInYear, ShareInPlace
from pcare_kpi_aggregator.rules.people import PeopleEver, PeopleReached, ShareOfLatest
from pcare_kpi_aggregator.rules.rule import Rule
from pcare_schemas.kpis import rules as entries
from pcare_schemas.kpis.catalogue import Catalogue, situation_areas
from pcare_schemas.kpis.filters import Filtered


@dataclass(frozen=True, slots=True)
class Built:
    """The rules by KPI, in the catalogue's order, and what they ask of payloads by kind."""

    rules: Mapping[str, Rule]
    asked: AskedByKind


def build(catalogue: Catalogue) -> Built:
    """Return the rules of a catalogue, which is known to be right."""
    builder = _Builder(catalogue)
    return Built({kpi.id: builder.rule(kpi.rule, kpi.id) for kpi in catalogue.kpis}, builder.asked)


class _Builder:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.asked = AskedByKind()

    @singledispatchmethod
    def rule(self, entry: Any, kpi: str) -> Rule:
        """Return the rule of one KPI."""
        raise TypeError(f"{kpi}: nothing counts {entry!r}")

    @rule.register
    def _(self, entry: entries.EventsRule, kpi: str) -> Rule:
        return Events(kpi, entry.of, self._mask(entry, entry.of))

    @rule.register
    def _(self, entry: entries.EpisodesRule, kpi: str) -> Rule:
        return Episodes(kpi, entry.of, self._mask(entry, entry.of))

    @rule.register
    def _(self, entry: entries.PeopleInYearRule, kpi: str) -> Rule:
        return PeopleInYear(kpi, entry.of, self._mask(entry, entry.of))

    @rule.register
    def _(self, entry: entries.PeopleReachedRule, kpi: str) -> Rule:
        return PeopleReached(kpi, entry.of)

    @rule.register
    def _(self, entry: entries.PeopleEverRule, kpi: str) -> Rule:
        return PeopleEver(kpi, entry.of, self._mask(entry, entry.of))

    @rule.register
    def _(self, entry: entries.InPlaceAtEndRule, kpi: str) -> Rule:
        return InPlaceAtEnd(kpi, _lasting(entry))

    @rule.register
    def _(self, entry: entries.InPlaceInYearRule, kpi: str) -> Rule:
        return InPlaceInYear(kpi, Lasting(entry.opened_by, entry.closed_by))

    @rule.register
    def _(self, entry: entries.ReachedRule, kpi: str) -> Rule:
        member_of = situation_areas() if entry.by == "priority_area" else None
        return Reached(kpi, entry.of, self._mask(entry, entry.of), entry.threshold, member_of)

    @rule.register
    def _(self, entry: entries.ShareRule, kpi: str) -> Rule:
        kind = entry.of.of
        share = ShareOfEpisodes if entry.of.count == "episodes" else ShareOfEvents
        return share(kpi, kind, self._mask(entry.of, kind), self._mask(entry.which, kind), entry.at_least)

    @rule.register
    def _(self, entry: entries.ShareOfLatestRule, kpi: str) -> Rule:
        amount = self.asked[entry.of].amount(Amount((entry.counted,), elements=True))
        return ShareOfLatest(kpi, entry.of, amount, entry.out_of)

    @rule.register
    def _(self, entry: entries.ShareInPlaceRule, kpi: str) -> Rule:
        ones, others = _lasting(self._catalogue[entry.of].rule), _lasting(self._catalogue[entry.also_in].rule)
        return ShareInPlace(kpi, entry.of, ones, others)

    @rule.register
    def _(self, entry: entries.MeanRule, kpi: str) -> Rule:
        amount = self.asked[entry.of].amount(Amount(tuple(entry.fields)))
        mask, fields = self._mask(entry, entry.of), len(entry.fields)
        return Mean(kpi, entry.of, mask, amount=amount, fields=fields, at_least=entry.at_least)

    def _mask(self, entry: Filtered, kind: str) -> int:
        return self.asked[kind].mask(entry.filter_for(kind))


def _lasting(entry: Any) -> Lasting:
    renewed_by = entry.renewed_by if entry.review_renews else None
    return Lasting(entry.opened_by, entry.closed_by, renewed_by, entry.lapses_after_months)
