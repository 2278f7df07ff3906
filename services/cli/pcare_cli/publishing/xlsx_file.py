"""Sheets of Excel and LibreOffice: what each cell shows, formulas by their last result."""

import datetime as dt
import zipfile
from collections.abc import Iterator
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from pcare_cli.publishing.rows import Dialect, FileError, Row, Table, header, named

MAX_UNPACKED_BYTES = 2 * 1024**3
"""A sheet is read into memory, and a few kilobytes of ZIP may stand for any amount of it."""

SUFFIXES = frozenset({".xlsx", ".xlsm", ".xlsb", ".ods"})
Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta


def open_xlsx(file: Path, *, sheet: str | None) -> Table:
    """Read a sheet, the first unless told otherwise. Raises FileError."""
    chosen = _sheet(file, sheet)
    records = chosen.iter_rows()
    columns = header([text_of(cell) for cell in next(records, [])])
    skipped = chosen.start[0] if chosen.start else 0
    count = sum(1 for record in records if any(cell != "" for cell in record))
    return Table(columns, count, Dialect("utf-8-sig", ","), lambda: _rows(chosen, columns, skipped))


def text_of(cell: Cell) -> str:
    """Return what a cell holds as the text that the same file would hold as CSV."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ", "seconds")
    if isinstance(cell, (dt.date, dt.time)):
        return cell.isoformat()
    return str(cell)


def _rows(sheet: CalamineSheet, columns: tuple[str, ...], skipped: int) -> Iterator[Row]:
    records = sheet.iter_rows()
    next(records, None)
    for number, record in enumerate(records, start=skipped + 2):
        if any(cell != "" for cell in record):
            yield named(columns, number, [text_of(cell) for cell in record])


def _sheet(file: Path, name: str | None) -> CalamineSheet:
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
                raise FileError(f"{file} is too large to be read: save the sheet as CSV.")
        workbook = CalamineWorkbook.from_path(file)
        names = workbook.sheet_names
        if name is not None and name not in names:
            raise FileError(f"{file} has no sheet `{name}`. It has: {', '.join(names)}.")
        if not names:
            raise FileError(f"{file} has no sheet.")
        return workbook.get_sheet_by_name(name or names[0])
    except OSError as error:
        raise FileError(f"{file} cannot be read: {error.strerror or 'no such workbook'}.") from error
    except (zipfile.BadZipFile, CalamineError) as error:
        raise FileError(f"{file} is no workbook, or has a password. Save it anew, or as CSV.") from error
