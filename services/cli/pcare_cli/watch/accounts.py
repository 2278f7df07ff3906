"""Whether each record of the submitted topics is accounted for: recorded, a duplicate, or rejected. Pure.

A cursor counts what became of the offsets below it. An offset without an outcome is a record that was lost, or one that
is no event: a transaction's marker, or a record that its transaction took back. Where every offset has an outcome
nothing needs to be read; only what lies between is read from Kafka, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pcare_cli.accounting import Cursor

Partition = tuple[str, int]

AT_ONCE = 200_000
"""Offsets of a partition that are read in one look: what is more waits for the next."""


@dataclass(slots=True)
class Account:
    """How far a partition was found exact (`offset`, with so many `outcomes` below), and what was read from there.

    `base` is where the cursor began to count: a rebuild or a new log may have it begin elsewhere.
    """

    base: int
    offset: int
    outcomes: int
    position: int
    records: int = 0

    @classmethod
    def of(cls, cursor: Cursor) -> "Account":
        """Begin where a cursor began."""
        return cls(cursor.base_offset, cursor.base_offset, 0, cursor.base_offset)

    @classmethod
    def at(cls, cursor: Cursor) -> "Account":
        """Begin where a cursor is, all before which is accounted for, or cannot be."""
        return cls(cursor.base_offset, cursor.next_offset, outcomes(cursor), cursor.next_offset)


@dataclass(frozen=True, slots=True)
class ToRead:
    """Records to be counted: the offsets of a partition from `first` to before `end`."""

    first: int
    end: int


@dataclass(slots=True)
class Accounts:
    """The accounts of all partitions."""

    _of: dict[Partition, Account] = field(default_factory=dict)

    def to_read(self, cursor: Cursor, log_start: int) -> ToRead | None:
        """Return which records have to be counted before something can be said of a cursor, or None.

        What retention has deleted already (before `log_start`) cannot be counted: the account begins at the cursor. So
        it is after a gap that somebody accepted, and after a cursor began to count anew.
        """
        where = (cursor.topic, cursor.partition)
        account = self._of.get(where)
        if account is None or account.base != cursor.base_offset:
            account = self._of[where] = Account.of(cursor)
        if not _without_outcome(cursor, account):
            self._of[where] = Account.at(cursor)
            return None
        if account.position >= cursor.next_offset:
            return None
        if account.position < log_start:
            self._of[where] = Account.at(cursor)
            return None
        return ToRead(account.position, min(cursor.next_offset, account.position + AT_ONCE))

    def was_read(self, cursor: Cursor, read: ToRead, records: int) -> None:
        """Note that so many records were found there."""
        account = self._of[cursor.topic, cursor.partition]
        account.position = read.end
        account.records += records

    def difference(self, cursor: Cursor) -> int | None:
        """Return records less outcomes: 0 where all is accounted for, None while not all of it is read."""
        account = self._of[cursor.topic, cursor.partition]
        if account.position < cursor.next_offset:
            return None
        if account.position > cursor.next_offset:  # the cursor went back: the database was restored
            del self._of[cursor.topic, cursor.partition]
            return None
        difference = account.records - (outcomes(cursor) - account.outcomes)
        if difference == 0:
            self._of[cursor.topic, cursor.partition] = Account.at(cursor)
        return difference


def outcomes(cursor: Cursor) -> int:
    """Return how many records a cursor accounts for."""
    return cursor.recorded + cursor.duplicates + cursor.rejected


def _without_outcome(cursor: Cursor, account: Account) -> bool:
    """Tell whether some offset since the account's has no outcome, and is not one that somebody passed over."""
    return (cursor.next_offset - account.offset) != outcomes(cursor) - account.outcomes


@dataclass(slots=True)
class Standstill:
    """Since when each partition has had something to judge without its cursor moving."""

    _since: dict[Partition, tuple[int, float]] = field(default_factory=dict)

    def seconds(self, cursors: Mapping[Partition, int], ends: Mapping[Partition, int], now: float) -> dict[str, float]:
        """Return by topic the longest of its partitions: 0 where each moves, or has nothing to do."""
        longest: dict[str, float] = {}
        for where, end in ends.items():
            at = cursors.get(where, -1)
            before, since = self._since.get(where, (at, now))
            if at != before or at >= end:
                since = now
            self._since[where] = (at, since)
            longest[where[0]] = max(longest.get(where[0], 0.0), now - since)
        return longest
