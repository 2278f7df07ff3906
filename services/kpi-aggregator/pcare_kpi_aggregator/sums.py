"""The counts of all partitions added up by area, running through the months: so any stretch is a difference."""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from operator import add
from typing import NamedTuple

from pcare_kpi_aggregator.counts import Lines
from pcare_kpi_aggregator.years import MONTHS, first_month
from pcare_schemas.kpis.areas import BOROUGHS, NCL, NCL_ONLY

MEMBER = "/"
"""Parts a part's name: what follows is a member of a code list, or what of the KPI is counted."""


class Sums:
    """One area's sums by part."""

    def __init__(self, origin: int, running: Mapping[str, list[int]]) -> None:
        self._origin = origin
        self._running = running
        self._members: dict[str, list[str]] = {}
        for part in running:
            self._members.setdefault(part.partition(MEMBER)[0], []).append(part)

    def through(self, part: str, month: int) -> int:
        """Return what a part's counts have come to by the end of a month, since ever."""
        running = self._running.get(part)
        if running is None or month < self._origin:
            return 0
        return running[min(month - self._origin, len(running) - 1)]

    def members(self, kpi: str) -> list[str]:
        """Return the parts of a KPI."""
        return self._members.get(kpi, [])


class Seen(NamedTuple):
    """One area's sums, seen from the end of a month of a year; or from the year's opening, a month earlier."""

    sums: Sums
    year: int
    month: int

    def ever(self, part: str) -> int:
        """Return what a part's counts have come to since ever."""
        return self.sums.through(part, self.month)

    def before_year(self, part: str) -> int:
        """Return what they had come to when the year opened."""
        return self.sums.through(part, first_month(self.year) - 1)

    def in_year(self, part: str) -> int:
        """Return what they have come to since the year opened."""
        return self.ever(part) - self.before_year(part)


def by_area(told: Iterable[Lines]) -> dict[str, Sums]:
    """Return the sums for NCL, each borough, and what has no borough of NCL."""
    told = list(told)
    origin = min((line[0] for lines in told for line in lines.values()), default=0)
    areas: dict[str, dict[str, list[int]]] = {area: {} for area in (NCL, *BOROUGHS, NCL_ONLY)}
    for lines in told:
        for (part, borough), line in lines.items():
            own = areas[borough if borough in BOROUGHS else NCL_ONLY]
            counts = [0] * (line[0] - origin) + list(line[1:])
            own[part] = counts if part not in own else _added(own[part], counts)
    whole = areas[NCL]
    for area, parts in areas.items():
        if area != NCL:
            for part, counts in parts.items():
                whole[part] = counts if part not in whole else _added(whole[part], counts)
    return {
        area: Sums(origin, {part: list(accumulate(counts)) for part, counts in parts.items()})
        for area, parts in areas.items()
    }


def first_year(told: Iterable[Lines]) -> int | None:
    """Return the earliest financial year in which anything is counted; None where nothing is."""
    months = [
        line[0] + next(place for place, count in enumerate(line[1:]) if count)
        for lines in told
        for line in lines.values()
        if any(line[1:])
    ]
    return min(months) // MONTHS if months else None


def _added(first: list[int], second: list[int]) -> list[int]:
    if len(first) < len(second):
        first, second = second, first
    return list(map(add, first, second)) + first[len(second) :]
