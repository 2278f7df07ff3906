"""The standing of every KPI, area and year of an answer, worked out once for all who show it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pcare_kpi_aggregator.standing import CoursePoint, Line, Standing, line_of, standing_of
from pcare_kpi_aggregator.years import end_of
from pcare_schemas.kpis.catalogue import Catalogue, Kpi
from pcare_schemas.kpis.targets import Targets

Key = tuple[str, str, int]
"""KPI, area and financial year."""


class Value(Protocol):
    """A KPI's number, finished."""

    @property
    def kpi(self) -> str:
        """Which KPI."""
        ...

    @property
    def area(self) -> str:
        """Where."""
        ...

    @property
    def year(self) -> int:
        """In which financial year."""
        ...

    @property
    def value(self) -> float | None:
        """The number; None where there is none."""
        ...

    @property
    def numerator(self) -> int:
        """What was counted."""
        ...

    @property
    def denominator(self) -> int | None:
        """What a share or a mean is taken of."""
        ...


class Answered(Protocol):
    """All numbers as at one instant, and how they came about within a year."""

    @property
    def oldest(self) -> int | None:
        """The instant counted at."""
        ...

    @property
    def values(self) -> Sequence[Value]:
        """The numbers."""
        ...

    def course(self, kpi: str, area: str, year: int) -> Sequence[CoursePoint]:
        """Return the values of a year from its opening to its end, or to the instant counted at."""
        ...


class _Closed(NamedTuple):
    instant: int
    value: float | None
    denominator: int | None


class Standings:
    """Remembers the standings of the latest answer that it was asked about."""

    def __init__(self, catalogue: Catalogue, targets: Targets) -> None:
        self._kpis = {kpi.id: kpi for kpi in catalogue.kpis}
        self._targets = targets
        self._answer: Answered | None = None
        self._known: dict[Key, Standing] = {}

    def of(self, answer: Answered, value: Value) -> Standing:
        """Return where a number of a complete answer stands."""
        if answer is not self._answer:
            self._answer, self._known = answer, {}
        key = (value.kpi, value.area, value.year)
        standing = self._known.get(key)
        if standing is None:
            standing = self._known[key] = self._make(answer, value)
        return standing

    def line(self, kpi: Kpi, area: str, year: int, course: Sequence[CoursePoint]) -> Line | None:
        """Return the trajectory of a year, to draw it."""
        return line_of(kpi, year, *self._two_targets(kpi.id, area, year), course[0].value)

    def _make(self, answer: Answered, value: Value) -> Standing:
        at = answer.oldest or 0
        course: Sequence[CoursePoint]
        if at >= end_of(value.year):  # how it came about makes no difference any more
            course = [_Closed(end_of(value.year), value.value, value.denominator)]
        else:
            course = answer.course(value.kpi, value.area, value.year)
        targets = self._two_targets(value.kpi, value.area, value.year)
        return standing_of(self._kpis[value.kpi], value.year, *targets, course, at=at)

    def _two_targets(self, kpi: str, area: str, year: int) -> tuple[float | None, float | None]:
        return self._targets.value(kpi, area, year), self._targets.value(kpi, area, year - 1)
