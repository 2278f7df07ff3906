"""The drawing of a KPI's year: where its lines go."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_kpi_aggregator.board.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TICKS_AT_MOST, TOP, WIDTH, draw, ticks_for
from pcare_kpi_aggregator.standing import Line
from pcare_kpi_aggregator.years import DAY, end_of, start_of

YEAR = 2026
START, END = start_of(YEAR), end_of(YEAR)
FLOOR = HEIGHT - BOTTOM


class Point(NamedTuple):
    instant: int
    value: float | None
    denominator: int | None = None


def test_the_lines_go_from_the_year_s_first_instant_to_its_last():
    middle = (START + END) // 2
    chart = draw(YEAR, [Point(START, 0), Point(middle, 40)], Line(YEAR, 0, 100), 80.0, whole_scale=None)
    assert [(tick.value, tick.y) for tick in chart.ticks][:: len(chart.ticks) - 1] == [(0, FLOOR), (100, TOP)]
    assert [(place.x, place.y) for place in chart.trajectory] == [(LEFT, FLOOR), (WIDTH - RIGHT, TOP)]
    ((first, last),) = chart.actual
    assert (first.x, first.y) == (LEFT, FLOOR)
    assert last == chart.now == chart.forecast[0]
    assert last.y == pytest.approx(FLOOR - 0.4 * (FLOOR - TOP), abs=0.1)
    assert chart.forecast[1].x == WIDTH - RIGHT


def test_months_are_as_long_as_london_s():
    months = draw(YEAR, [Point(START, 0)], None, None, whole_scale=None).months
    assert [month.name for month in months if month.quarter] == ["Apr", "Jul", "Oct", "Jan"]
    assert months[0].begins == LEFT
    assert months[11].middle - months[11].begins > months[10].middle - months[10].begins  # March and February


def test_where_there_is_no_value_there_is_no_line():
    course = [Point(START, None), Point(START + DAY, 3.0), Point(START + 2 * DAY, None), Point(START + 3 * DAY, 4.0)]
    chart = draw(YEAR, course, None, None, whole_scale=100)
    assert [len(piece) for piece in chart.actual] == [1, 1]
    assert (chart.trajectory, chart.forecast) == (None, None)
    assert draw(YEAR, [*course, Point(START + 4 * DAY, None)], None, None, whole_scale=100).now is None
    assert draw(YEAR, [Point(START, None)], None, None, whole_scale=100).actual == ()


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0, [0, 1]), (1, [0, 1]), (4, [0, 1, 2, 3, 4]), (7, [0, 2, 4, 6, 8]), (15, [0, 5, 10, 15]),
        (12, [0, 3, 6, 9, 12]),
        (100, [0, 20, 40, 60, 80, 100]), (123, [0, 25, 50, 75, 100, 125]),
        (23_163, [0, 5_000, 10_000, 15_000, 20_000, 25_000]),
    ],
)  # fmt: skip
def test_round_ticks(highest, ticks):
    assert ticks_for(highest) == ticks


@given(st.floats(0, 10**9))
def test_ticks_reach_the_highest_value_and_are_few(highest):
    ticks = ticks_for(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest * (1 - 1e-6)
    assert 2 <= len(ticks) <= TICKS_AT_MOST + 1
    assert all(tick == int(tick) for tick in ticks)


values = st.none() | st.floats(0, 10**7)


@given(st.lists(values, min_size=1, max_size=13), st.none() | st.floats(0, 10**7), values)
def test_nothing_is_drawn_outside(course_values, target, forecast):
    course = [Point(START + number * 28 * DAY, value) for number, value in enumerate(course_values)]
    line = None if target is None else Line(YEAR, 0, target)
    chart = draw(YEAR, course, line, forecast, whole_scale=None)
    drawn = [*(chart.trajectory or ()), *(chart.forecast or ()), *(place for piece in chart.actual for place in piece)]
    assert all(LEFT <= place.x <= WIDTH - RIGHT and TOP - 0.1 <= place.y <= FLOOR for place in drawn)
    assert sum(map(len, chart.actual)) == sum(value is not None for value in course_values)
