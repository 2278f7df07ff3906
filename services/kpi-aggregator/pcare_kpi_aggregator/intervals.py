"""From when to when something is in place: plans that lapse, and budgets with a start and an end.

Openings, renewals and closings are matched by their reference within the subject, so events that come late or out of
order settle by themselves.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pcare_kpi_aggregator.facts import Fact, order
from pcare_kpi_aggregator.years import DAY, END_OF_TIME, end_of_day, months_later

_SHORTEST_YEAR = 364 * DAY  # less than 12 months, whatever the calendar and the clocks do


class Interval(NamedTuple):
    """`fact` puts something in place from `start` to `end`; in place at an instant i means start < i <= end.

    It counts only where the fact's own time is before the instant counted at.
    """

    fact: Fact
    start: int
    end: int


def plans(openings: Iterable[Fact], renewals: Iterable[Fact], closings: Iterable[Fact], months: int) -> list[Interval]:
    """Return the intervals in which plans are in place: at most one at a time for a plan's reference.

    An opening at t is closed by the first closing of the same reference with a time >= t. While it is open, each
    opening or renewal keeps the plan in place until the next one takes over, or `months` calendar months have gone.
    The openings, renewals and closings may each come in any order.
    """
    opened = _times_by_ref(openings := list(openings))
    closed = _times_by_ref(closings)
    intervals: list[Interval] = []
    for ref, facts in _by_ref([*openings, *renewals]).items():
        if len(facts) > 1:
            facts.sort(key=order)
        opening_times, closing_times = opened.get(ref, ()), closed.get(ref, ())
        for index, fact in enumerate(facts):
            if not _is_open(fact.time, opening_times, closing_times):
                continue
            following = facts[index + 1].time if index + 1 < len(facts) else END_OF_TIME
            end = min(following, _first_after(fact.time, closing_times))
            if end - fact.time > _SHORTEST_YEAR or months != 12:
                end = min(end, months_later(fact.time, months))
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


def _by_ref(facts: Iterable[Fact]) -> dict[tuple[str, str], list[Fact]]:
    groups: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        groups.setdefault((fact.ref_source, fact.ref), []).append(fact)
    return groups


def _times_by_ref(facts: Iterable[Fact]) -> dict[tuple[str, str], list[int]]:
    return {ref: sorted(fact.time for fact in group) for ref, group in _by_ref(facts).items()}
