"""What of a file is done, beside the file, so that a break costs no more than the batches in flight.

A line is written, and on the disk, when every event of a batch has its verdict and the report holds the rejected ones.
It says how long the report is then, so that what a crash left behind that is cut off. A line a batch is all it holds.
"""

import fcntl
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FORM = 1


class InUseError(Exception):
    """Somebody else publishes the same file now."""


@dataclass(frozen=True, slots=True)
class Work:
    """What makes two runs the same work: the file's bytes, how its rows are read, how many make a batch."""

    file: str
    reading: str
    batch: int


@dataclass(slots=True)
class Progress:
    """What is done: the numbers of the batches, and what came of their rows."""

    batches: set[int] = field(default_factory=set)
    accepted: int = 0
    rejected: int = 0
    report_bytes: int = 0
    complete: bool = False

    def add(self, batch: int, accepted: int, rejected: int, report_bytes: int) -> None:
        """Take note of a batch."""
        self.batches.add(batch)
        self.accepted += accepted
        self.rejected += rejected
        self.report_bytes = report_bytes


class Journal:
    """The journal of one file, locked while it is open. `other` says that it told of other work, and begins anew."""

    def __init__(self, file: Path, work: Work, *, afresh: bool = False) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise InUseError from error
        lines, good = _whole_lines(_all_of(self._descriptor))
        known = _progress(lines, work)
        self.other = known is None and bool(lines)
        self.progress = known or Progress()
        os.lseek(self._descriptor, good, os.SEEK_SET)
        os.ftruncate(self._descriptor, good)
        self._work = work
        if known is None or afresh:
            self.begin_anew()

    def begin_anew(self) -> None:
        """Forget all that is done."""
        self.progress = Progress()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.ftruncate(self._descriptor, 0)
        self._write({"form": FORM, "file": self._work.file, "reading": self._work.reading, "batch": self._work.batch})

    def done(self, batch: int, *, accepted: int, rejected: int, report_bytes: int) -> None:
        """Note a batch. It is on the disk when this returns."""
        self._write({"n": batch, "accepted": accepted, "rejected": rejected, "report": report_bytes})
        self.progress.add(batch, accepted, rejected, report_bytes)

    def complete(self) -> None:
        """Note that nothing is left to do."""
        self._write({"complete": True})
        self.progress.complete = True

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _write(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        while line:
            line = line[os.write(self._descriptor, line) :]
        os.fsync(self._descriptor)


def _all_of(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as opened:
        opened.seek(0)
        return opened.read()


def _whole_lines(content: bytes) -> tuple[list[bytes], int]:
    """Return the lines that were written to their end, and how many bytes they are."""
    good = content.rfind(b"\n") + 1
    return content[:good].splitlines(), good


def _progress(lines: list[bytes], work: Work) -> Progress | None:
    """Return what these lines tell of this work; None if they tell of other work, or are no journal."""
    try:
        entries = [json.loads(line) for line in lines]
        first = entries[0]
        if (first["form"], Work(first["file"], first["reading"], first["batch"])) != (FORM, work):
            return None
        progress = Progress()
        for entry in entries[1:]:
            if entry.get("complete"):
                progress.complete = True
            elif entry["n"] not in progress.batches:
                progress.add(entry["n"], entry["accepted"], entry["rejected"], entry["report"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return progress
