"""From when to when something is in place: plans that lapse, budgets with a start and an end, posts.

Openings, renewals and closings are matched by their reference within the subject, so events that come late or out of
order settle by themselves.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pcare_kpi_aggregator.facts import NO_REFERENCE, Fact
from pcare_kpi_aggregator.years import END_OF_TIME, end_of_day, months_later


class Lasting(NamedTuple):
    """What puts something in place, keeps it there and ends it. `months` is after how long it lapses, if it does."""

    opened_by: str
    closed_by: str
    renewed_by: str | None = None
    months: int | None = None


class Interval(NamedTuple):
    """`fact` puts something in place from `start` to `end`, as stated; it counts only once the fact has happened.

    So it is in place at an instant i if the fact's time and `start` are before i, and i is not after `end`.
    """

    fact: Fact
    start: int
    end: int

    @property
    def begin(self) -> int:
        """From when on it counts."""
        return max(self.fact.time, self.start)


Span = tuple[int, int]
"""In place at an instant i means: later than the first, not later than the second."""


def intervals_of(lasting: Lasting, facts: Mapping[str, Sequence[Fact]]) -> list[Interval]:
    """Return the intervals in which openings and renewals have things in place, in the order among those facts.

    An opening at t begins with its stated start, else at t. It ends with the first closing of the same reference with
    a time >= t; if it is for one day, with that day at the latest; if such things lapse, so many calendar months after
    t at the latest. A renewal counts like an opening where the reference is open. So the intervals of one reference may
    overlap; of those that hold an instant, the latest fact's counts. What has no reference opens nothing.
    """
    openings = [fact for fact in facts.get(lasting.opened_by, ()) if fact.ref != NO_REFERENCE]
    if not openings:
        return []
    closings = facts.get(lasting.closed_by)
    closed = _times_by_ref(closings) if closings else {}
    intervals = [_opened(lasting, fact, closed.get((fact.ref_source, fact.ref), ())) for fact in openings]
    renewals = facts.get(lasting.renewed_by, ()) if lasting.renewed_by else ()
    if renewals:
        opened = _times_by_ref(openings)
        for fact in renewals:
            ref = (fact.ref_source, fact.ref)
            times = closed.get(ref, ())
            if _is_open(fact.time, opened.get(ref, ()), times):
                intervals.append(Interval(fact, fact.time, _end(lasting, fact, times)))
        intervals.sort()
    return intervals


def spans_of(intervals: Iterable[Interval]) -> list[Span]:
    """Return from when to when anything is in place, whatever it is: in order, and none touching the next."""
    spans: list[Span] = []
    for begin, end in sorted([(max(fact.time, start), end) for fact, start, end in intervals]):
        if begin >= end:
            continue
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((begin, end))
    return spans


def common(ones: Iterable[Span], others: Sequence[Span]) -> list[Span]:
    """Return from when to when both are in place."""
    overlaps = [(max(one[0], other[0]), min(one[1], other[1])) for one in ones for other in others]
    return [(begin, end) for begin, end in overlaps if begin < end]


def place_at(intervals: Sequence[Interval], instant: int) -> str | None:
    """Return the borough of the latest fact that has something in place at an instant; None without."""
    for fact, start, end in reversed(intervals):
        if start < instant <= end and fact.time < instant:
            return fact.borough
    return None


def _opened(lasting: Lasting, fact: Fact, closings: Sequence[int]) -> Interval:
    start = fact.time if fact.starts is None else fact.starts
    end = _end(lasting, fact, closings)
    if fact.one_off:
        end = min(end, end_of_day(start))
    return Interval(fact, start, end)


def _end(lasting: Lasting, fact: Fact, closings: Sequence[int]) -> int:
    """Return the first closing that is not earlier, or the lapse. No renewal has a closing of its own time."""
    end = END_OF_TIME if lasting.months is None else months_later(fact.time, lasting.months)
    if closings:
        index = bisect_right(closings, fact.time - 1)
        if index < len(closings):
            return min(end, closings[index])
    return end


def _is_open(time: int, openings: Sequence[int], closings: Sequence[int]) -> bool:
    opened = bisect_right(openings, time)
    closed = bisect_right(closings, time)
    return opened > 0 and (closed == 0 or openings[opened - 1] > closings[closed - 1])


def _times_by_ref(facts: Iterable[Fact]) -> dict[tuple[str, str], list[int]]:
    """Return the times of each reference's facts; these come in order of time."""
    times: dict[tuple[str, str], list[int]] = {}
    for fact in facts:
        times.setdefault((fact.ref_source, fact.ref), []).append(fact.time)
    return times
