"""Which reader a file needs, and what tells one state of the file from another."""

import hashlib
from pathlib import Path

from pcare_cli.publishing.csv_file import open_csv
from pcare_cli.publishing.mapping import Mapping
from pcare_cli.publishing.ndjson_file import open_ndjson
from pcare_cli.publishing.rows import FileError, Table
from pcare_cli.publishing.xlsx_file import SUFFIXES, open_xlsx

LINES = frozenset({".ndjson", ".jsonl"})
TEXTS = frozenset({".csv", ".tsv", ".txt"})


def open_file(file: Path, mapping: Mapping) -> Table:
    """Look through a file of any form, told by its name. Raises FileError."""
    suffix = file.suffix.lower()
    if suffix in LINES:
        return open_ndjson(file)
    if suffix in SUFFIXES:
        return open_xlsx(file, sheet=mapping.sheet)
    if suffix in TEXTS:
        return open_csv(file, encoding=mapping.encoding, delimiter=mapping.delimiter)
    known = ", ".join(sorted(LINES | TEXTS | SUFFIXES))
    raise FileError(f"{file}: the end of its name does not say what it is. Files are {known}.")


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes. Raises FileError."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise FileError(f"{file} cannot be read: {error.strerror}.") from error
