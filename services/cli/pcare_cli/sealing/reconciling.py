"""Table and topic hold the same checkpoints: what the one lacks comes from the other, and what contradicts is named."""

from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from pcare_audit.checkpoint import Checkpoint
from pcare_cli.sealing import tables
from pcare_cli.sealing.notes import Keys, read_record, unverified
from pcare_cli.sealing.tables import Row
from pcare_cli.sealing.topic import CheckpointsTopic, Found
from pcare_cli.sealing.trouble import FIND_OUT, ContradictionError
from pcare_common import logs
from pcare_schemas.sealed import checkpoint_text
from pcare_schemas.topics import CHECKPOINTS

log = logs.get(__name__)

Adopt = Callable[[Checkpoint, Row, Found], Awaitable[None]]
"""Takes a checkpoint that only the topic has, behind all that the table has."""


class Reconciling:
    """Follows the topic. `position` is up to where it was read."""

    def __init__(self, connection: asyncpg.Connection, topic: CheckpointsTopic, keys: Keys) -> None:
        self._connection = connection
        self._topic = topic
        self._keys = keys
        self._position: int | None = None
        self._first: int | None = None

    async def follow(self, adopt: Adopt) -> None:
        """Read what the topic has beyond the last time; all of it at first, and when Kafka has lost it.

        What is no more there, at its end or at its beginning, is to be published again.
        Raises ContradictionError where the table does not hold what is there, and what `adopt` raises.
        """
        held = await self._topic.held()
        anew = self._position is None or self._position > held.end
        if anew or held.first != self._first:  # records deleted from its beginning leave the end where it was
            lost = await tables.not_published_outside(self._connection, held.first, held.end)
            if lost:
                log.warning("Kafka has lost checkpoints; they are published again", checkpoints=lost)
        self._position = held.first if anew or self._position is None else max(self._position, held.first)
        self._first = held.first
        async for records in self._topic.read(self._position, held.end):
            await self._take(records, adopt)
            self._position = records[-1].offset + 1

    async def _take(self, records: Sequence[Found], adopt: Adopt) -> None:
        read = [(found, _row(found)) for found in records]
        notes = {found.offset: row.note for found, row in read}
        said = await tables.published_in(self._connection, records[0].offset, records[-1].offset + 1)
        elsewhere = [row for row in said if notes.get(row.published_offset or 0) != row.note]
        await tables.not_published(self._connection, elsewhere)
        known = await tables.checkpoints_of(self._connection, [row.key for _, row in read])
        there = {row.key: row for row in known}
        for found, row in read:
            if row.key not in there:
                await self._adopt(found, row, adopt)
                there[row.key] = row
            elif there[row.key].note != row.note:
                self._keys.open(row.note, _where(found))
                raise ContradictionError(f"{_where(found)} says otherwise than pcare.checkpoints does.", FIND_OUT)
            elif there[row.key].published_offset is None:
                await tables.published(self._connection, row, found.offset, found.at)

    async def _adopt(self, found: Found, row: Row, adopt: Adopt) -> None:
        checkpoint = self._keys.open(row.note, _where(found))
        last = await tables.last_checkpoint(self._connection)
        if last is not None and row.key < last.key:
            raise ContradictionError(f"{_where(found)} is not in pcare.checkpoints, and later ones are.", FIND_OUT)
        await adopt(checkpoint, row, found)

    async def publish(self) -> None:
        """Publish what Kafka has not acknowledged, in order. It may be there all the same: repeats do no harm."""
        while waiting := await tables.to_publish(self._connection):
            for row in waiting:
                value = checkpoint_text(row.note, origin=self._keys.origin, size=row.size, made_at=row.made_at)
                found = await self._topic.publish(self._keys.origin.encode(), value)
                await tables.published(self._connection, row, found.offset, found.at)


def _row(found: Found) -> Row:
    """Read a record as a row. Its signature is not looked at: the table's were, and one that it has is the same."""
    note = read_record(found.value, _where(found)).note
    checkpoint = unverified(note, _where(found))
    return Row(checkpoint.size, checkpoint.time, note, found.offset)


def _where(found: Found) -> str:
    return f"The record {CHECKPOINTS}/0/{found.offset}"
