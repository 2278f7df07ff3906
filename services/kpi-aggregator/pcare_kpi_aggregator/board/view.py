"""From an answer to what the page shows of one year: texts and drawings, ready to be put into the template."""

from collections.abc import Sequence
from dataclasses import dataclass

from pcare_kpi_aggregator import wording
from pcare_kpi_aggregator.board.chart import Chart, draw
from pcare_kpi_aggregator.standing import Against, CoursePoint, Line, Standing, most_of
from pcare_kpi_aggregator.standings import Answered, Key, Standings, Value
from pcare_kpi_aggregator.years import end_of
from pcare_schemas.kpis.areas import BOROUGHS, NCL, NCL_ONLY
from pcare_schemas.kpis.catalogue import COMPONENTS, Catalogue, Kpi
from pcare_schemas.kpis.rules import MeanRule
from pcare_schemas.kpis.targets import Comparison, Targets
from pcare_schemas.kpis.year_labels import ALWAYS, label, year_from_label

AREA_NAMES = {NCL: "North Central London", NCL_ONLY: "NCL only (no borough)", **BOROUGHS}

WHOLES = frozenset({"London", "England"})
"""Places that NCL is a part of, so that its share of them says something."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gap as a mark: its direction, and the same in two words."""

    against: Against
    words: str


@dataclass(frozen=True, slots=True)
class AreaView:
    """An area's line in the table. `bar` is its length in percent."""

    name: str
    number: str
    basis: str
    bar: float | None
    target: str
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class CourseRow:
    """A moment of the course, for those who read the drawing as a table."""

    day: str
    actual: str
    trajectory: str


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """What another place reached or aims at. `share` is NCL's part of it, where it has one."""

    place: str
    when: str
    number: str
    words: str
    share: str


@dataclass(frozen=True, slots=True)
class KpiView:
    """One KPI of the page."""

    id: str
    title: str
    number: str
    unit: str
    basis: str
    """What a share or mean is taken of."""
    standing: str
    """The gap in words."""
    outlook: str
    """The forecast in words, if there is one."""
    verdict: Verdict | None
    target: str | None
    trajectory: str | None
    has_line: bool
    level: bool
    plan_words: str | None
    notes: Sequence[str]
    comparisons: Sequence[ComparisonView]
    chart: Chart
    chart_words: str
    course: Sequence[CourseRow]
    areas: Sequence[AreaView]
    whole: AreaView
    area_targets: bool


@dataclass(frozen=True, slots=True)
class ComponentView:
    """A component of the plan, with its KPIs."""

    id: str
    title: str
    kpis: Sequence[KpiView]


@dataclass(frozen=True, slots=True)
class YearView:
    """All that the page shows of a year."""

    year: str
    ends: int
    """The calendar year of its 31 March."""
    closed: bool
    components: Sequence[ComponentView]


class Views:
    """Makes views of answers; keeps nothing."""

    def __init__(self, catalogue: Catalogue, targets: Targets, standings: Standings) -> None:
        self._catalogue = catalogue
        self._targets = targets
        self._standings = standings

    def year(self, answer: Answered, year: int) -> YearView:
        """Return the view of one year of a complete answer that has this year."""
        values = {(value.kpi, value.area, value.year): value for value in answer.values if value.year == year}
        components = [
            ComponentView(
                id=component.replace(" ", "-"),
                title="All components" if component == "all" else component.capitalize(),
                kpis=[self._kpi(answer, kpi, year, values) for kpi in kpis],
            )
            for component in COMPONENTS
            if (kpis := [kpi for kpi in self._catalogue.kpis if kpi.component == component])
        ]
        return YearView(label(year), year + 1, _closed(answer, year), components)

    def _kpi(self, answer: Answered, kpi: Kpi, year: int, values: dict[Key, Value]) -> KpiView:
        value = values[kpi.id, NCL, year]
        standing = self._standings.of(answer, value)
        course = answer.course(kpi.id, NCL, year)
        line = self._standings.line(kpi, NCL, year, course)
        kind = kpi.kind_of_value
        areas = [values[key] for area in (*BOROUGHS, NCL_ONLY) if (key := (kpi.id, area, year)) in values]
        longest = 100 if kind == "share" else max((one.value or 0 for one in areas), default=0)
        said, _, outlook = standing.words.partition("; ")
        area_views = [self._area(answer, kpi, one, longest) for one in areas]
        return KpiView(
            id=kpi.id,
            title=kpi.title,
            number=wording.number(kind, value.value),
            unit="" if kind == "share" else kpi.unit,
            basis=_basis(kpi, value),
            standing=_sentence(said),
            outlook=_sentence(outlook),
            verdict=_verdict(kpi, standing, closed=_closed(answer, year)),
            target=None if standing.target is None else wording.number(kind, standing.target),
            trajectory=None if standing.trajectory is None else wording.number(kind, standing.trajectory),
            has_line=line is not None,
            level=kpi.course == "level",
            plan_words=kpi.words,
            notes=self._notes(kpi, year, standing),
            comparisons=[_compared(one, kpi, value) for one in self._targets.comparisons if one.kpi == kpi.id],
            chart=draw(year, course, line, standing.forecast, whole_scale=100 if kind == "share" else None),
            chart_words=_chart_words(kpi, year, course, standing),
            course=_course(kpi, course, line),
            areas=area_views,
            whole=self._area(answer, kpi, value, None),
            area_targets=any(one.target for one in area_views),
        )

    def _area(self, answer: Answered, kpi: Kpi, value: Value, longest: float | None) -> AreaView:
        standing = self._standings.of(answer, value)
        return AreaView(
            name=AREA_NAMES[value.area],
            number=wording.number(kpi.kind_of_value, value.value),
            basis=_basis(kpi, value),
            bar=None if longest is None else round(100 * (value.value or 0) / longest, 1) if longest else 0.0,
            target="" if standing.target is None else wording.number(kpi.kind_of_value, standing.target),
            verdict=_verdict(kpi, standing, closed=_closed(answer, value.year)),
        )

    def _notes(self, kpi: Kpi, year: int, standing: Standing) -> list[str]:
        notes = []
        target = self._targets.get(kpi.id, NCL)
        if target is not None and standing.target is not None and target.by != ALWAYS:
            by = year_from_label(target.by)
            if year > by:
                notes.append(f"The target was set for {target.by} and holds since then.")
            elif target.note and (year < by or kpi.course == "standing"):
                notes.append(target.note)
        most = most_of(kpi)
        if most is not None and standing.target is not None and most < standing.target:
            notes.append(f"The code list holds {most} so far: until it is longer, no more than {most} can be reached.")
        if not kpi.additive:
            notes.append("North Central London is worked out on its own: it is not the sum of the boroughs.")
        return notes


def _closed(answer: Answered, year: int) -> bool:
    return (answer.oldest or 0) >= end_of(year)


def _basis(kpi: Kpi, value: Value) -> str:
    if value.denominator is None:
        return ""
    if isinstance(kpi.rule, MeanRule):
        return f"from {wording.counted(value.denominator // len(kpi.rule.fields), 'answer')}"
    return f"{value.numerator:,} of {value.denominator:,}"


def _verdict(kpi: Kpi, standing: Standing, *, closed: bool) -> Verdict | None:
    if standing.against is None or standing.value is None or standing.trajectory is None:
        return None
    if standing.against == "on":
        return Verdict("on", "met" if closed else "on it")
    size = abs(wording.gap(kpi.kind_of_value, standing.value, standing.trajectory))
    words = wording.difference(kpi.kind_of_value, size).replace("percentage ", "")  # in a table, beside a percentage
    side = "over" if closed and standing.against == "ahead" else standing.against
    return Verdict(standing.against, f"{words} {side}")


def _compared(one: Comparison, kpi: Kpi, value: Value) -> ComparisonView:
    share = ""
    if kpi.kind_of_value == "count" and one.place in WHOLES and one.value and value.value is not None:
        percent = 100 * value.value / one.value
        share = "less than 0.1%" if 0 < percent < 0.1 else wording.number("share", percent)
    return ComparisonView(
        place=one.place,
        when=f"{one.kind} {one.when}" if one.kind == "ambition" else f"{one.kind}, {one.when}",
        number="" if one.place == AREA_NAMES[NCL] else wording.number(kpi.kind_of_value, one.value),
        words=one.words,
        share=share,
    )


def _chart_words(kpi: Kpi, year: int, course: Sequence[CoursePoint], standing: Standing) -> str:
    kind, last = kpi.kind_of_value, course[-1]
    said = [f"{wording.number(kind, last.value)} by {wording.day(last.instant - 1)}."]
    if standing.trajectory is not None and standing.target is not None:
        said.append(f"Target: {wording.number(kind, standing.target)} by 31 March {year + 1}.")
    said.append(_sentence(standing.words))
    return " ".join(said)


def _sentence(words: str) -> str:
    """Return words as a sentence whose day does not break in two."""
    return f"{words[0].upper()}{words[1:]}.".replace("31 March", "31\N{NO-BREAK SPACE}March") if words else ""


def _course(kpi: Kpi, course: Sequence[CoursePoint], line: Line | None) -> list[CourseRow]:
    kind = kpi.kind_of_value
    return [
        CourseRow(
            day=f"{wording.day(point.instant)} (opening)" if number == 0 else wording.day(point.instant - 1),
            actual=wording.number(kind, point.value),
            trajectory="" if line is None else wording.number(kind, line.at(point.instant)),
        )
        for number, point in enumerate(course)
    ]
