"""The KPIs as a table for people: components in the plan's order, boroughs side by side, the gap in words. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.console import Group
from rich.text import Text

from pcare_cli.kpis.reading import AREAS, Reading, Row, Shown, boroughless
from pcare_kpi_aggregator import wording
from pcare_kpi_aggregator.years import end_of_day
from pcare_schemas.kpis.areas import BOROUGHS, NCL, NCL_ONLY
from pcare_schemas.kpis.disclosure import SUPPRESSED

TARGET, TRAJECTORY, GAP = "target", "trajectory", "gap"
_BETWEEN = "  "
_INDENT = "  "


def kpi_table(reading: Reading, year: str, width: int) -> Group:
    """Return a year's KPIs, two lines each: the numbers, and how NCL stands in words."""
    return Group(*_lines(_Year(reading, year), width, ((TARGET, TRAJECTORY), (TARGET,), ()), sentences=True))


def kpi_lines(reading: Reading, year: str, width: int) -> Group:
    """Return a year's KPIs, one line each, the gap among the numbers."""
    columns = ((TARGET, TRAJECTORY, GAP), (TARGET, GAP), (TARGET,), ())
    return Group(*_lines(_Year(reading, year), width, columns, sentences=False))


def foot(reading: Reading) -> str:
    """Return what is said below the tables: as at when, and what a reader must know."""
    last = reading.at - 1
    moment = f"the end of {wording.day(last)}" if reading.at == end_of_day(last) else wording.moment(reading.at)
    return "\n".join((f"As at {moment}.", *reading.notes))


def short_gap(kpi: Shown, row: Row | None) -> str:
    """Return a gap in a few words: `1,204 short`, `0.3 points ahead`; nothing where there is none."""
    if row is None or row.gap is None or row.value is None or row.trajectory is None:
        return ""
    gap = wording.gap(kpi.kind, row.value, row.trajectory)
    if gap == 0:
        return "on it"
    size = wording.difference(kpi.kind, abs(gap)).replace("percentage point", "point")
    return f"{size} {'short' if gap < 0 else 'ahead'}"


@dataclass(frozen=True, slots=True)
class _Year:
    reading: Reading
    year: str

    def row(self, kpi: Shown, area: str) -> Row | None:
        return next(
            (row for row in self.reading.rows if (row.kpi, row.area, row.year) == (kpi.id, area, self.year)), None
        )

    def cell(self, kpi: Shown, column: str) -> str:
        if column in AREAS:
            return _value(kpi, self.row(kpi, column))
        whole = self.row(kpi, NCL)
        if column == GAP:
            return short_gap(kpi, whole)
        bound = None if whole is None else whole.target if column == TARGET else whole.trajectory
        return "" if bound is None else wording.number(kpi.kind, bound)

    def sentence(self, kpi: Shown) -> str:
        whole = self.row(kpi, NCL)
        return kpi.title if whole is None or not whole.words else f"{kpi.title}: {whole.words}"


def _lines(shown: _Year, width: int, fewer: Sequence[tuple[str, ...]], *, sentences: bool) -> Iterator[Text]:
    kpis = shown.reading.kpis
    table = _table(shown, width, fewer)
    yield Text(f"Key performance indicators {shown.year}", "bold")
    yield Text(table[0], "underline")
    component = None
    for kpi, line in zip(kpis, table[1:], strict=True):
        if kpi.component != component:
            component = kpi.component
            yield Text(component.capitalize(), "bold")
        yield Text(line)
        if sentences:
            indent = _INDENT * 2
            for wrapped in wrap(shown.sentence(kpi), width, initial_indent=indent, subsequent_indent=indent):
                yield Text(wrapped, "dim")


def _table(shown: _Year, width: int, fewer: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the heads and a line a KPI, of as many columns as there is room for: boroughs go first."""
    parts = (*BOROUGHS, NCL_ONLY) if boroughless(shown.reading.rows) else tuple(BOROUGHS)
    for areas, further in ((parts, fewer[0]), *(((), columns) for columns in fewer)):
        columns = (*areas, NCL, *further)
        table = _aligned(shown, columns)
        if len(table[0]) <= width:
            break
    return table


def _aligned(shown: _Year, columns: Sequence[str]) -> list[str]:
    kpis = shown.reading.kpis
    lines = [["KPI", *(AREAS.get(column, column) for column in columns)]]
    lines += [[_INDENT + kpi.id, *(shown.cell(kpi, column) for column in columns)] for kpi in kpis]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return [_BETWEEN.join((first.ljust(widths[0]), *map(str.rjust, rest, widths[1:]))) for first, *rest in lines]


def _value(kpi: Shown, row: Row | None) -> str:
    if row is None:
        return wording.NOTHING
    return SUPPRESSED if row.suppressed else wording.number(kpi.kind, row.value)
