"""A file as rows, whatever its form. Readers of each form are in modules of their own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pcare_schemas.identifiers import holds_one

MOST_COLUMNS = 1_000


class FileError(Exception):
    """The file cannot be read. The message says what to do, and shows nothing of what the file holds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `number` is that of the line or spreadsheet row; `trouble` says why it has no cells."""

    number: int
    cells: Mapping[str, Any]
    original: Sequence[str]
    """What a report repeats: the texts of the columns, or the one line."""
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written, and so how its report is. `delimiter` is None for a file of JSON lines."""

    encoding: str
    delimiter: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """A file that was looked through once: it can be read to its end. `columns` is None where rows name their own."""

    columns: tuple[str, ...] | None
    count: int
    dialect: Dialect
    rows: Callable[[], Iterator[Row]]


def named(columns: Sequence[str], number: int, texts: Sequence[str]) -> Row:
    """Return the row of these texts; missing ones at the end are empty."""
    if len(texts) > len(columns) and any(text.strip() for text in texts[len(columns) :]):
        return Row(number, {}, texts[: len(columns)], "The row has more cells than the line of names.")
    cells = dict(zip(columns, texts, strict=False))
    return Row(number, cells, texts[: len(columns)])


def header(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns. Raises FileError."""
    names = tuple(text.strip() for text in texts)
    while names and not names[-1]:
        names = names[:-1]
    if not names:
        raise FileError("The first line holds no names of columns.")
    if len(names) > MOST_COLUMNS:
        raise FileError(f"The first line holds more than {MOST_COLUMNS} names of columns.")
    if any(holds_one(name.encode("utf-8", "surrogatepass")) for name in names):
        # its cells are shown nowhere, as names of columns would be
        raise FileError("The first line is a row of a person: put a line with the names of the columns before it.")
    filled = [name for name in names if name]
    if len(set(filled)) != len(filled):
        raise FileError("Two columns have the same name: rename one.")
    return names
