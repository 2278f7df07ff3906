"""CSV: any delimiter, any declared encoding, read as a stream."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pcare_cli.publishing.rows import Dialect, FileError, Row, Table, header, named

DELIMITERS = ",;\t|"
DEFAULT_ENCODING = "utf-8-sig"
_LONGEST_HEADER = 1_000_000
_WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}


def open_csv(file: Path, *, encoding: str | None, delimiter: str | None) -> Table:
    """Look through a CSV file. Raises FileError where it cannot be read to its end."""
    known = encoding or DEFAULT_ENCODING
    with _reading(file, known) as lines:
        between = _WORDS.get(delimiter or "", delimiter) or _guess(lines.first())
        if len(between) != 1:
            raise FileError("The delimiter is one character, or `tab`.")
        records = csv.reader(lines, delimiter=between)
        columns = header(next(records, []))
        count = sum(1 for record in records if any(record))
    return Table(columns, count, Dialect(known, between), lambda: _rows(file, Dialect(known, between), columns))


def _rows(file: Path, dialect: Dialect, columns: tuple[str, ...]) -> Iterator[Row]:
    with _reading(file, dialect.encoding) as lines:
        records = csv.reader(lines, delimiter=dialect.delimiter or ",")
        next(records, None)
        for number, record in enumerate(records, start=2):
            if any(record):
                yield named(columns, number, record)


@contextmanager
def _reading(file: Path, encoding: str) -> Iterator["_Lines"]:
    try:
        with file.open(encoding=encoding, newline="") as opened:
            lines = _Lines(opened)
            try:
                yield lines
            except UnicodeDecodeError as error:
                raise FileError(
                    f"{file} is not {encoding}, about line {lines.number}: say how it is written, such as "
                    "--encoding cp1252 (what Excel's CSV is in western Europe)."
                ) from error
            except csv.Error as error:
                raise FileError(
                    f"{file} is no CSV, about line {lines.number} ({error}): see that every quotation mark is closed."
                ) from error
    except LookupError as error:
        raise FileError(f"There is no encoding `{encoding}`. Try utf-8, cp1252 or utf-16.") from error
    except OSError as error:
        raise FileError(f"{file} cannot be read: {error.strerror}.") from error


class _Lines:
    """The lines of an opened file, counted."""

    def __init__(self, opened: TextIO) -> None:
        self._opened = opened
        self.number = 0

    def first(self) -> str:
        """Return the beginning of the first line, and go back to it."""
        line = self._opened.readline(_LONGEST_HEADER)
        self._opened.seek(0)
        return line

    def __iter__(self) -> Iterator[str]:
        for line in self._opened:
            self.number += 1
            yield line


def _guess(first: str) -> str:
    """Return the delimiter that stands most often in the line of names, outside quotation marks."""
    outside = "".join(first.split('"')[::2])
    return max(DELIMITERS, key=outside.count)
