"""The numbers that `pcare kpis` shows, wherever they were read: a row a KPI, area and financial year."""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pcare_schemas.kpis.areas import BOROUGHS, NCL, NCL_ONLY

ALL_YEARS = "all"
AREAS: Mapping[str, str] = {**BOROUGHS, NCL_ONLY: NCL_ONLY, NCL: NCL}
"""The areas by code, in the order in which they are shown, and their names."""


class ReadingError(Exception):
    """There are no numbers to show; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is to be known of a KPI to show it. `kind` is "count", "share" or "mean"."""

    id: str
    component: str
    title: str
    unit: str
    kind: Any

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Shown":
        """Read an entry of a catalogue's document. Raises KeyError if it is none."""
        return cls(*(document[name] for name in ("id", "component", "title", "unit", "kind_of_value")))


@dataclass(frozen=True, slots=True)
class Row:
    """One number, and where it stands. `suppressed`: there is a value, and disclosure control withholds it."""

    kpi: str
    area: str
    year: str
    value: float | None
    numerator: int | None = None
    denominator: int | None = None
    target: float | None = None
    trajectory: float | None = None
    gap: float | None = None
    forecast: float | None = None
    words: str | None = None
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """All rows as at one instant (microseconds since 1970, UTC). `notes` are what a reader must know beside them.

    `published`: disclosure control was applied. `known_at`: only events that had been recorded by then are counted.
    """

    kpis: tuple[Shown, ...]
    rows: tuple[Row, ...]
    at: int
    version: str
    notes: tuple[str, ...] = ()
    published: bool = False
    known_at: int | None = None

    @property
    def years(self) -> tuple[str, ...]:
        """The financial years there are rows of, in order."""
        return tuple(sorted({row.year for row in self.rows}))

    def of(self, years: Collection[str], kpis: Collection[str]) -> "Reading":
        """Return the rows of some years and KPIs alone, in the order of years, catalogue and areas."""
        chosen = tuple(kpi for kpi in self.kpis if kpi.id in kpis)
        order = {kpi.id: index for index, kpi in enumerate(chosen)}
        areas = list(AREAS)
        rows = [row for row in self.rows if row.kpi in order and row.year in years]
        rows.sort(key=lambda row: (row.year, order[row.kpi], areas.index(row.area)))
        return replace(self, kpis=chosen, rows=tuple(rows))


def select(reading: Reading, year: str | None, kpis: Sequence[str]) -> Reading:
    """Return what was asked for: a year (by default the latest, or `all`), some KPIs (by default all).

    Raises ReadingError for a year or a KPI that is not there.
    """
    if not reading.rows:
        recorded = "" if reading.known_at is None else " and had been recorded by the end of yesterday"
        raise ReadingError(f"Nothing is counted yet: no event of any KPI took place before that instant{recorded}.")
    known = [kpi.id for kpi in reading.kpis]
    for kpi in kpis:
        if kpi not in known:
            raise ReadingError(f"There is no KPI {kpi!r}.{meant(kpi, known)}")
    if year is not None and year not in {*reading.years, ALL_YEARS}:
        raise ReadingError(f"There are no numbers for {year!r}: the years are {', '.join(reading.years)}.")
    years = reading.years if year == ALL_YEARS else (year or reading.years[-1],)
    return reading.of(years, kpis or known)


def boroughless(rows: Iterable[Row]) -> bool:
    """Say whether anything counts for NCL alone, or is withheld there."""
    return any(row.area == NCL_ONLY and (row.value or row.suppressed) for row in rows)


def meant(name: str, known: Sequence[str]) -> str:
    """Return which name somebody meant who wrote another, or else which there are: the end of a sentence."""
    alike = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {alike[0]}?" if alike else f" There are {', '.join(known)}."
