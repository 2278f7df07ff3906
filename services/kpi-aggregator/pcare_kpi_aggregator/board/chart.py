"""The lines of one KPI through one financial year, as places on a drawing. The template turns them into SVG.

Pure geometry: nothing here knows colours, words or HTML. Coordinates have one decimal, so that a drawing, and with it
the page's ETag, changes only when someone could see it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from pcare_kpi_aggregator.standing import CoursePoint, Line
from pcare_kpi_aggregator.years import end_of, midnight, start_of

WIDTH, HEIGHT = 560.0, 264.0
LEFT, RIGHT, TOP, BOTTOM = 72.0, 14.0, 14.0, 30.0

TICKS_AT_MOST = 5
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)

MONTHS = ("Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb", "Mar")
_MONTHS_A_QUARTER = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A point of the drawing."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Month:
    """A month on the time axis: where it begins, where its name stands, and whether it begins a quarter."""

    name: str
    begins: float
    middle: float
    quarter: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the value axis."""

    value: float
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawing. `actual` is in pieces where there are months without a value."""

    ticks: tuple[Tick, ...]
    months: tuple[Month, ...]
    actual: tuple[tuple[Place, ...], ...]
    trajectory: tuple[Place, Place] | None
    forecast: tuple[Place, Place] | None
    now: Place | None


@dataclass(frozen=True, slots=True)
class _Scale:
    year: int
    top: float

    def x(self, instant: int) -> float:
        start, end = start_of(self.year), end_of(self.year)
        gone = min(max((instant - start) / (end - start), 0.0), 1.0)
        return round(LEFT + gone * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM), 1)

    def place(self, instant: int, value: float) -> Place:
        return Place(self.x(instant), self.y(value))


def draw(
    year: int, course: Sequence[CoursePoint], line: Line | None, forecast: float | None, *, whole_scale: float | None
) -> Chart:
    """Return the drawing of a year. `whole_scale` fixes the value axis (100 for shares); else it fits what is drawn."""
    values = [point.value for point in course if point.value is not None]
    highest = max([*values, *([line.opening, line.target] if line else []), forecast or 0], default=0)
    ticks = ticks_for(highest) if whole_scale is None else ticks_for(whole_scale)
    scale = _Scale(year, ticks[-1])
    pieces = _pieces(course, scale)
    return Chart(
        ticks=tuple(Tick(value, scale.y(value)) for value in ticks),
        months=_months(year),
        actual=pieces,
        trajectory=_across(scale, line.opening, line.target) if line else None,
        forecast=_onwards(scale, course[-1], forecast),
        now=pieces[-1][-1] if pieces and course[-1].value is not None else None,
    )


def ticks_for(highest: float) -> list[float]:
    """Return round values from 0 to at least `highest`, few enough to be read. Small numbers get whole ones."""
    if highest <= 1:
        return [0.0, 1.0]
    rough = highest / TICKS_AT_MOST
    unit = 10.0 ** math.floor(math.log10(rough))
    step = max(1.0, next(step * unit for step in _STEPS if step * unit >= rough * (1 - 1e-9)))
    step = float(math.ceil(step))
    many = max(1, math.ceil(highest / step - 1e-9))
    return [step * number for number in range(many + 1)]


def _pieces(course: Sequence[CoursePoint], scale: _Scale) -> tuple[tuple[Place, ...], ...]:
    pieces: list[list[Place]] = [[]]
    for point in course:
        if point.value is not None:
            pieces[-1].append(scale.place(point.instant, point.value))
        elif pieces[-1]:
            pieces.append([])
    return tuple(tuple(piece) for piece in pieces if piece)


def _across(scale: _Scale, opening: float, target: float) -> tuple[Place, Place]:
    return scale.place(start_of(scale.year), opening), scale.place(end_of(scale.year), target)


def _onwards(scale: _Scale, now: CoursePoint, forecast: float | None) -> tuple[Place, Place] | None:
    if forecast is None or now.value is None:
        return None
    return scale.place(now.instant, now.value), scale.place(end_of(scale.year), forecast)


@lru_cache(maxsize=64)
def _months(year: int) -> tuple[Month, ...]:
    scale = _Scale(year, 1)
    begins = [scale.x(midnight(date(year + (m > 8), (m + 3) % 12 + 1, 1))) for m in range(12)]
    ends = [*begins[1:], scale.x(end_of(year))]
    return tuple(
        Month(name, begin, round((begin + end) / 2, 1), number % _MONTHS_A_QUARTER == 0)
        for number, (name, begin, end) in enumerate(zip(MONTHS, begins, ends, strict=True))
    )
