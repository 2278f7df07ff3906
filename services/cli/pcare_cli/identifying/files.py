"""Looks through log files, a stretch at a time."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pcare_cli.identifying.places import Place, Report, Scanned, UnreadableError
from pcare_cli.identifying.searching import Search

STRETCH_BYTES = 1024 * 1024
OVERLAP_BYTES = 512
"""Of each stretch so much is looked at again with the next: a number, however disguised, is shorter."""


def scan(paths: Iterable[Path], search: Search, report: Report) -> Iterator[Scanned]:
    """Look through files, and all files of directories; give how many lines each had. Raises UnreadableError."""
    for file in _files(paths):
        try:
            yield Scanned(str(file), _scan_file(file, search, report))
        except OSError as error:
            raise UnreadableError(f"{file} cannot be read: {error.strerror}.") from error


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file() and not one.is_symlink())
        elif path.exists():
            yield path
        else:
            raise UnreadableError(f"There is no {path}.")


def _scan_file(file: Path, search: Search, report: Report) -> int:
    first, data = 1, b""
    found = set[int]()
    with file.open("rb") as stream:
        while stretch := stream.read(STRETCH_BYTES):
            whole, rest = _whole_lines(data + stretch)
            found |= {first + place for place in _lines(whole, search)}
            again = whole[whole.rfind(b"\n", 0, max(0, len(whole) - OVERLAP_BYTES)) + 1 :]
            first += whole[: len(whole) - len(again)].count(b"\n")
            data = (again if len(again) < STRETCH_BYTES else again[-OVERLAP_BYTES:]) + rest
        found |= {first + place for place in _lines(data, search)}
    for number in sorted(found):
        report(Place(str(file), f"line {number}"))
    return first + data.count(b"\n")


def _whole_lines(data: bytes) -> tuple[bytes, bytes]:
    """Cut after the last line, so that no longer number is cut in two; a line that never ends is cut anywhere."""
    end = data.rfind(b"\n") + 1
    return (data[:end], data[end:]) if end else (data, b"")


def _lines(data: bytes, search: Search) -> Iterator[int]:
    """Give the lines that hold a number, by their place; of one that goes over several lines the first."""
    if not search.finds_one(data, log=True):
        return
    lines = data.split(b"\n")
    alone = [place for place, line in enumerate(lines) if search.finds_one(line, log=True)]
    yield from alone or (
        place for place in range(len(lines)) if search.finds_one(b"\n".join(lines[place : place + 10]), log=True)
    )
