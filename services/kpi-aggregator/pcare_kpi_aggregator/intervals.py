"""From when to when something is in place: plans that lapse, and budgets with a start and an end.

Openings, renewals and closings are matched by their reference within the subject, so events that come late or out of
order settle by themselves.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pcare_kpi_aggregator.facts import Fact, order
from pcare_kpi_aggregator.years import END_OF_TIME, end_of_day, months_later


class Interval(NamedTuple):
    """`fact` puts something in place from `start` to `end`; in place at an instant i means start < i <= end.

    It counts only where the fact's own time is before the instant counted at.
    """

    fact: Fact
    start: int
    end: int


def plans(openings: Iterable[Fact], renewals: Iterable[Fact], closings: Iterable[Fact], months: int) -> list[Interval]:
    """Return the intervals in which openings and renewals keep plans in place.

    An opening at t is closed by the first closing of the same reference with a time >= t. While it is open, it and each
    renewal keep the plan in place for `months` calendar months, or until it is closed. So intervals of one plan
    overlap; of those that hold an instant, the latest fact's counts. All may come in any order.
    """
    opened = _times_by_ref(openings := list(openings))
    closed = _times_by_ref(closings)
    intervals: list[Interval] = []
    for fact in (*openings, *renewals):
        ref = (fact.ref_source, fact.ref)
        closing_times = closed.get(ref, ())
        if _is_open(fact.time, opened.get(ref, ()), closing_times):
            end = min(_first_after(fact.time, closing_times), months_later(fact.time, months))
            intervals.append(Interval(fact, fact.time, end))
    return intervals


def budgets(openings: Iterable[Fact], closings: Iterable[Fact]) -> list[Interval]:
    """Return the interval of each budget that was issued.

    It runs from its stated start (else its event's time) to the first closing of the same reference whose time is not
    before the issuing event; a one-off budget ends with the day on which it starts, at the latest.
    """
    closed = _times_by_ref(closings)
    intervals: list[Interval] = []
    for fact in openings:
        start = fact.time if fact.starts is None else fact.starts
        end = _first_after(fact.time - 1, closed.get((fact.ref_source, fact.ref), ()))
        if fact.one_off:
            end = min(end, end_of_day(start))
        intervals.append(Interval(fact, start, end))
    return intervals


def borough_of_latest(intervals: Sequence[Interval]) -> str | None:
    """Return the borough of the latest fact, in the order among facts, that an interval belongs to; None without."""
    if not intervals:
        return None
    if len(intervals) == 1:
        return intervals[0].fact.borough
    return max((interval.fact for interval in intervals), key=order).borough


def _is_open(time: int, openings: Sequence[int], closings: Sequence[int]) -> bool:
    opened = bisect_right(openings, time)
    closed = bisect_right(closings, time)
    return opened > 0 and (closed == 0 or openings[opened - 1] > closings[closed - 1])


def _first_after(time: int, closings: Sequence[int]) -> int:
    index = bisect_right(closings, time)
    return closings[index] if index < len(closings) else END_OF_TIME


def _times_by_ref(facts: Iterable[Fact]) -> dict[tuple[str, str], list[int]]:
    times: dict[tuple[str, str], list[int]] = {}
    for fact in facts:
        times.setdefault((fact.ref_source, fact.ref), []).append(fact.time)
    for of_one in times.values():
        of_one.sort()
    return times
