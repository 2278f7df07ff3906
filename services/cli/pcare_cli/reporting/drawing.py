"""The lines of one KPI through several financial years, as places on a drawing. The template turns them into SVG.

Pure geometry: nothing here knows colours, words or HTML. A year is drawn by itself: what counts within it begins anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pcare_cli.reporting.document import Course
from pcare_kpi_aggregator.board.chart import MONTHS, Place, Tick, ticks_for
from pcare_kpi_aggregator.years import end_of, end_of_month, first_month, instant_of, start_of, start_of_month
from pcare_schemas.kpis.year_labels import year_from_label

WIDTH, HEIGHT = 720.0, 196.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 16.0, 28.0, 44.0
FLOOR = HEIGHT - BOTTOM
EVERY_MONTH_UP_TO = 1  # years: of more, only quarters are named


@dataclass(frozen=True, slots=True)
class Month:
    """A month on the time axis. Without a name where there is no room for one."""

    begins: float
    middle: float
    name: str
    year_begins: bool


@dataclass(frozen=True, slots=True)
class Year:
    """One financial year: its name's place, what was, the way to the target, and the target."""

    label: str
    begins: float
    middle: float
    actual: tuple[tuple[Place, ...], ...]
    trajectory: tuple[Place, Place] | None
    target: float | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """All years of a KPI on one scale."""

    ticks: tuple[Tick, ...]
    months: tuple[Month, ...]
    years: tuple[Year, ...]
    now: Place | None


@dataclass(frozen=True, slots=True)
class _Scale:
    first: int
    last: int
    top: float

    def x(self, instant: int) -> float:
        start, end = start_of(self.first), end_of(self.last)
        gone = min(max((instant - start) / (end - start), 0.0), 1.0)
        return round(LEFT + gone * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(FLOOR - value / self.top * (FLOOR - TOP), 1)

    def place(self, instant: int, value: float) -> Place:
        return Place(self.x(instant), self.y(value))


def draw(courses: Sequence[Course], *, whole_scale: float | None = None) -> Drawing:
    """Return the drawing of a KPI's years, in their order. `whole_scale` fixes the value axis (100 for shares)."""
    values = [point.value for course in courses for point in course.points if point.value is not None]
    ends = [end for course in courses for end in (course.opening, course.target) if end is not None]
    ticks = ticks_for(max([*values, *ends], default=0) if whole_scale is None else whole_scale)
    years = [year_from_label(course.year) for course in courses]
    scale = _Scale(years[0], years[-1], ticks[-1])
    drawn = tuple(_year(course, year, scale) for course, year in zip(courses, years, strict=True))
    last = drawn[-1].actual
    return Drawing(
        ticks=tuple(Tick(value, scale.y(value)) for value in ticks),
        months=tuple(_months(years, scale)),
        years=drawn,
        now=last[-1][-1] if last and courses[-1].points[-1].value is not None else None,
    )


def _year(course: Course, year: int, scale: _Scale) -> Year:
    start, end = start_of(year), end_of(year)
    line = None
    if course.target is not None:
        opening = course.target if course.opening is None else course.opening
        line = scale.place(start, opening), scale.place(end, course.target)
    return Year(
        label=course.year,
        begins=scale.x(start),
        middle=round((scale.x(start) + scale.x(end)) / 2, 1),
        actual=_pieces(course, scale),
        trajectory=line,
        target=course.target,
    )


def _pieces(course: Course, scale: _Scale) -> tuple[tuple[Place, ...], ...]:
    """Return what was, in pieces where there are months without a value."""
    pieces: list[list[Place]] = [[]]
    for point in course.points:
        if point.value is not None:
            pieces[-1].append(scale.place(instant_of(datetime.fromisoformat(point.at)), point.value))
        elif pieces[-1]:
            pieces.append([])
    return tuple(tuple(piece) for piece in pieces if piece)


def _months(years: Sequence[int], scale: _Scale) -> list[Month]:
    named = 1 if len(years) <= EVERY_MONTH_UP_TO else 3
    months = []
    for number in range(first_month(years[0]), first_month(years[-1] + 1)):
        of_year = number % len(MONTHS)
        begins, ends = scale.x(start_of_month(number)), scale.x(end_of_month(number))
        name = MONTHS[of_year] if of_year % named == 0 else ""
        middle = begins if named > 1 else round((begins + ends) / 2, 1)
        months.append(Month(begins, middle, name, of_year == 0))
    return months
