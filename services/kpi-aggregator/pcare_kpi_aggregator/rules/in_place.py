"""What is in place: at the end of the year (a plan), or on any day of it (a budget).

Both are kept so that a year's turn needs no look at anyone: the first as changes a year, the second as what was
carried into the year (changes again) and what the year itself changed.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pcare_kpi_aggregator.intervals import Interval, borough_of_latest, budgets, plans
from pcare_kpi_aggregator.rules.rule import FactsByKind, Parts, number, running
from pcare_kpi_aggregator.tally import Tally
from pcare_kpi_aggregator.years import end_of, start_of, year_of

State = Callable[[int], str | None]
"""Where a subject counts at an instant: the borough, or None for nowhere."""


class Step(NamedTuple):
    """A year in which a subject's state changed, with the state at the year's start and at its end (or at `at`)."""

    year: int
    before: str | None
    after: str | None


def steps(changes: Iterable[int], state: State, at: int) -> Iterator[Step]:
    """Follow `state` through the years up to `at`, asking only in years that hold one of the instants `changes`.

    A change at instant c means: the state asked at c or later may differ from the state asked before c.
    """
    before: str | None = None
    for year in sorted({year_of(change - 1) for change in changes if change <= at}):
        after = state(min(at, end_of(year)))
        yield Step(year, before, after)
        before = after


class InPlaceAtEnd:
    """People with at least one plan in place at the end of the year (in the running year: now).

    Plans lapse `months` after they were last agreed or, where `renewed_by` names a kind, renewed. The borough is that
    of the latest fact that keeps a plan in place.
    """

    def __init__(self, kpi: str, *, opened_by: str, renewed_by: str | None, closed_by: str, months: int) -> None:
        self._kpi = kpi
        self._opened_by = opened_by
        self._renewed_by = renewed_by
        self._closed_by = closed_by
        self._months = months

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that open, renew and close."""
        return frozenset({self._opened_by, self._closed_by} | ({self._renewed_by} if self._renewed_by else set()))

    def count(self, facts: FactsByKind, tally: Tally) -> None:
        """Add the change of each year in which the person's state or borough changed."""
        renewals = facts.get(self._renewed_by, ()) if self._renewed_by else ()
        intervals = plans(facts.get(self._opened_by, ()), renewals, facts.get(self._closed_by, ()), self._months)
        changes = {edge + 1 for interval in intervals for edge in (interval.start, interval.end)}

        def state(instant: int) -> str | None:
            return borough_of_latest([one for one in intervals if one.start < instant <= one.end])

        for step in steps(changes, state, tally.at):
            tally.move(self._kpi, step.before, step.after, step.year)
        for change in changes:
            tally.wake(change)

    def finish(self, parts: Parts, year: int) -> int:
        """Return the changes of this year and of all before it, added up."""
        return running(parts, self._kpi, before=year + 1)


class InPlaceInYear:
    """People with a budget in place on any day of the year, in the borough of the latest such issue.

    Two parts: `<kpi>/carried`, the changes of who has a budget over the turn of the year, and `<kpi>/change`, what
    the events of the year itself add to (or move between boroughs of) those carried into it.
    """

    def __init__(self, kpi: str, *, opened_by: str, closed_by: str) -> None:
        self._opened_by = opened_by
        self._closed_by = closed_by
        self._carried = f"{kpi}/carried"
        self._change = f"{kpi}/change"

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that open and close."""
        return frozenset({self._opened_by, self._closed_by})

    def count(self, facts: FactsByKind, tally: Tally) -> None:
        """Add the changes of each year in which a budget was issued, started or ended."""
        intervals = budgets(facts.get(self._opened_by, ()), facts.get(self._closed_by, ()))
        changes = {
            change
            for interval in intervals
            for change in (interval.fact.time + 1, interval.start + 1, interval.end)
            if interval.end > interval.start
        }

        def carried(instant: int) -> str | None:
            return borough_of_latest(
                [one for one in intervals if one.fact.time < instant and one.start < instant < one.end]
            )

        for step in steps(changes, carried, tally.at):
            tally.move(self._carried, step.before, step.after, step.year)
            tally.move(self._change, step.before, _during(intervals, step.year, tally.at), step.year)
        for change in changes:
            tally.wake(change)

    def finish(self, parts: Parts, year: int) -> int:
        """Return who came into the year with a budget, and what the year changed."""
        return running(parts, self._carried, before=year) + number(parts, self._change, year)


def _during(intervals: Iterable[Interval], year: int, at: int) -> str | None:
    start, end = start_of(year), min(at, end_of(year))
    return borough_of_latest(
        [one for one in intervals if one.fact.time < end and max(one.start, start) < min(one.end, end)]
    )
