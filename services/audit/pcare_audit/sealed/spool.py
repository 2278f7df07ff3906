"""The log's records, laid down in a file while they are verified: to be had by where they came from, in any order.

The log is in the order of its partitions, a verification in that of the leaves, and a log may be larger than memory.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from pathlib import Path
from types import TracebackType
from typing import Self

from pcare_audit.merkle import leaf_hash
from pcare_audit.sealed.items import Leaf, Unsealed
from pcare_audit.sealed.order import MERGES_TOPIC, Order

AT_ONCE = 10_000
LISTED = 10_000
"""How many records that have no leaf are told of. Where there are more, something else is wrong."""

FURTHEST = 100
BEYOND = (
    "no recorder has come so far in its partition: it was put in on the log, or the database is behind it, as after a "
    "backup was restored"
)

Row = tuple[int, str, int, int, str]


class Spool:
    """Holds those records that are sealed, by the `order` of the checkpoints. To be closed."""

    def __init__(self, file: Path, order: Order) -> None:
        self._order = order
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._database.executescript(
            """
            PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -65536;
            CREATE TABLE records (stretch, topic, partition, offset, text);
            CREATE TABLE leaves (topic, partition, offset);
            CREATE TABLE waiting (topic, partition, offset, text);
            """
        )
        self.waiting = 0

    def fill(self, records: Iterable[tuple[str, int, int, str]]) -> None:
        """Take records by topic, partition and offset of their origin. Those that are not sealed yet are counted."""
        remaining = iter(records)
        while some := list(islice(remaining, AT_ONCE)):
            self._insert("INSERT INTO records VALUES (?, ?, ?, ?, ?)", self._sealed(some))
            waiting = [one for one in some if self._order.stretch_of(*one[:3]) is None]
            self._insert("INSERT INTO waiting VALUES (?, ?, ?, ?)", waiting)
            self.waiting += len(waiting)
        self._database.execute("CREATE INDEX records_place ON records (stretch, topic, partition, offset)")

    def note_leaves(self, leaves: Iterable[Leaf]) -> None:
        """Take note of which origins have a leaf."""
        rows = ((leaf.origin_topic, leaf.origin_partition, leaf.origin_offset) for leaf in leaves)
        self._insert("INSERT INTO leaves VALUES (?, ?, ?)", rows)

    def texts(self, topic: str, partition: int, offset: int) -> list[str]:
        """Return what the log says of an origin: each different text once, the first said first."""
        stretch = self._order.stretch_of(topic, partition, offset)
        if stretch is None:
            return []
        found = self._database.execute(
            "SELECT text FROM records WHERE stretch = ? AND topic = ? AND partition = ? AND offset = ? ORDER BY rowid",
            (stretch, topic, partition, offset),
        )
        return list(dict.fromkeys(text for (text,) in found))

    def of_leaf(self, leaf: Leaf) -> list[str]:
        """Return what the log says of a leaf. Of several merges by one act it is the one that was sealed there."""
        texts = self.texts(leaf.origin_topic, leaf.origin_partition, leaf.origin_offset)
        if leaf.origin_topic == MERGES_TOPIC and len(texts) > 1:
            return [text for text in texts if leaf_hash(text.encode()) == leaf.hash][:1]
        return texts

    def in_order(self) -> Iterator[Leaf]:
        """Give everything that is sealed, in the order in which it was."""
        rows = self._database.execute(
            "SELECT stretch, topic, partition, offset, text FROM records "
            "ORDER BY stretch, topic, partition, offset, rowid"
        )
        for (_, topic, partition, offset), group in groupby(rows, lambda row: row[:4]):
            texts = list(dict.fromkeys(row[4] for row in group))
            if topic == MERGES_TOPIC:
                texts.sort(key=lambda text: leaf_hash(text.encode()))
                yield from (Leaf(None, topic, partition, offset, None, [text]) for text in texts)
            else:
                yield Leaf(None, topic, partition, offset, None, texts)

    def without_leaf(self) -> list[Unsealed]:
        """Return the records whose origin has no leaf, though a checkpoint covers it."""
        self._database.execute("CREATE INDEX IF NOT EXISTS leaves_place ON leaves (topic, partition, offset)")
        found = self._database.execute(
            "SELECT topic, partition, offset, min(text) FROM records AS r WHERE NOT EXISTS (SELECT * FROM leaves AS l "
            "WHERE l.topic = r.topic AND l.partition = r.partition AND l.offset = r.offset) "
            "GROUP BY stretch, topic, partition, offset LIMIT ?",
            (LISTED,),
        )
        return [Unsealed(f"{topic}/{partition}/{offset}", text) for topic, partition, offset, text in found]

    def waiting_beyond(self, reached: Mapping[tuple[str, int], int]) -> list[Unsealed]:
        """Return what waits and comes from beyond where its partition was `reached`: of each the furthest."""
        places = self._database.execute("SELECT DISTINCT topic, partition FROM waiting").fetchall()
        return [
            Unsealed(f"{topic}/{partition}/{offset}", text, BEYOND)
            for topic, partition in places
            for offset, text in self._database.execute(
                "SELECT offset, text FROM waiting WHERE topic = ? AND partition = ? AND offset >= ? "
                "ORDER BY offset DESC LIMIT ?",
                (topic, partition, reached.get((topic, partition), 0), FURTHEST),
            )
        ]

    def _sealed(self, records: Iterable[tuple[str, int, int, str]]) -> Iterator[Row]:
        for topic, partition, offset, text in records:
            stretch = self._order.stretch_of(topic, partition, offset)
            if stretch is not None:
                yield stretch, topic, partition, offset, text

    def _insert(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        remaining = iter(rows)
        while some := list(islice(remaining, AT_ONCE)):
            self._database.execute("BEGIN")
            self._database.executemany(statement, some)
            self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the file. It is of no use afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
