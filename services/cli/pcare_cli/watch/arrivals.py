"""What arrived last of each provider, read from the record piece by piece. Pure: `providers` reads the pieces.

The broker's times grow with the offsets of a partition. So the record is read by offset: forward from where the watcher
began, and backward from there until it is old enough. No piece is large, and no piece is read twice.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pcare_cli.accounting import Cursor

PIECE = 10_000
"""Offsets of one statement."""

Partition = tuple[str, int]


class Piece(NamedTuple):
    """Offsets of a partition from `first` to before `end`; `new`: they came after the watcher began."""

    topic: str
    partition: int
    first: int
    end: int
    new: bool


class Arrived(NamedTuple):
    """What a piece holds of a provider: how much of it with which outcome, and when the first and the last came.

    Without a code it is of nobody in the register: only its time is of use.
    """

    code: str | None
    outcome: str
    number: int
    first: dt.datetime
    last: dt.datetime


@dataclass(slots=True)
class _Read:
    low: int
    high: int
    done: bool = False


@dataclass(slots=True)
class Arrivals:
    """The last arrival of each provider, by its code. What is older than a horizon is not looked for."""

    last: dict[str, dt.datetime] = field(default_factory=dict)
    _counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    _read: dict[Partition, _Read] = field(default_factory=dict)

    def wanted(self, cursors: Iterable[Cursor], at_most: int) -> list[Piece]:
        """Return the pieces to be read next, those of new events first."""
        forward, backward = [], []
        for cursor in cursors:
            where = (cursor.topic, cursor.partition)
            read = self._read.get(where)
            if read is None or cursor.next_offset < read.high:  # unknown, or made anew
                read = self._read[where] = _Read(cursor.next_offset, cursor.next_offset)
            if cursor.next_offset > read.high:
                forward.append(Piece(*where, read.high, min(cursor.next_offset, read.high + PIECE), new=True))
            read.done = read.done or read.low <= cursor.base_offset
            if not read.done:
                backward.append(Piece(*where, max(cursor.base_offset, read.low - PIECE), read.low, new=False))
        return [*forward, *backward][:at_most]

    def add(self, piece: Piece, arrived: Iterable[Arrived], horizon: dt.datetime) -> None:
        """Take in what a piece holds. Where it reaches back beyond the horizon, nothing before it is wanted."""
        read = self._read[piece.topic, piece.partition]
        for one in arrived:
            if one.code is not None:
                self.last[one.code] = max(one.last, self.last.get(one.code, one.last))
                if piece.new:
                    self._counted[one.code, one.outcome] += one.number
            if not piece.new and one.first < horizon:
                read.done = True
        if piece.new:
            read.high = piece.end
        else:
            read.low = piece.first

    def known_since(self, horizon: dt.datetime, now: dt.datetime) -> dt.datetime:
        """Return from when on everything is known: the horizon, or now while pieces of before are not read yet."""
        return horizon if all(read.done for read in self._read.values()) else now

    def take_counted(self) -> Counter[tuple[str, str]]:
        """Return how much is new since this was last asked, by provider and outcome."""
        counted, self._counted = self._counted, Counter()
        return counted
