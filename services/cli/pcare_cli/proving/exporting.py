"""An auditor takes the record away: everything that a verification needs, in one file."""

import asyncio
import datetime as dt
from pathlib import Path

import asyncpg
import msgspec

from pcare_audit.merkle import leaf_hash
from pcare_audit.sealed.items import ExportError, Header, Item, Leaf, Writer
from pcare_audit.sealed.log_source import LogRecords, claimed, read_checkpoints
from pcare_audit.sealed.order import Order
from pcare_audit.sealed.spool import Spool
from pcare_cli.proving.display import Bar
from pcare_cli.proving.verification import LogTopics, log_items, snapshot, spooled


async def export_database(connection: asyncpg.Connection, file: Path, bar: Bar) -> int:
    """Write what the database holds; return how many leaves there are. Raises ExportError; then there is none."""
    async with snapshot(connection) as rows:
        bar.begin("Leaves", await rows.count())
        leaves = 0
        with _NewFile(file) as writer:
            async for items in rows.items():
                for item in items:
                    leaves += isinstance(item, Leaf)
                    writer.add(_short(item))
                bar.advance(len(items))
        return leaves


async def export_log(log: LogTopics, file: Path, bar: Bar) -> int:
    """Write what Kafka holds, in the order that its checkpoints say; return how many leaves. As above."""
    notes, _ = await asyncio.to_thread(read_checkpoints, log.options, log.checkpoints)
    with spooled() as path, Spool(path, Order(claimed(notes))) as spool:
        records = LogRecords(log.options, log.recorded, bar.advance)
        bar.begin("Records of the log")
        await asyncio.to_thread(spool.fill, records.records())
        leaves = 0
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        bar.begin("Leaves")
        with _NewFile(file) as writer:
            for item in log_items(notes, records, spool, log.checkpoints):
                leaves += isinstance(item, Leaf)
                writer.add(msgspec.structs.replace(item, made=now) if isinstance(item, Header) else item)
                bar.advance()
        return leaves


class _NewFile:
    """A file that is there whole, or not at all."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer = Writer(file)

    def __enter__(self) -> Writer:
        return self._writer

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._writer.close()
        except ExportError:
            kind = ExportError
            raise
        finally:
            if kind is not None:
                self._file.unlink()


def _short(item: Item) -> Item:
    """Leave out what the text says too, where it is the text that was sealed."""
    if not isinstance(item, Leaf) or not item.texts or leaf_hash(item.texts[0].encode()) != item.hash:
        return item
    return msgspec.structs.replace(item, source=None, id=None)
