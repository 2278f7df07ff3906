"""Puts a report together: numbers beside their targets, each KPI's months beside its trajectory. Pure."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from pcare_cli.reporting.document import FORMAT, Course, Kpi, Number, Point, Report
from pcare_cli.reporting.replayed import KpiRow, Kpis, Replayed, counted
from pcare_cli.reporting.standing_by import Standby
from pcare_kpi_aggregator.finish import Finished
from pcare_kpi_aggregator.standing import Standing, line_of, standing_of
from pcare_kpi_aggregator.years import instant_of, iso, moment_of
from pcare_schemas.kpis import catalogue as catalogues
from pcare_schemas.kpis import targets as targets_files
from pcare_schemas.kpis.areas import BOROUGHS, NCL, NCL_ONLY
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.targets import Targets
from pcare_schemas.kpis.year_labels import label, year_from_label

YEARS = 3
"""How many financial years are drawn and listed; the file of JSON has the numbers of all."""

Key = tuple[str, str, int]
"""KPI, area and financial year."""

AREAS = (NCL, *BOROUGHS, NCL_ONLY)


@dataclass(frozen=True, slots=True)
class Plan:
    """By what is counted and what is aimed at."""

    catalogue: Catalogue
    targets: Targets
    targets_sha256: str

    @classmethod
    def load(cls, catalogue: Path | None = None, targets: Path | None = None) -> "Plan":
        """Read the files, the built-in ones by default. Raises DataFileError."""
        kpis = catalogues.load(catalogue)
        goals = targets_files.load(targets, kpis.ids)
        return cls(kpis, goals, hashlib.sha256((targets or targets_files.BUILT_IN).read_bytes()).hexdigest())


@dataclass(frozen=True, slots=True)
class Made:
    """By whom, when and why a report is made, and of which system. `made_at` is ISO 8601, UTC."""

    system: str
    made_at: str
    who: str
    why: str


def at_of(replay: Replayed) -> int:
    """Return the instant that the numbers are as at; where there are none, when the replay ended. Raises ValueError."""
    text = replay.kpis.instant if replay.kpis else replay.ended
    return instant_of(datetime.fromisoformat(text))


def gather(
    replay: Replayed,
    result: bytes,
    plan: Plan,
    made: Made,
    months: Finished | None,
    *,
    months_why_not: str | None = None,
    standby: Standby | None = None,
    years: int = YEARS,
) -> Report:
    """Return the report of a replay. `result` is its file; `months` its counts month by month, if there are any."""
    seen = standby or Standby()
    at = at_of(replay)
    rows = replay.kpis.rows if replay.kpis else []
    numbers = [_number(row, plan, months, at) for row in rows]
    courses = [] if months is None else list(_courses(plan, months, years))
    kept = replay if replay.kpis is None else msgspec.structs.replace(replay, kpis=Kpis(replay.kpis.instant, []))
    return Report(
        format=FORMAT,
        system=made.system,
        made_at=made.made_at,
        who=made.who,
        why=made.why,
        public=False,
        result_sha256=hashlib.sha256(result).hexdigest(),
        replay=kept,
        catalogue=plan.catalogue.version,
        targets_sha256=plan.targets_sha256,
        kpis=_kpis(plan.catalogue, numbers),
        numbers=sorted(numbers, key=_order(plan.catalogue)),
        courses=courses,
        courses_why_not=None if courses else months_why_not or "the record holds no event of any KPI",
        checkpoint=seen.checkpoint,
        checkpoint_why_not=seen.checkpoint_why_not,
        acts=seen.acts,
        acts_why_not=seen.acts_why_not,
        notes=_notes(plan, months, numbers),
    )


def _kpis(catalogue: Catalogue, numbers: Iterable[Number]) -> list[Kpi]:
    known = [
        Kpi(one.id, one.component, one.title, one.unit, one.kind_of_value, one.course, one.personal, one.words)
        for one in catalogue.kpis
    ]
    # one that the replay counted by another catalogue: of it is shown what can be, and it is taken to count people
    others = dict.fromkeys(number.kpi for number in numbers if number.kpi not in catalogue.ids)
    return known + [Kpi(kpi, "all", kpi, "", "count", "year", True, None) for kpi in others]


def _order(catalogue: Catalogue):  # type: ignore[no-untyped-def] # a key for sorting
    kpis, areas = list(catalogue.ids), list(AREAS)

    def key(number: Number) -> tuple[str, int, str, int]:
        kpi = kpis.index(number.kpi) if number.kpi in kpis else len(kpis)
        return number.year, kpi, number.kpi, areas.index(number.area) if number.area in areas else len(areas)

    return key


def _number(row: KpiRow, plan: Plan, months: Finished | None, at: int) -> Number:
    target = standing = None
    if row.kpi in plan.catalogue.ids:
        year = year_from_label(row.year)
        target = plan.targets.value(row.kpi, row.borough, year)
        standing = None if months is None else _standing((row.kpi, row.borough, year), plan, months, at)
    return Number(
        kpi=row.kpi,
        area=row.borough,
        year=row.year,
        exact=row.exact,
        replay=counted(row.replay),
        sql=counted(row.sql),
        stream=counted(row.stream),
        replay_at_stream=counted(row.replay_at_stream),
        target=target,
        trajectory=standing.trajectory if standing else None,
        words=standing.words if standing else None,
    )


def _standing(of: Key, plan: Plan, months: Finished, at: int) -> Standing | None:
    kpi, area, year = of
    course = months.course(kpi, area, year)
    if not course:
        return None
    goals = plan.targets
    before = goals.value(kpi, area, year - 1)
    return standing_of(plan.catalogue[kpi], year, goals.value(kpi, area, year), before, course, at=at)


def _courses(plan: Plan, months: Finished, years: int) -> Iterable[Course]:
    """Give the courses of the newest years for all NCL; none of a KPI that has neither a target nor a value."""
    shown = range(max(months.first_year, months.last_year - years + 1), months.last_year + 1)
    for kpi in plan.catalogue.kpis:
        courses = [_course(kpi.id, year, plan, months) for year in shown]
        if any(course.target is not None or any(point.value for point in course.points) for course in courses):
            yield from courses


def _course(kpi: str, year: int, plan: Plan, months: Finished) -> Course:
    points = months.course(kpi, NCL, year)
    goals = plan.targets
    target, before = goals.value(kpi, NCL, year), goals.value(kpi, NCL, year - 1)
    line = line_of(plan.catalogue[kpi], year, target, before, points[0].value)
    return Course(
        kpi=kpi,
        year=label(year),
        points=[
            Point(iso(one.instant), one.value, None if line is None else round(line.at(one.instant), 2))
            for one in points
        ],
        opening=None if line is None else line.opening,
        target=target,
    )


def _notes(plan: Plan, months: Finished | None, numbers: Sequence[Number]) -> list[str]:
    notes = []
    assumed: dict[str, list[str]] = {}
    for kpi in plan.catalogue.kpis:
        if note := plan.targets.note(kpi.id, NCL):
            assumed.setdefault(note, []).append(kpi.title)
    notes += [f"{note} This is so for: {'; '.join(titles)}." for note, titles in assumed.items()]
    if months is not None and (unlike := _unlike(plan, months, numbers)):
        notes.append(
            f"The months are drawn from the database. In {len(unlike)} cases the last month is not the number that the "
            f"replay counted, such as {unlike[0]}: something was recorded since the replay, or the database differs."
        )
    return notes


def _unlike(plan: Plan, months: Finished, numbers: Iterable[Number]) -> list[str]:
    found = []
    for number in numbers:
        if number.area != NCL or number.kpi not in plan.catalogue.ids:
            continue
        course = months.course(number.kpi, NCL, year_from_label(number.year))
        if course and number.replay is not None and course[-1].value != number.replay.value:
            found.append(f"{plan.catalogue[number.kpi].title} of {number.year}")
    return found


def moment_text(at: int) -> str:
    """Return an instant as ISO 8601 in UTC, to the second."""
    return moment_of(at).strftime("%Y-%m-%dT%H:%M:%SZ")
