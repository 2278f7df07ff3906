"""JSON lines: a CloudEvent a line, or a flat row a line whose names are those of columns."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pcare_cli.publishing.rows import Dialect, FileError, Row, Table

MAX_LINE_BYTES = 1_048_576
"""A longer line is refused, and never held."""


def open_ndjson(file: Path) -> Table:
    """Look through a file of JSON lines. Raises FileError."""
    try:
        with file.open("rb") as opened:
            count = sum(1 for _, line in _lines(opened) if line.strip())
    except OSError as error:
        raise FileError(f"{file} cannot be read: {error.strerror}.") from error
    return Table(None, count, Dialect("utf-8", None), lambda: _rows(file))


def _rows(file: Path) -> Iterator[Row]:
    with file.open("rb") as opened:
        for number, line in _lines(opened):
            if line.strip():
                yield _row(number, line)


def _lines(opened: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with their numbers, each cut after the most that is read of one."""
    number = 0
    while line := opened.readline(MAX_LINE_BYTES + 1):
        number += 1
        whole = line.endswith(b"\n")
        yield number, line
        while not whole and (rest := opened.readline(MAX_LINE_BYTES)):
            whole = rest.endswith(b"\n")


def _row(number: int, line: bytes) -> Row:
    text = line.decode("utf-8", "replace").strip().removeprefix("\ufeff")
    if len(line) > MAX_LINE_BYTES:
        return Row(number, {}, (text[:100],), "The line is too long to be an event.")
    try:
        cells = json.loads(text, object_pairs_hook=_each_name_once)
    except (ValueError, RecursionError):
        return Row(number, {}, (text,), "The line is not JSON, or a name stands twice in it.")
    if not isinstance(cells, dict):
        return Row(number, {}, (text,), "The line is JSON, but not an object.")
    return Row(number, cells, (text,))


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name stands twice")
    return document
