"""Where one number comes from: each event that makes it, and what it adds, found by the very rule that counts it."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from pcare_audit import london
from pcare_audit.counting import Tally
from pcare_audit.facts import Fact, History, facts_of
from pcare_audit.knowledge import Merged, as_told, first_told, is_merge
from pcare_audit.sums import Counted, finished, tallies
from pcare_schemas.kinds import TYPES
from pcare_schemas.kpis.areas import NCL
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.rules import ReachedRule
from pcare_schemas.kpis.year_labels import year_from_label
from pcare_schemas.log import LogLine
from pcare_schemas.retraction import EventRetracted

LISTED_AT_MOST = 100_000


class Contribution(NamedTuple):
    """An event that a number is made of. `member` is what it helps to reach, under a rule that counts such."""

    source: str
    id: str
    kind: str
    time: dt.datetime
    recorded_at: str
    origin: str
    numerator: int
    denominator: int | None
    member: str | None
    moved: bool
    """Whether it was told of somebody who was merged since."""


class Share(NamedTuple):
    """What a provider's events of a month add to a number."""

    events: int
    numerator: int
    denominator: int


class Provenance:
    """Counts one KPI for one area and year, seen at an instant, and keeps by what.

    Portions of the log are added one by one, as `Portions` gives them; then `finish`. Of the events that count
    LISTED_AT_MOST are kept; all are counted.
    """

    def __init__(self, catalogue: Catalogue, kpi: str, area: str, year: str, at: dt.datetime) -> None:
        self.counted = Counted(None, 0, None)
        self.events = 0
        self.by_provider_and_month: dict[tuple[str, str], Share] = defaultdict(lambda: Share(0, 0, 0))
        self.listed: list[Contribution] = []
        self.taken_back = 0
        """Events of the kinds that the rule reads, of this area and year by their own words, that do not count."""
        self.moved = 0
        self.late = 0
        """Recorded after the London day on which they happened."""
        self.after_the_year = 0
        """Recorded after the financial year in which they happened: they changed a year that had closed."""
        self._catalogue, self._kpi, self._area, self._at = catalogue, catalogue[kpi], area, at
        self._year = year_from_label(year)
        self._numerator = self._denominator = 0
        self._waiting: dict[str, list[Contribution]] = defaultdict(list)

    def add(self, lines: Iterable[LogLine], merged: Merged) -> None:
        """Count a portion of the log."""
        first = first_told(lines, merged)
        facts = facts_of(first)
        said = {(line.source, line.id): line for line in first if not is_merge(line)}
        stand = {(fact.source, fact.id) for fact in facts}
        every = facts_of(line for line in first if TYPES.get(line.type) is not EventRetracted)
        self.taken_back += sum((one.source, one.id) not in stand and self._is_of(one, one.year) for one in every)
        for tally in tallies(self._kpi, self._catalogue, History(facts, self._at)):
            if self._is_of(tally.fact, tally.year):
                self._add(tally, said[tally.fact.source, tally.fact.id])

    def finish(self) -> None:
        """Say what the number is. Call it once, after all portions."""
        rule = self._kpi.rule
        if isinstance(rule, ReachedRule):
            for some in self._waiting.values():
                if len(some) >= rule.threshold:
                    self._numerator += 1
                    for one in some:
                        self._note(one)
        self._waiting.clear()
        self.counted = finished(rule, self._numerator, self._denominator)

    def _is_of(self, fact: Fact, year: int) -> bool:
        return year == self._year and self._area in {NCL, fact.area} and fact.time < self._at

    def _add(self, tally: Tally, line: LogLine) -> None:
        fact = tally.fact
        one = Contribution(
            fact.source, fact.id, fact.kind, fact.time, line.recordedat, line.origin,
            tally.numerator, tally.denominator, tally.member, line.subject != fact.subject,
        )  # fmt: skip
        if tally.member is not None:
            self._waiting[tally.member].append(one)
            return
        self._numerator += tally.numerator
        self._denominator += tally.denominator or 0
        self._note(one)

    def _note(self, one: Contribution) -> None:
        self.events += 1
        self.moved += one.moved
        self.late += one.recorded_at >= as_told(london.end_of_day(one.time))
        self.after_the_year += one.recorded_at >= as_told(london.start_of_year(london.year_of(one.time) + 1))
        key = (one.source, f"{one.time.astimezone(london.LONDON):%Y-%m}")
        events, numerator, denominator = self.by_provider_and_month[key]
        self.by_provider_and_month[key] = Share(
            events + 1, numerator + one.numerator, denominator + (one.denominator or 0)
        )
        if len(self.listed) < LISTED_AT_MOST:
            self.listed.append(one)

    def by_provider(self) -> Counter[str]:
        """Return how many events of each source count."""
        counts: Counter[str] = Counter()
        for (source, _), share in self.by_provider_and_month.items():
            counts[source] += share.events
        return counts
