"""One subject's facts as the rules read them at an instant, and what they count, being made up rule by rule.

What several rules need (the order of facts, episodes, intervals) is worked out once.
"""

from collections.abc import Iterable, Mapping, Sequence

from pcare_kpi_aggregator.counts import Cell
from pcare_kpi_aggregator.facts import NO_REFERENCE, Fact, by_kind
from pcare_kpi_aggregator.intervals import Interval, Lasting, intervals_of
from pcare_kpi_aggregator.years import END_OF_TIME
from pcare_schemas.kpis.payload_fields import MAY_LACK_REFERENCE


class Reading:
    """Reads facts, and collects a contribution at the instant `at` and the next one at which time alone may change it.

    Only facts whose time is before `at` count. Whatever is left out because of `at`, or will cease, is said with
    `wake`. A cell may come up more than once; its numbers add up.
    """

    __slots__ = ("_episodes", "_intervals", "at", "by_kind", "cells", "next_due", "numbers")

    def __init__(self, facts: Iterable[Fact], at: int) -> None:
        self.at = at
        self.cells: list[Cell] = []
        self.numbers: list[int] = []
        self.next_due: int | None = None
        self.by_kind: Mapping[str, Sequence[Fact]] = by_kind(facts)
        self._episodes: dict[str, Sequence[Fact]] = {}
        self._intervals: dict[Lasting, Sequence[Interval]] = {}

    def facts(self, kind: str) -> Sequence[Fact]:
        """Return the facts of a kind that count, in the order among facts."""
        facts = self.by_kind.get(kind, ())
        if not facts or facts[-1].time < self.at:
            return facts
        happened = [fact for fact in facts if fact.time < self.at]
        self.wake(facts[len(happened)].time + 1)
        return happened

    def episodes(self, kind: str) -> Sequence[Fact]:
        """Return the earliest fact of each reference, in the order among facts.

        It dates, places and classifies the episode. Take it back, and the episode moves to the next one. What has no
        reference is no episode.
        """
        episodes = self._episodes.get(kind)
        if episodes is None:
            episodes = self.facts(kind)
            if kind in MAY_LACK_REFERENCE:
                episodes = [fact for fact in episodes if fact.ref != NO_REFERENCE]
            if len(episodes) > 1:
                first: dict[tuple[str, str], Fact] = {}
                for fact in episodes:
                    first.setdefault((fact.ref_source, fact.ref), fact)
                episodes = list(first.values())
            self._episodes[kind] = episodes
        return episodes

    def intervals(self, lasting: Lasting) -> Sequence[Interval]:
        """Return from when to when something is in place, in the order among the facts that put it there."""
        intervals = self._intervals.get(lasting)
        if intervals is None:
            intervals = self._intervals[lasting] = intervals_of(lasting, self.by_kind)
        return intervals

    def add(self, part: str, borough: str, month: int, number: int = 1) -> None:
        """Count `number` more (or fewer) in one cell."""
        self.cells.append((part, borough, month))
        self.numbers.append(number)

    def move(self, part: str, before: str | None, after: str | None, month: int) -> None:
        """Count a change of state in a month: from counting in borough `before` to borough `after` (None: nowhere)."""
        if before == after:
            return
        if before is not None:
            self.add(part, before, month, -1)
        if after is not None:
            self.add(part, after, month)

    def wake(self, instant: int) -> None:
        """State that the contribution may change at `instant`. What has come, or never comes, is ignored."""
        if self.at < instant < END_OF_TIME and (self.next_due is None or instant < self.next_due):
            self.next_due = instant
