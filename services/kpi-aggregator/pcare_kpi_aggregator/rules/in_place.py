"""What is in place: at the end of the year (a plan, a post), or on any day of it (a budget).

All are kept so that a year's turn needs no look at anyone: as changes, month by month.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from pcare_kpi_aggregator.intervals import Interval, Lasting, Span, common, place_at, spans_of
from pcare_kpi_aggregator.reading import Reading
from pcare_kpi_aggregator.rules.rule import Value, a_count, a_share
from pcare_kpi_aggregator.sums import MEMBER, Seen
from pcare_kpi_aggregator.years import MONTHS, end_of, end_of_month, first_month, month_of, start_of

State = Callable[[int], str | None]
"""Where a subject counts at an instant: the borough, or None for nowhere."""


class Step(NamedTuple):
    """A month in which a subject's state may have changed, with the state at its start and at its end (or at `at`)."""

    month: int
    before: str | None
    after: str | None


def steps(changes: Iterable[int], state: State, at: int) -> Iterator[Step]:
    """Follow `state` through the months up to `at`, asking only in months that hold one of the instants `changes`.

    A change at instant c means: the state asked at c or later may differ from the state asked before c.
    """
    before: str | None = None
    for month in sorted({month_of(change - 1) for change in changes if change <= at}):
        after = state(min(at, end_of_month(month)))
        yield Step(month, before, after)
        before = after


class InPlaceAtEnd:
    """Subjects with at least one thing in place at the end of the year (in the running year: now).

    The borough is that of the latest fact that has something in place.
    """

    one_by_one = False
    by_likeness = False

    def __init__(self, kpi: str, lasting: Lasting) -> None:
        self._part = kpi
        self._lasting = lasting

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that open, renew and close."""
        return _kinds(self._lasting)

    @property
    def starting(self) -> frozenset[str]:
        """The kind that opens."""
        return frozenset({self._lasting.opened_by})

    def count(self, reading: Reading) -> None:
        """Add the change of each month in which the subject's state or borough changed."""
        intervals = reading.intervals(self._lasting)
        borough = _only_borough(intervals)
        if borough is not None:
            _count_spans(reading, self._part, borough, spans_of(intervals))
            return
        changes = _changes(reading, intervals)
        for step in steps(changes, lambda instant: place_at(intervals, instant), reading.at):
            reading.move(self._part, step.before, step.after, step.month)

    def finish(self, seen: Seen) -> Value:
        """Return what all changes so far have come to."""
        return a_count(seen.ever(self._part))


class ShareInPlace:
    """The percentage of those who have the one thing in place (the KPI `of`) who have the other in place too.

    Both are of the same subject at the same instant; the area is the one's.
    """

    one_by_one = False
    by_likeness = False

    def __init__(self, kpi: str, of: str, ones: Lasting, others: Lasting) -> None:
        self._of = of
        self._ones = ones
        self._others = others
        self._both = f"{kpi}{MEMBER}both"

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that open, renew and close the one and the other."""
        return _kinds(self._ones) | _kinds(self._others)

    @property
    def starting(self) -> frozenset[str]:
        """The kind that opens the one."""
        return frozenset({self._ones.opened_by})

    def count(self, reading: Reading) -> None:
        """Add the change of each month in which having both, or the borough of it, changed."""
        ones, others = reading.intervals(self._ones), reading.intervals(self._others)
        if not ones or not others:
            return
        borough = _only_borough(ones)
        if borough is not None:
            _count_spans(reading, self._both, borough, common(spans_of(ones), spans_of(others)))
            return

        def both(instant: int) -> str | None:
            return None if place_at(others, instant) is None else place_at(ones, instant)

        changes = _changes(reading, ones) | _changes(reading, others)
        for step in steps(changes, both, reading.at):
            reading.move(self._both, step.before, step.after, step.month)

    def finish(self, seen: Seen) -> Value:
        """Return those who have both as a percentage of those who have the one."""
        return a_share(seen.ever(self._both), seen.ever(self._of))


class InPlaceInYear:
    """Subjects with something in place on any day of the year, in the borough of the latest opening that has it so.

    Two parts: `<kpi>/carried`, the changes a year of who has it over the turn of the year, and `<kpi>/change`, what
    the months of the year itself add to (or move between boroughs of) those carried into it.
    """

    one_by_one = False
    by_likeness = False

    def __init__(self, kpi: str, lasting: Lasting) -> None:
        self._lasting = lasting
        self._carried = f"{kpi}{MEMBER}carried"
        self._change = f"{kpi}{MEMBER}change"

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that open and close."""
        return _kinds(self._lasting)

    @property
    def starting(self) -> frozenset[str]:
        """The kind that opens."""
        return frozenset({self._lasting.opened_by})

    def count(self, reading: Reading) -> None:
        """Add the changes of each month in which something was opened, started or ended."""
        intervals = [one for one in reading.intervals(self._lasting) if one.start < one.end]
        if len(intervals) == 1:
            self._count_one(reading, intervals[0])
            return
        changes = set()
        for interval in intervals:
            changes.add(interval.begin + 1)
            changes.add(interval.end)
            reading.wake(interval.begin + 1)
            reading.wake(interval.end)
        at = reading.at
        months = sorted({month_of(change - 1) for change in changes if change <= at})
        carried: str | None = None
        now: str | None = None
        current = None
        for month in months:
            year = month // MONTHS
            if year != current:
                if current is not None:
                    carried = self._carry(reading, intervals, current, carried)
                current, now = year, carried
            after = _during(intervals, year, min(at, end_of_month(month)))
            reading.move(self._change, now, after, month)
            now = after
        if current is not None:
            self._carry(reading, intervals, current, carried)

    def finish(self, seen: Seen) -> Value:
        """Return who came into the year with something in place, and what the year changed."""
        carried = seen.before_year(self._carried)
        return a_count(carried + seen.in_year(self._change))

    def _count_one(self, reading: Reading, interval: Interval) -> None:
        """Do the same where there is one interval, as there is for most."""
        begin, end, borough = interval.begin, interval.end, interval.fact.borough
        if begin >= reading.at:
            reading.wake(begin + 1)
            return
        month = month_of(begin)
        year = month // MONTHS
        if end <= start_of(year):
            return  # it was over before it was stated
        reading.add(self._change, borough, month)
        reading.wake(end)
        if end > min(reading.at, end_of(year)):
            reading.add(self._carried, borough, first_month(year))
            ended = month_of(end - 1) // MONTHS
            if end <= reading.at:
                reading.add(self._carried, borough, first_month(ended), -1)

    def _carry(self, reading: Reading, intervals: Sequence[Interval], year: int, before: str | None) -> str | None:
        """Count the change of what is carried out of a year (or has been come by so far), and return where it is."""
        instant = min(reading.at, end_of(year))
        after = None
        for fact, start, end in reversed(intervals):
            if start < instant < end and fact.time < instant:
                after = fact.borough
                break
        reading.move(self._carried, before, after, first_month(year))
        return after


def _kinds(lasting: Lasting) -> frozenset[str]:
    kinds = {lasting.opened_by, lasting.closed_by}
    return frozenset(kinds | {lasting.renewed_by} if lasting.renewed_by else kinds)


def _only_borough(intervals: Sequence[Interval]) -> str | None:
    """Return the borough that all intervals are of; None where there are several, or no interval."""
    if not intervals:
        return None
    borough = intervals[0].fact.borough
    for interval in intervals[1:]:
        if interval.fact.borough != borough:
            return None
    return borough


def _count_spans(reading: Reading, part: str, borough: str, spans: Iterable[Span]) -> None:
    """Add the change of each month in which something begins or ends: the short way, for one borough throughout.

    What begins and ends in one month changes no month's end.
    """
    for begin, end in spans:
        if begin >= reading.at:
            reading.wake(begin + 1)
            return
        began = month_of(begin)
        if end >= reading.at:
            reading.wake(end + 1)
            reading.add(part, borough, began)
            return
        ended = month_of(end)
        if ended != began:
            reading.add(part, borough, began)
            reading.add(part, borough, ended, -1)


def _changes(reading: Reading, intervals: Sequence[Interval]) -> set[int]:
    """Return the instants at which what is in place may change, and wake at them."""
    changes = {edge + 1 for interval in intervals for edge in (interval.begin, interval.end)}
    for change in changes:
        reading.wake(change)
    return changes


def _during(intervals: Sequence[Interval], year: int, seen_at: int) -> str | None:
    opened = start_of(year)
    for fact, start, end in reversed(intervals):
        if fact.time < seen_at and max(start, opened) < min(end, seen_at):
            return fact.borough
    return None
