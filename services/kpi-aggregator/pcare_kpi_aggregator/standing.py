"""Where a KPI stands: against its target, against the straight line there, and where the present rate would lead.

Pure: numbers in, numbers and words out. What a KPI's values do within a year is its `course`:

    year      they grow from the year's opening (people referred in the year)
    standing  they carry over from the year before (people with an active plan)
    level     they have no growth to speak of (a share, a mean): the target holds all year
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol

from pcare_kpi_aggregator import wording
from pcare_kpi_aggregator.years import DAY, end_of, start_of
from pcare_schemas import code_lists

TOO_EARLY = 14 * DAY
"""In a year's first days a few events more or less would swing the forecast by thousands."""

Against = Literal["short", "on", "ahead"]


class Measured(Protocol):
    """What is to be known of a KPI."""

    @property
    def kind_of_value(self) -> Literal["count", "share", "mean"]:
        """What its values are."""
        ...

    @property
    def course(self) -> Literal["year", "standing", "level"]:
        """How they move within a year."""
        ...

    @property
    def rule(self) -> Any:
        """Its rule in the catalogue."""
        ...


class CoursePoint(Protocol):
    """A value at an instant."""

    @property
    def instant(self) -> int:
        """When."""
        ...

    @property
    def value(self) -> float | None:
        """The value; None where there is none."""
        ...

    @property
    def denominator(self) -> int | None:
        """What a share or a mean is taken of."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """The straight line that leads to a year's target."""

    year: int
    opening: float
    target: float

    def at(self, instant: int) -> float:
        """Return the line's height; outside the year that of its nearer end."""
        start, end = start_of(self.year), end_of(self.year)
        gone = min(max((instant - start) / (end - start), 0.0), 1.0)
        return self.opening + (self.target - self.opening) * gone


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a KPI stands in an area and a year. `gap` is value less trajectory: negative when short of it."""

    value: float | None
    target: float | None
    trajectory: float | None
    gap: float | None
    forecast: float | None
    words: str
    against: Against | None
    """The gap in one word, as it is after rounding for people."""


def line_of(
    kpi: Measured, year: int, target: float | None, previous_target: float | None, opening: float | None
) -> Line | None:
    """Return the trajectory of a year; None without a target. `opening` is the value with which the year began."""
    if target is None:
        return None
    if kpi.course == "level":
        return Line(year, target, target)
    if kpi.course == "standing" and previous_target is not None:
        return Line(year, previous_target, target)
    return Line(year, opening or 0, target)


def standing_of(
    kpi: Measured,
    year: int,
    target: float | None,
    previous_target: float | None,
    course: Sequence[CoursePoint],
    *,
    at: int,
) -> Standing:
    """Return where a KPI stands at the instant `at`.

    `course` are its values in the year: the first as the year opened, the last as at `at`, or as the year closed.
    """
    now = course[-1]
    closed = at >= end_of(year)
    line = line_of(kpi, year, target, previous_target, course[0].value)
    trajectory = None if line is None else _rounded(line.target if closed else line.at(at))
    gap = None if trajectory is None or now.value is None else _rounded(now.value - trajectory)
    forecast = None if closed else forecast_of(kpi, year, course, at)
    shown = None if gap is None or now.value is None else wording.gap(kpi.kind_of_value, now.value, trajectory or 0)
    words = "; ".join(_words(kpi, shown, forecast, now, closed=closed))
    return Standing(now.value, target, trajectory, gap, forecast, words, _against(shown))


def forecast_of(kpi: Measured, year: int, course: Sequence[CoursePoint], at: int) -> float | None:
    """Return the value at the year's end if it goes on at the rate of the year so far."""
    opening, now, start = course[0].value or 0, course[-1].value, start_of(year)
    if kpi.course == "level" or now is None or not start + TOO_EARLY <= at < end_of(year):
        return None
    gone = (at - start) / (end_of(year) - start)
    forecast = max(opening + (now - opening) / gone, 0.0)
    most = most_of(kpi)
    return _rounded(forecast if most is None else min(forecast, most))


def most_of(kpi: Measured) -> int | None:
    """Return the most that a KPI can be: for members of a code list, how many there are."""
    if kpi.rule.count != "reached":
        return None
    situations, areas = _situations_and_areas()
    return situations if kpi.rule.by == "situation" else areas


@cache
def _situations_and_areas() -> tuple[int, int]:
    situations = code_lists.built_in()["situations"].codes.values()
    return len(situations), len({code.area for code in situations if code.area is not None})


def _words(kpi: Measured, shown: float | None, forecast: float | None, now: CoursePoint, *, closed: bool) -> list[str]:
    if now.value is None:
        return [_why_no_value(kpi, now, closed=closed)]
    said = ["no target is set"]
    if shown is not None:
        aim = "target" if closed or kpi.course == "level" else "trajectory"
        said = [_against_in_words(kpi, shown, aim, closed=closed)]
    if forecast is not None:
        said.append(f"at the present rate {wording.about(forecast)} by 31 March")
    elif not closed and kpi.course != "level":
        said.append("too early to say where the year will end")
    return said


def _why_no_value(kpi: Measured, now: CoursePoint, *, closed: bool) -> str:
    at_least = getattr(kpi.rule, "at_least", None)
    no_number = "no number" if closed else "no number yet"
    if at_least and now.denominator:
        return f"{no_number}: fewer than {at_least} answers"
    return f"{no_number}: nothing is recorded to work it out from"


def _against_in_words(kpi: Measured, shown: float, aim: str, *, closed: bool) -> str:
    if shown == 0:
        return f"exactly the {aim}" if closed else f"on the {aim}"
    side = "short of" if shown < 0 else "over" if aim == "target" else "ahead of"
    return f"{wording.difference(kpi.kind_of_value, abs(shown))} {side} the {aim}"


def _against(shown: float | None) -> Against | None:
    if shown is None:
        return None
    return "short" if shown < 0 else "ahead" if shown > 0 else "on"


def _rounded(value: float) -> float:
    return round(value, 2)
