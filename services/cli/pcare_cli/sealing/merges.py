"""Whom an event was about when it was sealed: its subject, as far as merges had moved it by then. Pure.

A merge has the number of its act for a place. What was sealed before the act stays about the subject that is gone,
though its row is about the other one now.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from pcare_audit.leaves import about, subject_of
from pcare_audit.merkle import leaf_hash
from pcare_schemas.origin import Origin


class Merge(NamedTuple):
    """A merge as it was published. `gone` and `kept` are subjects as in the log."""

    act: int
    gone: str
    kept: str
    text: bytes


class _Data(msgspec.Struct, frozen=True):
    gone: str
    kept: str


class _Line(msgspec.Struct, frozen=True):
    origin: str
    data: _Data


_LINES = msgspec.json.Decoder(_Line)


def read_merge(text: bytes) -> Merge:
    """Read a merge as it is on the topics. Raises msgspec.MsgspecError or ValueError for anything else."""
    line = _LINES.decode(text)
    return Merge(int(line.origin.rpartition("/")[2]), line.data.gone, line.data.kept, text)


class Merges:
    """All merges of a moment."""

    def __init__(self, merges: Sequence[Merge]) -> None:
        self._of = {merge.gone: merge for merge in merges}
        self._merges = sorted((merge.act, leaf_hash(merge.text)) for merge in merges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Merges) and self._merges == other._merges

    __hash__ = None  # type: ignore[assignment]

    @property
    def end(self) -> int:
        """The number behind that of the last act that merged somebody; 0 where nobody was."""
        return self._merges[-1][0] + 1 if self._merges else 0

    def leaves(self, first: int, end: int) -> list[tuple[int, bytes]]:
        """Return act and hash of the merges of these acts, as they are sealed: by act, and of one act by hash."""
        return [(act, of_leaf) for act, of_leaf in self._merges if first <= act < end]

    def pairs(self) -> list[tuple[str, str]]:
        """Return all merges as (gone, kept)."""
        return [(merge.gone, merge.kept) for merge in self._of.values()]

    def subject_at(self, subject: str, below: int) -> str:
        """Return who a subject was known as when all merges of acts `below` this number had been made, and no other."""
        while (merge := self._of.get(subject)) is not None and merge.act < below:
            subject = merge.kept
        return subject

    def person(self, subject: str) -> str:
        """Return who a subject turned out to be by all merges."""
        return self.subject_at(subject, self.end)

    def is_before(self, subject: str, other: str) -> bool:
        """Whether the one turned out to be the other by a merge, or by several one after another."""
        while (merge := self._of.get(subject)) is not None:
            subject = merge.kept
            if subject == other:
                return True
        return False

    def moved_since(self, below: int) -> frozenset[str]:
        """Return who those turned out to be that were merged by an act of this number or a later one."""
        return frozenset(self.person(merge.gone) for merge in self._of.values() if merge.act >= below)

    def persons_of(self, subjects: frozenset[str]) -> frozenset[str]:
        """Return all subjects that turned out to be one of these, and these."""
        return subjects | {gone for gone in self._of if self.person(gone) in subjects}


class AsSealed:
    """Gives the text of a row as it was when all merges of acts `below` a number had been made, and no other.

    `firsts` says by origin about whom the event was at first, for those rows that were moved since.
    """

    def __init__(self, merges: Merges, below: int, firsts: dict[str, str]) -> None:
        self._merges = merges
        self._below = below
        self._moved = merges.moved_since(below)
        self._firsts = firsts

    def __call__(self, origin: Origin, text: bytes) -> bytes:
        """Return the text that was sealed. Where nobody knows whom it was about at first, it is returned as it is."""
        if not self._moved or subject_of(text) not in self._moved:
            return text
        first = self._firsts.get(str(origin))
        return text if first is None else about(text, self._merges.subject_at(first, self._below))
