"""What the database holds of what was sealed, read in one snapshot, a bounded number of rows at a time."""

import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import asyncpg
import msgspec
import orjson

from pcare_audit.checkpoint import LARGEST_OFFSET, Checkpoint, CheckpointError, parse
from pcare_audit.merkle import leaf_hash
from pcare_audit.sealed.items import FORMAT, End, Header, Item, Leaf, MergeOf, SealedCheckpoint, TrailHead, Unsealed
from pcare_audit.sealed.log_source import claimed
from pcare_audit.sealed.opening import UNPUBLISHED
from pcare_audit.sealed.order import MERGES_TOPIC, Order
from pcare_audit.sealed.verifying import DATABASE
from pcare_audit.signed_note import NoteError, split
from pcare_recorder.verdicts import PERSON
from pcare_schemas.origin import Origin

TABLE = "pcare.checkpoints"
ROWS_AT_ONCE = 5_000
UNSEALED_LISTED = 10_000
NO_MERGE = (ValueError, KeyError, TypeError, AttributeError)
"""What reading a text that is no merge raises."""

# a time that Python cannot hold is none, and a text beside it: nothing here writes such, an owner can
_NOTES = """
    SELECT c.size, CASE WHEN c.made_at >= '0001-01-02 UTC' AND c.made_at < '9999-12-31 UTC' THEN c.made_at END,
           c.made_at::text, c.note, c.published_offset
    FROM pcare.checkpoints AS c ORDER BY c.size, c.made_at
"""
_LEAVES = """
    SELECT l.leaf, l.origin_topic, l.origin_partition, l.origin_offset, l.hash, p.published::text, i.source, i.id
    FROM pcare.leaves AS l
    LEFT JOIN pcare.published AS p USING (origin_topic, origin_partition, origin_offset)
    LEFT JOIN pcare.interventions AS i USING (origin_topic, origin_partition, origin_offset)
    ORDER BY l.leaf
"""
# below what is sealed, and in no leaf; or where no recorder has been, so that no checkpoint will ever be of it
_UNSEALED = """
    SELECT row.topic, row.partition, row.offset, row.text, row.source, row.id,
           row.offset >= coalesce(c.next_offset, 0) AS beyond
    FROM (
        SELECT origin_topic, origin_partition, origin_offset, p.published::text, i.source, i.id
        FROM pcare.published AS p
        FULL JOIN pcare.interventions AS i USING (origin_topic, origin_partition, origin_offset)
    ) AS row (topic, partition, "offset", text, source, id)
    LEFT JOIN unnest($1::text[], $2::int[], $3::bigint[]) AS covered (topic, partition, next)
      ON row.topic = covered.topic AND row.partition = covered.partition
    LEFT JOIN pcare.cursors AS c ON c.topic = row.topic AND c.partition = row.partition
    LEFT JOIN pcare.leaves AS l
      ON l.origin_topic = row.topic AND l.origin_partition = row.partition AND l.origin_offset = row.offset
    WHERE l.leaf IS NULL AND (row.offset < covered.next OR row.offset >= coalesce(c.next_offset, 0))
    LIMIT $4
"""


async def reached(connection: asyncpg.Connection) -> dict[tuple[str, int], int]:
    """Return how far the database has come in each partition, and in the acts that merged persons."""
    cursors = await connection.fetch("SELECT topic, partition, next_offset FROM pcare.cursors")
    found = {(topic, partition): offset for topic, partition, offset in cursors}
    acts = [0]
    for (text,) in await connection.fetch("SELECT published::text FROM pcare.merges"):
        with suppress(*NO_MERGE):  # whoever verifies says so
            acts.append(_act(text) + 1)
    return {**found, (MERGES_TOPIC, 0): max(acts)}


class SealedRows:
    """The rows of one snapshot: to be used in a transaction that is `repeatable read`."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._merges: list[tuple[MergeOf, str]] = []
        self._no_merges: list[Unsealed] = []
        self._made = dt.datetime.now(dt.UTC)
        self._published: list[int | None] = []
        self.notes: list[SealedCheckpoint] = []

    def excuse_published_meanwhile(self, first: int, end: int) -> None:
        """Let those wait that were published at these offsets, while the topic was read and before the snapshot.

        No others: a topic that was emptied, cut at its end or made anew does not reach as far as the table says.
        """
        self.notes = [
            msgspec.structs.replace(one, at=UNPUBLISHED) if offset is not None and first <= offset < end else one
            for one, offset in zip(self.notes, self._published, strict=True)
        ]

    async def begin(self) -> None:
        """Read what a verification must know first: the checkpoints and the merges."""
        self._made = dt.datetime.now(dt.UTC)  # before the snapshot: what it does not show was made later
        rows = await self._connection.fetch(_NOTES)
        self.notes = [_note(*row) for row in rows]
        self._published = [row["published_offset"] for row in rows]
        found = await self._connection.fetch(
            "SELECT gone, kept, published::text FROM pcare.merges ORDER BY merged_at, gone"
        )
        for gone, kept, text in found:
            try:
                act = _act(text)
            except NO_MERGE:
                words = f"what pcare.merges has of {PERSON}{gone} is no merge"
                self._no_merges.append(Unsealed(f"{MERGES_TOPIC}/{gone}", "", words))
            else:
                self._merges.append((MergeOf(f"{PERSON}{gone}", f"{PERSON}{kept}", act), text))

    async def count(self) -> int:
        """Return how many leaves there are."""
        number: int = await self._connection.fetchval("SELECT count(*) FROM pcare.leaves")
        return number

    async def items(
        self, others: Sequence[SealedCheckpoint] = (), places: Sequence[str] = ()
    ) -> AsyncIterator[Sequence[Item]]:
        """Give everything, in portions. `others` are checkpoints of other `places`, which must have the same."""
        made = self._made.isoformat(timespec="seconds")
        head: list[Item] = [Header(FORMAT, DATABASE, made, [TABLE, *places]), *self.notes, *others]
        head += [TrailHead(position, hash_ or b"") for position, hash_ in await self._trail(claimed(self.notes))]
        head += [merge for merge, _ in self._merges]
        head += [*self._no_merges, *await self._unsealed()]
        yield head
        number = 0
        async for leaves in self.leaves():
            number += len(leaves)
            yield leaves
        yield [End(number)]

    async def leaves(self) -> AsyncIterator[list[Leaf]]:
        """Give the leaves with the texts that the rows have now."""
        by_act: dict[int, list[str]] = defaultdict(list)
        for merge, text in self._merges:
            by_act[merge.act].append(text)
        cursor = await self._connection.cursor(_LEAVES)
        while rows := await cursor.fetch(ROWS_AT_ONCE):
            yield [_merge_leaf(row, by_act) if row[1] == MERGES_TOPIC else _leaf(*row) for row in rows]

    async def _trail(self, checkpoints: Sequence[Checkpoint]) -> list[asyncpg.Record]:
        positions = sorted({one.acts.position for one in checkpoints if one.acts is not None})
        rows: list[asyncpg.Record] = await self._connection.fetch(
            "SELECT position, hash FROM pcare.acts_chain WHERE position = ANY($1::bigint[]) ORDER BY position",
            positions,
        )
        return rows

    async def _unsealed(self) -> list[Unsealed]:
        bounds = Order(claimed(self.notes)).bounds()
        bounds.pop((MERGES_TOPIC, 0), None)  # whoever verifies looks for the leaf of each merge
        rows = await self._connection.fetch(
            _UNSEALED,
            [topic for topic, _ in bounds],
            [partition for _, partition in bounds],
            list(bounds.values()),
            UNSEALED_LISTED,
        )
        return [_unsealed(*row) for row in rows]


def _act(merge: str) -> int:
    """Return the number of the act of a merge. Raises one of NO_MERGE where it is none."""
    act = Origin.parse(orjson.loads(merge)["origin"]).offset
    if act > LARGEST_OFFSET:
        raise ValueError("no act has such a number")
    return act


def _note(
    size: int | None, made_at: dt.datetime | None, said: str | None, note: str | None, offset: int | None
) -> SealedCheckpoint:
    spoilt, note = "", note or ""
    with suppress(CheckpointError, NoteError):  # whoever verifies says so
        if parse(split(note)[0]).time != made_at:
            spoilt = f"beside its note stands the time {said}, which is not what is signed"
    at = f"{said}" if made_at is None else f"{made_at:%Y-%m-%dT%H:%M:%SZ}"
    return SealedCheckpoint(TABLE, UNPUBLISHED if offset is None else at, note, size or 0, spoilt)


def _leaf(  # noqa: PLR0917 -- a row, as it is read
    leaf: int,
    topic: str,
    partition: int,
    offset: int,
    hash_: bytes,
    text: str | None,
    source: str | None,
    name: str | None,
) -> Leaf:
    if text is None:
        return Leaf(leaf, topic, partition, offset, hash_, [], source, name)
    gone = "" if source is not None else "its row in pcare.interventions is gone"
    return Leaf(leaf, topic, partition, offset, hash_, [text], source, name, gone)


def _merge_leaf(row: asyncpg.Record, by_act: dict[int, list[str]]) -> Leaf:
    leaf, topic, partition, offset, hash_ = row[:5]
    texts = by_act.get(offset, [])
    right = [text for text in texts if leaf_hash(text.encode()) == hash_]
    return Leaf(leaf, topic, partition, offset, hash_, (right or texts)[:1])


def _unsealed(  # noqa: PLR0917 -- likewise
    topic: str, partition: int, offset: int, text: str | None, source: str | None, name: str | None, beyond: bool
) -> Unsealed:
    origin = f"{topic}/{partition}/{offset}"
    words = "no recorder has come so far in its partition: it was put in" if beyond else ""
    if text is not None:
        return Unsealed(origin, text, words)
    named = orjson.dumps({"source": source, "id": name}).decode()
    words = words or "a row of pcare.interventions stands there without a text, and is in no leaf"
    return Unsealed(origin, named, words)
