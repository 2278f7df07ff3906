"""The report: every rejected row as it was, with why, in the form of the file, so that it can be mended and published.

It grows under a name of its own, and gets its final one when the file is through; so nobody mends half of it.
"""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pcare_cli.publishing.mapping import OWN
from pcare_cli.publishing.rows import Dialect, Row
from pcare_client import Problem

COLUMNS = ("row", "reason", "column", "path", "message")
_MOST_ERRORS = 5


class Report:
    """The growing report of a file. Only its owner may read it: it holds what the file holds."""

    def __init__(self, source: Path, columns: Sequence[str] | None, dialect: Dialect, *, word: str) -> None:
        self.file = source.with_name(f"{source.stem}.{word}{'.csv' if dialect.delimiter else '.ndjson'}")
        self._growing = self.file.with_name(self.file.name + ".part")
        self._columns = [name for name in columns or () if not name.startswith(OWN)]
        self._kept = [index for index, name in enumerate(columns or ()) if not name.startswith(OWN)]
        self._dialect = dialect
        self._size = 0

    def begin(self, known_bytes: int) -> bool:
        """Cut it to what the journal knows of; return False if that is not there any more."""
        size = self._growing.stat().st_size if self._growing.exists() else 0
        if size < known_bytes:
            return False
        if self._growing.exists():
            os.truncate(self._growing, known_bytes)
        self._size = known_bytes
        return True

    def add(self, rejected: Sequence[tuple[Row, Problem]], columns_of: Mapping[str, str]) -> int:
        """Add rows; return how many bytes it has then. They are on the disk when this returns."""
        if rejected:
            text = "" if self._size else self._head()
            text += "".join(self._line(row, problem, columns_of) for row, problem in rejected)
            content = text.encode(self._encoding(), "backslashreplace")
            descriptor = os.open(self._growing, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            self._size += len(content)
        return self._size

    def finish(self) -> Path | None:
        """Give it its name, one that nothing has yet; return None if nothing was rejected."""
        if not self._growing.exists():
            return None
        if not self._size:
            self._growing.unlink()
            return None
        final, number = self.file, 1
        while final.exists():
            number += 1
            final = self.file.with_name(f"{self.file.stem}-{number}{self.file.suffix}")
        self._growing.rename(final)
        return final

    def _encoding(self) -> str:
        # A mark of the byte order belongs at the beginning alone.
        encoding = self._dialect.encoding.lower().replace("_", "-")
        if self._size and encoding == "utf-8-sig":
            return "utf-8"
        return f"{encoding}-le" if self._size and encoding in {"utf-16", "utf-32"} else self._dialect.encoding

    def _head(self) -> str:
        if self._dialect.delimiter is None:
            return ""
        return self._written([*self._columns, *(OWN + name for name in COLUMNS)])

    def _line(self, row: Row, problem: Problem, columns_of: Mapping[str, str]) -> str:
        told = _told(row, problem, columns_of)
        if self._dialect.delimiter is None:
            cells = {name: value for name, value in row.cells.items() if not name.startswith(OWN)}
            about = {OWN + name: text for name, text in zip(COLUMNS, told, strict=True)}
            body = {**cells, **about} if row.cells else {OWN + "line": row.original[0], **about}
            return json.dumps(body, ensure_ascii=False) + "\n"
        texts = [row.original[index] if index < len(row.original) else "" for index in self._kept]
        return self._written([*texts, *told])

    def _written(self, texts: Sequence[str]) -> str:
        line = io.StringIO()
        csv.writer(line, delimiter=self._dialect.delimiter or ",").writerow(texts)
        return line.getvalue()


def _told(row: Row, problem: Problem, columns_of: Mapping[str, str]) -> list[str]:
    errors = problem.errors[:_MOST_ERRORS]
    columns = dict.fromkeys(columns_of[error.pointer] for error in errors if error.pointer in columns_of)
    words = [error.message + (f" Expected: {error.expected}" if error.expected else "") for error in errors] or [
        f"{problem.title}. {problem.detail}"
    ]
    paths = dict.fromkeys(error.pointer for error in errors if error.pointer)
    return [str(row.number), problem.reason, "; ".join(columns), "; ".join(paths), " / ".join(words)]
