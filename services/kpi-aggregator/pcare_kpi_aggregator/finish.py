"""From sums to KPIs: finished for each borough and for NCL separately, because parts of a whole may not be added up."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pcare_kpi_aggregator.counts import Lines
from pcare_kpi_aggregator.rules.rule import Rule, Value
from pcare_kpi_aggregator.sums import Seen, Sums, by_area, first_year
from pcare_kpi_aggregator.years import end_of_month, first_month, last_month, start_of, year_of
from pcare_schemas.kpis.areas import NCL_ONLY


class KpiValue(NamedTuple):
    """One number. `area` is a GSS code, `NCL`, or `NCL only`.

    A count is its own numerator and has no denominator. `value` is None where nothing, or too little, stands behind a
    share or a mean.
    """

    kpi: str
    area: str
    year: int
    value: int | float | None
    numerator: int
    denominator: int | None


class Point(NamedTuple):
    """A KPI's value at an instant: a month's end, the opening of a year, or the instant that was counted at."""

    instant: int
    value: int | float | None
    numerator: int
    denominator: int | None


class Finished:
    """Everything that the counts of all partitions come to at the instant `at`."""

    def __init__(self, rules: Mapping[str, Rule], told: Iterable[Lines], at: int) -> None:
        told = list(told)
        self._rules = rules
        self._at = at
        self._areas = by_area(told)
        self.last_year = year_of(at - 1)
        first = first_year(told)
        self.first_year = self.last_year if first is None else min(first, self.last_year)

    def values(self) -> list[KpiValue]:
        """Return each KPI's value for NCL and each borough, in every year from the first counted to that of `at`.

        A year that has not begun before `at` is left out: not all partitions may have come to it. `NCL only` has rows
        only where something counts under it.
        """
        return [
            KpiValue(kpi, area, year, *value)
            for kpi, rule in self._rules.items()
            for area, sums in self._areas.items()
            for year in range(self.first_year, self.last_year + 1)
            if _shown(area, value := rule.finish(Seen(sums, year, last_month(year))))
        ]

    def course(self, kpi: str, area: str, year: int) -> list[Point]:
        """Return how a KPI went through a year: as the year opened, at each month's end, and at `at` where it runs.

        Nothing for a year that has not begun.
        """
        if year > self.last_year:
            return []
        rule, sums = self._rules[kpi], self._areas[area]
        months = range(first_month(year), last_month(year) + 1)
        points = [_point(rule, sums, year, first_month(year) - 1, start_of(year))]
        for month in months:
            if end_of_month(month) >= self._at:
                return [*points, _point(rule, sums, year, months[-1], self._at)]
            points.append(_point(rule, sums, year, month, end_of_month(month)))
        return points


def _shown(area: str, value: Value) -> bool:
    return area != NCL_ONLY or bool(value.numerator or value.denominator)


def _point(rule: Rule, sums: Sums, year: int, month: int, instant: int) -> Point:
    return Point(instant, *rule.finish(Seen(sums, year, month)))
