"""How long something is in place: a plan, a budget, a post."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pcare_audit import london
from pcare_audit.facts import Fact, History, Period, by_reference


@dataclass(frozen=True, slots=True)
class Spell:
    """From `begins` (exclusive) to `ends` (inclusive; None: no end is known), by virtue of a fact.

    The fact opens or renews; it must have happened itself before anybody counts it.
    """

    fact: Fact
    begins: dt.datetime
    ends: dt.datetime | None

    def in_place_at(self, instant: dt.datetime) -> bool:
        """Say whether it is in place just before an instant."""
        happened, begun = self.fact.time < instant, self.begins < instant
        return happened and begun and (self.ends is None or instant <= self.ends)

    def in_place_within(self, period: Period) -> bool:
        """Say whether it is in place for any time of a period, as far as that is seen."""
        begins = max(self.begins, period.start)
        ends = period.seen_at if self.ends is None else min(self.ends, period.seen_at)
        return self.fact.time < period.seen_at and begins < ends


@dataclass(frozen=True, slots=True)
class Terms:
    """What opens, renews and closes, and after how many months without either it lapses."""

    opened_by: str
    closed_by: str
    renewed_by: str | None = None
    lapses_after_months: int | None = None


def spells(history: History, terms: Terms) -> list[Spell]:
    """Return the spells of all openings and renewals that count at some time."""
    kinds = {terms.opened_by, terms.closed_by} | ({terms.renewed_by} if terms.renewed_by else set())
    return [spell for facts in by_reference(history.of(*kinds)).values() for spell in _of_one_reference(facts, terms)]


def _of_one_reference(facts: Iterable[Fact], terms: Terms) -> Iterator[Spell]:
    facts = list(facts)
    openings = [fact for fact in facts if fact.kind == terms.opened_by]
    renewals = [fact for fact in facts if fact.kind == terms.renewed_by]
    closings = [fact.time for fact in facts if fact.kind == terms.closed_by]
    for opening in openings:
        starts = opening.data.get("starts")
        begins = opening.time if starts is None else london.midnight(dt.date.fromisoformat(starts))
        ends = [closing for closing in closings if closing >= opening.time]
        if opening.data.get("one_off"):
            ends.append(london.end_of_day(begins))
        yield Spell(opening, begins, _first([*ends, *_lapse(opening, terms)]))
    for renewal in renewals:
        if _is_open(renewal.time, [opening.time for opening in openings], closings):
            ends = [closing for closing in closings if closing > renewal.time]
            yield Spell(renewal, renewal.time, _first([*ends, *_lapse(renewal, terms)]))


def _is_open(at: dt.datetime, openings: Iterable[dt.datetime], closings: Iterable[dt.datetime]) -> bool:
    """Say whether the last opening by then is later than the last closing by then."""
    opened = max((time for time in openings if time <= at), default=None)
    closed = max((time for time in closings if time <= at), default=None)
    return opened is not None and (closed is None or opened > closed)


def _lapse(fact: Fact, terms: Terms) -> list[dt.datetime]:
    if terms.lapses_after_months is None:
        return []
    return [london.months_after(fact.time, terms.lapses_after_months)]


def _first(ends: Iterable[dt.datetime]) -> dt.datetime | None:
    return min(ends, default=None)
