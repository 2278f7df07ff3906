"""From sums to KPIs: finished for each borough and for NCL separately, because parts of a whole may not be added up."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pcare_kpi_aggregator.rules import Rule
from pcare_kpi_aggregator.tally import Cell
from pcare_kpi_aggregator.years import year_of
from pcare_schemas import code_lists

NCL = "NCL"
"""The area that is the whole."""

NCL_ONLY = "NCL only"
"""The area of subjects without a borough (a commissioner, some teams): part of NCL, of none of its boroughs."""

BOROUGHS: Mapping[str, str] = {
    borough.code: borough.name for borough in code_lists.built_in()["boroughs"].codes.values()
}
"""The boroughs of North Central London by GSS code."""


class KpiValue(NamedTuple):
    """One number. `area` is a GSS code, `NCL`, or `NCL only`."""

    kpi: str
    area: str
    year: int
    value: int


def add_up(parts: Iterable[Mapping[Cell, int]]) -> dict[Cell, int]:
    """Return the plain sum of several partitions' counts."""
    total: defaultdict[Cell, int] = defaultdict(int)
    for counts in parts:
        for cell, count in counts.items():
            total[cell] += count
    return dict(total)


def finish(rules: Mapping[str, Rule], counts: Mapping[Cell, int], at: int) -> list[KpiValue]:
    """Return each KPI's value for NCL and each borough, in every year from the first counted to that of `at`.

    `counts` are the sums of all partitions. A year that has not begun before `at` is left out: not all partitions may
    have come to it. `NCL only` has rows only where something counts under it.
    """
    last = year_of(at - 1)
    first = min((year for _, _, year in counts if year <= last), default=last)
    areas = _by_area(counts)
    return [
        KpiValue(kpi, area, year, rule.finish(parts, year))
        for kpi, rule in rules.items()
        for area, parts in areas.items()
        for year in range(first, last + 1)
        if area != NCL_ONLY or rule.finish(parts, year)
    ]


def _by_area(counts: Mapping[Cell, int]) -> dict[str, dict[str, dict[int, int]]]:
    areas: dict[str, dict[str, dict[int, int]]] = {area: {} for area in (NCL, *BOROUGHS, NCL_ONLY)}
    for (part, borough, year), count in counts.items():
        own = borough if borough in BOROUGHS else NCL_ONLY
        for area in (NCL, own):
            years = areas[area].setdefault(part, {})
            years[year] = years.get(year, 0) + count
    return areas
