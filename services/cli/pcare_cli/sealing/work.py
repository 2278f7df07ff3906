"""One sealer at work, on one connection to the database and one to Kafka, until either fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from pcare_audit.checkpoint import MERGES, Checkpoint, place
from pcare_audit.signed_note import Signer
from pcare_cli.sealing import covering, tables
from pcare_cli.sealing.first_subjects import first_subjects
from pcare_cli.sealing.growing import as_it_is, grow, new_leaves
from pcare_cli.sealing.looking_back import Place, look_back
from pcare_cli.sealing.merges import AsSealed
from pcare_cli.sealing.notes import Keys
from pcare_cli.sealing.reconciling import Reconciling
from pcare_cli.sealing.standing import Standing, stands
from pcare_cli.sealing.tables import Row
from pcare_cli.sealing.topic import CheckpointsTopic, Found
from pcare_cli.sealing.trouble import FIND_OUT, ContradictionError, NotNowError
from pcare_common import logs
from pcare_common.clock import Clock

PARTS_A_ROUND = 5  # of so many leaves: what was sealed is looked at again bit by bit, round by round

log = logs.get(__name__)


@dataclass(slots=True)
class Work:
    """What a sealer works with. `standing` is where it stood before; everything is read again if the table differs."""

    connection: asyncpg.Connection
    topic: CheckpointsTopic
    signer: Signer
    keys: Keys
    kafka: Mapping[str, Any]
    group: str
    clock: Clock
    standing: Standing | None = None
    _place: Place | None = None
    _reconciling: Reconciling = field(init=False)

    def __post_init__(self) -> None:
        """Follow the topic from its beginning."""
        self._reconciling = Reconciling(self.connection, self.topic, self.keys)

    async def begin(self) -> None:
        """Learn where the tree stands, and hold it against the rows and the topic.

        Raises ContradictionError, NotNowError, and what the clients raise, as `round` does.
        """
        if not await self._is_as_left():
            self.standing = await stands(self.connection, self.keys)
            await look_back(self.connection, self.standing.covers)
            self._reconciling = Reconciling(self.connection, self.topic, self.keys)
        await self._reconciling.follow(self._adopt)
        await self._reconciling.publish()

    async def _is_as_left(self) -> bool:
        """Whether the table is where this sealer left it: it may be another one, or have been made anew."""
        last = await tables.last_checkpoint(self.connection)
        row = None if self.standing is None else self.standing.row
        return last is not None and row is not None and (last.key, last.note) == (row.key, row.note)

    async def round(self, *, asked: bool = False) -> Checkpoint | None:
        """Look back a bit, seal what is new, publish; return the checkpoint if there was one to make, or `asked`."""
        await self.begin()
        self._place = await look_back(self.connection, self._stands.covers, self._place, PARTS_A_ROUND)
        made = await self._seal(asked)
        await self._reconciling.publish()
        return made

    @property
    def _stands(self) -> Standing:
        return self.standing or Standing()

    async def waiting(self) -> int:
        """Return how many events are recorded and not sealed."""
        covers = self._stands.covers
        number = 0
        for partition in await tables.cursors(self.connection):
            number += await tables.count_from(self.connection, *place(partition), covers.get(partition, 0))
        return number

    async def _seal(self, asked: bool) -> Checkpoint | None:
        committed = await self.topic.committed()  # before the snapshot: what is published below is in it
        before = self._stands
        transaction = self.connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            grown = await self._grown(before, committed, asked)
        except BaseException:
            if not self.connection.is_closed():
                await transaction.rollback()
            raise
        if grown is None:
            await transaction.rollback()
            return None
        await transaction.commit()
        self.standing = grown
        log.info("a checkpoint is made", leaves=grown.tree.size, new=grown.tree.size - before.tree.size)
        return grown.last

    async def _grown(self, before: Standing, committed: Mapping[str, int], asked: bool) -> Standing | None:
        waiting = await tables.merges_to_publish(self.connection)
        if waiting:
            raise NotNowError(
                f"{waiting} merges of persons are not on the topics yet: a recorder publishes them. Is one running?"
            )
        cursors, merges = await tables.cursors(self.connection), await tables.merges(self.connection)
        _not_behind(before.covers, cursors, merges.end)
        if any(cursors.values()) and not cursors.keys() & committed.keys():
            raise NotNowError(
                f"Kafka tells of no offset that the group {self.group} has committed. Has a recorder run since Kafka "
                "was made anew? Is PCARE_RECORDER_GROUP its group, and may this user DESCRIBE it and what it reads?"
            )
        covers = covering.covered(before.covers, cursors, committed, merges.end)
        tree = before.grown()
        await grow(self.connection, tree, new_leaves(self.connection, before.covers, covers, merges, as_it_is))
        acts = await tables.acts_head(self.connection)
        now = self.clock.now()
        if not covering.is_due(before.last, tree.size, acts, now, asked=asked):
            return None
        checkpoint = Checkpoint(
            self.keys.origin, tree.size, tree.root(), covering.instant(now, before.last), acts, covers
        )
        row = Row(tree.size, checkpoint.time, self.signer.sign(checkpoint.text()), None)
        await tables.add_checkpoint(self.connection, row)
        return Standing(tree, checkpoint, row)

    async def _adopt(self, checkpoint: Checkpoint, row: Row, found: Found) -> None:
        """Take a checkpoint that the database has lost, and derive its leaves again: their root must be its own."""
        before = self._stands
        below = checkpoint.covers.get(MERGES, 0)
        firsts = await first_subjects(self.kafka, self.group, await tables.merges(self.connection), below)
        async with self.connection.transaction(isolation="repeatable_read"):
            merges = await tables.merges(self.connection)
            _not_behind(checkpoint.covers, await tables.cursors(self.connection), merges.end)
            tree = before.grown()
            text_of = AsSealed(merges, below, firsts)
            await grow(
                self.connection, tree, new_leaves(self.connection, before.covers, checkpoint.covers, merges, text_of)
            )
            if (tree.size, tree.root()) != (checkpoint.size, checkpoint.root):
                raise ContradictionError(
                    f"The checkpoint of {checkpoint.size} leaves, {checkpoint.time:%Y-%m-%d %H:%M:%S}, is on the topic "
                    f"and not in the database, and what the database has does not lead to it: of the leaves from "
                    f"{before.tree.size} on one is missing, altered, or was put in ({tree.size} were found).",
                    FIND_OUT,
                )
            await tables.add_checkpoint(self.connection, row, found.at)
        self.standing = Standing(tree, checkpoint, row)
        log.info("a checkpoint came back from the topic", leaves=checkpoint.size)


def _not_behind(covers: Mapping[str, int], cursors: Mapping[str, int], merges_end: int) -> None:
    lacking = covering.behind(covers, cursors, merges_end)
    if lacking is not None:
        raise NotNowError(
            f"The database is behind what was sealed: {lacking}. If it was restored from a backup or lost, run `pcare "
            "rebuild`; then the sealer goes on by itself."
        )
