"""Verifies an export, or the system itself: the database, and the log beside the leaves of the database.

The log is a second witness: of what was changed in the database together with its leaf, it still says what was sealed.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import msgspec

from pcare_audit.log_reading import end_of
from pcare_audit.sealed.findings import Finding, Findings
from pcare_audit.sealed.items import (
    FORMAT,
    End,
    Header,
    Item,
    Leaf,
    MergeOf,
    SealedCheckpoint,
    Unsealed,
    read,
)
from pcare_audit.sealed.log_source import LogRecords, read_checkpoints
from pcare_audit.sealed.opening import open_all, trusted
from pcare_audit.sealed.order import Order
from pcare_audit.sealed.spool import Spool
from pcare_audit.sealed.texts import event_in
from pcare_audit.sealed.verifying import LOG, Kept, Result, Verification
from pcare_audit.signed_note import Opens
from pcare_cli.proving.database_source import TABLE, SealedRows, reached
from pcare_cli.proving.display import Bar
from pcare_cli.proving.further import with_strays, with_trail
from pcare_cli.proving.two_exports import PLACES, together
from pcare_cli.trail.reading import look_at_chain
from pcare_schemas.origin import Origin
from pcare_schemas.topics import CHECKPOINTS, RECORDED


class Asked(NamedTuple):
    """By which key, and against which checkpoints that were kept."""

    key: Opens
    kept: Sequence[Kept]

    def verification(self) -> Verification:
        """Begin one."""
        return Verification(self.key, self.kept)

    def order(self, notes: Iterable[SealedCheckpoint]) -> Order:
        """Return the order of leaves by those of the checkpoints that are signed."""
        kept = (SealedCheckpoint("", one.name, one.note, 0) for one in self.kept)
        return Order(trusted(open_all(self.key, [*notes, *kept], [], Findings()))[0])


class LogTopics(NamedTuple):
    """Where the log is: kafka-python's options, and the topics."""

    options: Mapping[str, Any]
    recorded: str = RECORDED
    checkpoints: str = CHECKPOINTS


def verify_file(file: Path, asked: Asked, bar: Bar, log_file: Path | None = None) -> list[Result]:
    """Verify an export; one of the database also against one of the log, by the checkpoints of both.

    Raises ExportError; NotTogetherError where the two are not the files to hold against each other.
    """
    verification = asked.verification()
    bar.begin("What was exported")
    bar.expect(max((note.size for note in _notes(_head(file))), default=0))
    if log_file is None:
        for item in read(file):
            verification.take(item)
            bar.advance()
        return [verification.finish()]
    log_head = _head(log_file)
    both = together(asked.key, _head(file), log_head)
    with spooled() as path, closing(_spool_of(log_file, path, asked.order(both.notes))) as spool:
        _take(verification, [one for one in both.notes if one.place != TABLE])
        for item in read(file):
            verification.take(_of_both(item))
            bar.advance()
            if isinstance(item, Leaf):
                spool.note_leaves([item])
        first = replace(verification.finish(), beyond=both.beyond)
        second = asked.verification()
        merges = [item for item in log_head if isinstance(item, MergeOf)]
        strays = [item for item in log_head if isinstance(item, Unsealed)]
        head: list[Item] = [Header(FORMAT, LOG, "", list(PLACES)), *both.notes]
        _take(second, _as_the_log_says(head, merges, spool, strays))
        leaves = (item for item in read(file) if isinstance(item, Leaf))
        _take(second, (_told(leaf, spool) for leaf in leaves))
        return _apart(first, replace(second.finish(), waiting=spool.waiting), spool)


async def verify_log(log: LogTopics, asked: Asked, bar: Bar) -> list[Result]:
    """Verify what Kafka holds, by itself. Raises LogUnreadableError."""
    notes, _ = await asyncio.to_thread(read_checkpoints, log.options, log.checkpoints)
    with spooled() as path, Spool(path, asked.order(notes)) as spool:
        records = LogRecords(log.options, log.recorded, bar.advance)
        bar.begin("Records of the log")
        await asyncio.to_thread(spool.fill, records.records())
        verification = asked.verification()
        _take(verification, log_items(notes, records, spool, log.checkpoints))
        return [replace(verification.finish(), waiting=spool.waiting)]


async def verify_system(
    connection: asyncpg.Connection, log: LogTopics, asked: Asked, bar: Bar, *, with_log: bool = True
) -> list[Result]:
    """Verify what the database holds, and what the log holds of it. Raises LogUnreadableError."""
    others, end = await asyncio.to_thread(read_checkpoints, log.options, log.checkpoints)  # before the snapshot
    async with snapshot(connection) as rows:
        # what the sealer put down as published before the snapshot is below the end that the topic has after it
        rows.excuse_published_meanwhile(end, await asyncio.to_thread(end_of, log.options, log.checkpoints))
        places = [log.checkpoints]
        notes = [*rows.notes, *others]
        with spooled() as path, Spool(path, asked.order(notes)) as spool:
            records = LogRecords(log.options, log.recorded, bar.advance)
            if with_log:
                bar.begin("Records of the log")
                await asyncio.to_thread(spool.fill, records.records())  # after it: what is sealed is on the log
            leaves = await rows.count()
            first = asked.verification()
            bar.begin("Rows of the database", leaves)
            async for items in rows.items(others, places):
                _take(first, items)
                spool.note_leaves(item for item in items if isinstance(item, Leaf))
                bar.advance(len(items))
            found = with_trail(first.finish(), await look_at_chain(connection))
            if not with_log:
                return [found]
            second = asked.verification()
            bar.begin("Leaves, by the log", leaves)
            head: list[Item] = [Header(FORMAT, LOG, "", [TABLE, *places]), *notes]
            _take(second, _as_the_log_says(head, records.merges, spool, records.strays))
            async for some in rows.leaves():
                _take(second, (_told(leaf, spool) for leaf in some))
                bar.advance(len(some))
            results = _apart(found, replace(second.finish(), waiting=spool.waiting), spool)
            suspects = spool.waiting_beyond(await reached(connection))
    # behind the snapshot, and so behind the log: what a recorder has published by then it has put down before
    return [results[0], with_strays(results[1], suspects, await reached(connection))]


@asynccontextmanager
async def snapshot(connection: asyncpg.Connection) -> AsyncIterator[SealedRows]:
    """See the database as it is at one moment, for the length of the block."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        rows = SealedRows(connection)
        await rows.begin()
        yield rows


@contextmanager
def spooled() -> Iterator[Path]:
    """Give the path of a file that is not there yet, and goes afterwards. Where, TMPDIR says."""
    with tempfile.TemporaryDirectory(prefix="pcare-audit-") as directory:
        yield Path(directory) / "log.sqlite"


def log_items(notes: Sequence[SealedCheckpoint], records: LogRecords, spool: Spool, checkpoints: str) -> Iterator[Item]:
    """Give what the log holds by itself, once it was read into `spool`."""
    yield Header(FORMAT, LOG, "", [checkpoints])
    yield from notes
    yield from records.merges
    yield from records.strays
    leaves = 0
    for leaf in spool.in_order():
        leaves += 1
        yield leaf
    yield End(leaves)


def _take(verification: Verification, items: Iterable[Item]) -> None:
    for item in items:
        verification.take(item)


def _head(file: Path) -> list[Item]:
    """Return what stands before the leaves of an export."""
    found: list[Item] = []
    for item in read(file):
        if isinstance(item, Leaf | End):
            break
        found.append(item)
    return found


def _of_both(item: Item) -> Item:
    """Return an item of the database's export as it is where the log's stands beside it."""
    if isinstance(item, Header):
        return msgspec.structs.replace(item, checkpoints_in=list(PLACES))
    return msgspec.structs.replace(item, place=TABLE) if isinstance(item, SealedCheckpoint) else item


def _notes(items: Iterable[Item]) -> list[SealedCheckpoint]:
    return [item for item in items if isinstance(item, SealedCheckpoint)]


def _spool_of(file: Path, path: Path, order: Order) -> Spool:
    spool = Spool(path, order)
    leaves = (item for item in read(file) if isinstance(item, Leaf))
    spool.fill(
        (leaf.origin_topic, leaf.origin_partition, leaf.origin_offset, text) for leaf in leaves for text in leaf.texts
    )
    return spool


def _as_the_log_says(
    head: Iterable[Item], merges: Iterable[MergeOf], spool: Spool, strays: Iterable[Unsealed] = ()
) -> Iterator[Item]:
    for item in head:
        if isinstance(item, Header):
            yield msgspec.structs.replace(item, source=LOG)
        elif isinstance(item, SealedCheckpoint):
            yield item
    yield from merges
    yield from strays
    yield from spool.without_leaf()


def _told(leaf: Leaf, spool: Spool) -> Leaf:
    """Return the leaf with what the log says of it in place of its row."""
    return msgspec.structs.replace(leaf, texts=spool.of_leaf(leaf), gone="")


def _apart(database: Result, log: Result, spool: Spool) -> list[Result]:
    """Leave out of what was found by the log what the database has shown already, and name events that rows do not."""
    known = set(database.findings)
    news = [finding for finding in log.findings if finding not in known]
    named = [_named(finding, spool) for finding in database.findings]
    rest = replace(log, findings=[_named(one, spool) for one in news], total=log.total - len(log.findings) + len(news))
    return [replace(database, findings=named), rest]


def _named(finding: Finding, spool: Spool) -> Finding:
    if finding.event is not None or finding.origin is None:
        return finding
    try:
        origin = Origin.parse(finding.origin)
    except ValueError:
        return finding
    events = map(event_in, spool.texts(origin.topic, origin.partition, origin.offset))
    return replace(finding, event=next((event for event in events if event is not None), None))
