"""The report as one page: no script, nothing from elsewhere, and made for paper as much as for a screen."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pcare_cli.reporting import drawing, words
from pcare_cli.reporting.document import Course, Kpi, Number, Report
from pcare_cli.reporting.drawing import Drawing, draw
from pcare_cli.reporting.meanings import Meaning, meaning
from pcare_cli.reporting.replayed import Check, Difference
from pcare_cli.reporting.signing import region
from pcare_kpi_aggregator.board.chart import MONTHS
from pcare_schemas.kpis.areas import NCL
from pcare_schemas.kpis.catalogue import COMPONENTS

TEMPLATES = Path(__file__).with_name("templates")
YEARS = 3
EXACT = "Exact numbers, small ones too. For the audit only: do not publish."
PUBLIC = "Disclosure control is applied: small numbers are withheld, others rounded."
SHORT_MARKS = {EXACT: "EXACT NUMBERS: DO NOT PUBLISH", PUBLIC: "Small numbers withheld"}
"""What stands on every sheet of paper."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The differences of one kind, with what they mean."""

    name: str
    meaning: Meaning
    listed: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class Line:
    """A year's row of the table beside a drawing: as it opened, and at each month's end."""

    year: str
    actual: Sequence[str]
    trajectory: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A KPI month by month."""

    kpi: Kpi
    drawing: Drawing
    says: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Group:
    """The numbers of one KPI in one year."""

    kpi: Kpi
    numbers: Sequence[Number]

    @property
    def empty(self) -> bool:
        """Whether nothing was counted, in any way: a table of noughts would hide the others."""
        ways = [way for one in self.numbers for way in (one.replay, one.sql, one.stream) if way is not None]
        return not any(one.suppressed or not one.exact for one in self.numbers) and not any(
            way.value or way.denominator for way in ways
        )


@dataclass(frozen=True, slots=True)
class Glance:
    """A KPI's number for the whole of NCL in the newest year."""

    kpi: Kpi
    number: Number


def render(report: Report, document: bytes, sha256: str) -> bytes:
    """Return the page, not yet signed. `document` is the report's JSON, `sha256` its hash."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(
        seen=words.seen,
        ours=words.ours,
        moment=words.moment,
        short=words.short,
        day=words.day,
        css=lambda text: Markup(words.css_string(text)),  # noqa: S704 - nothing in it ends a string of CSS
        commands=lambda text: Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text)))),  # noqa: S704 - escaped
    )
    mark = PUBLIC if report.public else EXACT
    page = environment.get_template("report.html").render(
        report=report,
        replay=report.replay,
        mark=mark,
        short_mark=SHORT_MARKS[mark],
        running=f"{report.system}: audit report of {words.day(report.made_at)}",
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704 - a file of this package
        verdict=words.verdict(report),
        in_full=words.verdict_in_full(report),
        state="equal" if report.replay.equal else "unequal" if report.replay.differences_total else "undecided",
        kinds=kinds(report.replay.differences),
        checks=checks(report.replay.checks),
        years=[(year, groups(report, year)) for year in reversed(words.years_shown(report, YEARS))],
        older=older(report),
        glance=glance(report),
        components=figures(report),
        not_drawn=not_drawn(report),
        months=("Opening", *MONTHS),
        size=drawing,
        names=words.AREA_NAMES,
        number=words.number,
        value=words.value,
        many=words.many,
        json_sha256=sha256,
        json_bytes=len(document),
        region=Markup(region(None).decode()),  # noqa: S704 - no word of anybody else's
    )
    return page.encode()


def kinds(differences: Sequence[Difference]) -> list[Kind]:
    """Return the differences by kind, in the order in which a kind comes first."""
    names = dict.fromkeys(one.kind for one in differences)
    return [Kind(name, meaning(name), [one for one in differences if one.kind == name]) for name in names]


def checks(every: Sequence[Check]) -> list[Check]:
    """Return the checks, those that found something first."""
    return sorted(every, key=lambda check: check.differences == 0)


def groups(report: Report, year: str) -> list[Group]:
    """Return a year's numbers by KPI."""
    of_year: dict[str, list[Number]] = {}
    for number in report.numbers:
        if number.year == year:
            of_year.setdefault(number.kpi, []).append(number)
    return [Group(kpi, of_year[kpi.id]) for kpi in report.kpis if kpi.id in of_year]


def older(report: Report) -> list[Number]:
    """Return the numbers of years that are not shown in full."""
    shown = words.years_shown(report, YEARS)
    return [number for number in report.numbers if number.year not in shown]


def glance(report: Report) -> list[Glance]:
    """Return the newest year's numbers for all NCL."""
    newest = words.years_shown(report, 1)
    numbers = {one.kpi: one for one in report.numbers if one.area == NCL and one.year in newest}
    return [Glance(kpi, numbers[kpi.id]) for kpi in report.kpis if kpi.id in numbers]


def figures(report: Report) -> list[tuple[str, list[Figure]]]:
    """Return the drawings by component, in the plan's order."""
    of_kpi: dict[str, list[Course]] = {}
    for course in report.courses:
        of_kpi.setdefault(course.kpi, []).append(course)
    drawn = [_figure(kpi, of_kpi[kpi.id]) for kpi in report.kpis if _has_values(of_kpi.get(kpi.id, []))]
    found = [(name, [one for one in drawn if one.kpi.component == name]) for name in COMPONENTS]
    return [("All components" if name == "all" else name.capitalize(), some) for name, some in found if some]


def not_drawn(report: Report) -> list[str]:
    """Return the titles of what has a target, and nothing was recorded for."""
    drawn = {course.kpi for course in report.courses if _has_values([course])}
    without = {course.kpi for course in report.courses} - drawn
    return [kpi.title for kpi in report.kpis if kpi.id in without]


def _has_values(courses: Sequence[Course]) -> bool:
    return any(point.value for course in courses for point in course.points)


def _figure(kpi: Kpi, courses: Sequence[Course]) -> Figure:
    whole_scale = 100 if kpi.kind == "share" else None
    return Figure(
        kpi, draw(courses, whole_scale=whole_scale), _says(kpi, courses), [_line(kpi, one) for one in courses]
    )


def _says(kpi: Kpi, courses: Sequence[Course]) -> str:
    said: list[Any] = []
    for course in courses:
        last = course.points[-1]
        said.append(f"{course.year}: {words.value(kpi, last.value)}")
        if course.target is not None:
            said[-1] += f", target {words.value(kpi, course.target)}"
    return f"{'; '.join(said)}."


def _line(kpi: Kpi, course: Course) -> Line:
    ahead = len(MONTHS) + 1 - len(course.points)
    actual = [words.value(kpi, point.value) for point in course.points] + [""] * ahead
    if course.target is None:
        return Line(course.year, actual, None)
    trajectory = [words.value(kpi, point.trajectory) for point in course.points]
    return Line(course.year, actual, trajectory + [""] * ahead)
