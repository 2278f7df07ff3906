"""What the log states: its events, each once, without those that were taken back."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pcare_audit import london
from pcare_schemas.kinds import TYPES
from pcare_schemas.kpis.areas import BOROUGHS, NCL_ONLY
from pcare_schemas.log import LogLine
from pcare_schemas.recorded import SUBJECTS_MERGED_TYPE
from pcare_schemas.retraction import EventRetracted

Order = tuple[dt.datetime, str, str]
Reference = tuple[str, str]

REFERENCES: Mapping[str, str] = {
    "choice-offered": "referral_ref",
    "sp-referral": "referral_ref",
    "sp-closed": "referral_ref",
    "sp-declined": "referral_ref",
    "self-management-referral": "referral_ref",
    "self-management-completed": "referral_ref",
    "sdm-conversation": "conversation_ref",
    "care-plan-agreed": "plan_ref",
    "care-plan-reviewed": "plan_ref",
    "care-plan-ended": "plan_ref",
    "care-plan-declined": "plan_ref",
    "phb-issued": "budget_ref",
    "phb-ended": "budget_ref",
}
"""The field of each kind that says which episode, plan or budget it is about."""
POSTS = frozenset({"link-worker-joined", "link-worker-left"})
"""Kinds about a post: that is the network served, whoever states it."""


@dataclass(frozen=True, eq=False)
class Fact:
    """An event that stands. `data` is its payload as the log has it."""

    source: str
    id: str
    kind: str
    subject: str
    time: dt.datetime
    data: Mapping[str, Any]

    @cached_property
    def order(self) -> Order:
        """Which of two facts is the earlier: by time, then by source, then by id."""
        return self.time, self.source, self.id

    @cached_property
    def year(self) -> int:
        """The financial year of its time."""
        return london.year_of(self.time)

    @cached_property
    def area(self) -> str:
        """Its borough; NCL only where it names none."""
        borough = self.data.get("borough")
        return str(borough) if borough in BOROUGHS else NCL_ONLY

    @cached_property
    def reference(self) -> Reference | None:
        """What it is about within its subject: who gave the reference, and the reference. None if it has none."""
        if self.kind in POSTS:
            return "", self.data["pcn"]
        ref = self.data.get(REFERENCES.get(self.kind, ""))
        return None if ref is None else (self.data.get("ref_source") or self.source, ref)


def facts_of(lines: Iterable[LogLine]) -> list[Fact]:
    """Return what the lines of the log state, in any order.

    A line that stands twice is one event. What is said of a subject that was merged into another is said of the other,
    whenever either was said. A retraction takes an event of its own source and subject back, wherever
    in the log it stands and whatever its time; nothing takes a retraction back. Types that this version does not know
    state nothing.
    """
    events: dict[tuple[str, str], LogLine] = {}
    for line in lines:
        events.setdefault((line.source, line.id), line)
    merged = {line.data["gone"]: line.data["kept"] for line in events.values() if line.type == SUBJECTS_MERGED_TYPE}
    known = [(line, TYPES[line.type], _person(line.subject, merged)) for line in events.values() if line.type in TYPES]
    taken_back = {(line.source, line.data["retracts"], whom) for line, kind, whom in known if kind is EventRetracted}
    return [
        Fact(line.source, line.id, kind.KIND, whom, dt.datetime.fromisoformat(line.time), line.data)
        for line, kind, whom in known
        if kind is not EventRetracted and (line.source, line.id, whom) not in taken_back
    ]


def _person(subject: str, merged: Mapping[str, str]) -> str:
    """Return who a subject turned out to be."""
    while subject in merged:
        subject = merged[subject]
    return subject


@dataclass(frozen=True, slots=True)
class Period:
    """A financial year and the instant it is seen at: its end, or for the running year the instant counted at."""

    year: int
    start: dt.datetime
    seen_at: dt.datetime


class History:
    """The facts that count at an instant, those before it, and the years they reach over."""

    def __init__(self, facts: Iterable[Fact], at: dt.datetime) -> None:
        self._by_kind: dict[str, list[Fact]] = defaultdict(list)
        first: int | None = None
        for fact in facts:
            if fact.time < at:
                self._by_kind[fact.kind].append(fact)
                first = fact.year if first is None else min(first, fact.year)
        last = london.year_of(at - dt.timedelta(microseconds=1))
        years = range(0) if first is None else range(first, last + 1)
        self.periods: Sequence[Period] = [
            Period(year, london.start_of_year(year), min(at, london.start_of_year(year + 1))) for year in years
        ]
        self._episodes: dict[str, list[Fact]] = {}

    def of(self, *kinds: str) -> list[Fact]:
        """Return the facts of some kinds."""
        return [fact for kind in kinds for fact in self._by_kind[kind]]

    def episodes(self, kind: str) -> list[Fact]:
        """Return the earliest fact of each reference of each subject: it dates, places and classifies the episode."""
        if kind not in self._episodes:
            about = by_reference(self.of(kind))
            self._episodes[kind] = [min(facts, key=lambda fact: fact.order) for facts in about.values()]
        return self._episodes[kind]


def by_reference(facts: Iterable[Fact]) -> dict[tuple[str, Reference], list[Fact]]:
    """Put together the facts of one subject and one reference; those without a reference are left out."""
    together: dict[tuple[str, Reference], list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.reference is not None:
            together[fact.subject, fact.reference].append(fact)
    return together


def latest_of_each_subject(facts: Iterable[Fact]) -> list[Fact]:
    """Return the latest fact of each subject that has any."""
    latest: dict[str, Fact] = {}
    for fact in facts:
        if fact.subject not in latest or latest[fact.subject].order < fact.order:
            latest[fact.subject] = fact
    return list(latest.values())
