"""Where the tree stands: made again from the leaves, and held against every checkpoint that was signed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg

from pcare_audit.checkpoint import Checkpoint
from pcare_audit.merkle import Tree
from pcare_cli.sealing import tables
from pcare_cli.sealing.notes import Keys
from pcare_cli.sealing.tables import Row
from pcare_cli.sealing.trouble import FIND_OUT, ContradictionError

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Standing:
    """The tree as its right edge, and the last checkpoint with its row; none where nothing was sealed."""

    tree: Tree = field(default_factory=Tree)
    last: Checkpoint | None = None
    row: Row | None = None

    @property
    def covers(self) -> dict[str, int]:
        """How far the last checkpoint reaches."""
        return {} if self.last is None else dict(self.last.covers)

    def grown(self) -> Tree:
        """Return a tree to go on with; this one stays as it is."""
        return Tree(self.tree.size, self.tree.edge)


async def stands(connection: asyncpg.Connection, keys: Keys) -> Standing:
    """Return where the table's tree stands.

    Raises ContradictionError where a checkpoint is not signed, a leaf is missing, or a root is not that of the leaves.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        tree, standing = Tree(), Standing()
        leaves = _one_by_one(tables.leaves(connection))
        async for row in tables.checkpoints(connection):
            standing = await _next(tree, leaves, standing, row, keys)
        beyond = await anext(leaves, None)
    if beyond is not None:
        raise ContradictionError(f"Leaf {beyond[0]} stands in pcare.leaves, and no checkpoint is of it.", FIND_OUT)
    return Standing(tree, standing.last, standing.row)


async def _next(
    tree: Tree, leaves: AsyncIterator[tuple[int, bytes | None]], before: Standing, row: Row, keys: Keys
) -> Standing:
    where = named(row)
    checkpoint = keys.open(row.note, where)
    if (checkpoint.size, checkpoint.time) != (row.size, row.made_at):
        raise ContradictionError(f"{where} holds the note of another.", FIND_OUT)
    if before.last is not None:
        _follows(before.last, checkpoint, where)
    while tree.size < row.size:
        found = await anext(leaves, None)
        if found is None or found[0] != tree.size:
            raise ContradictionError(f"Leaf {tree.size} is missing in pcare.leaves, and {where} is of it.", FIND_OUT)
        if found[1] is None or len(found[1]) != HASH_BYTES:  # the table refuses that, until an owner changes it
            raise ContradictionError(f"Leaf {tree.size} in pcare.leaves holds no hash any more.", FIND_OUT)
        tree.append(found[1])
    if tree.root() != checkpoint.root:
        since = 0 if before.last is None else before.last.size
        raise ContradictionError(
            f"The leaves do not have the root of {where}: one from {since} to {row.size - 1} was altered.", FIND_OUT
        )
    return Standing(tree, checkpoint, row)


def _follows(before: Checkpoint, checkpoint: Checkpoint, where: str) -> None:
    back = [one for one, offset in before.covers.items() if checkpoint.covers.get(one, -1) < offset]
    if back or checkpoint.time <= before.time:
        raise ContradictionError(f"{where} takes back what the one before it covers.", FIND_OUT)


async def _one_by_one(
    chunks: AsyncIterator[list[tuple[int, bytes | None]]],
) -> AsyncIterator[tuple[int, bytes | None]]:
    async for chunk in chunks:
        for one in chunk:
            yield one


def named(row: Row) -> str:
    """Return how a row of the table is called in a message."""
    return f"The checkpoint of {row.size} leaves, {row.made_at:%Y-%m-%d %H:%M:%S}, in pcare.checkpoints"
