"""New leaves in their order, a bounded number at a time: into the table, and onto the tree."""

from collections.abc import AsyncIterator, Callable, Sequence

import asyncpg

from pcare_audit.checkpoint import MERGES, in_order, place
from pcare_audit.merkle import Tree, leaf_hash
from pcare_cli.sealing import tables
from pcare_cli.sealing.covering import Offsets
from pcare_cli.sealing.merges import Merges
from pcare_cli.sealing.tables import Stretch
from pcare_schemas.origin import Origin

Leaf = tuple[str, int, int, bytes]
"""Topic, partition and offset of what was recorded, and its hash."""

TextOf = Callable[[Origin, bytes], bytes]
"""What was sealed of a row, by its origin and its text now."""


def as_it_is(_origin: Origin, text: bytes) -> bytes:
    """Return the text of a row that is sealed now."""
    return text


async def new_leaves(
    connection: asyncpg.Connection, before: Offsets, covers: Offsets, merges: Merges, text_of: TextOf
) -> AsyncIterator[Sequence[Leaf]]:
    """Give the leaves that `covers` has beyond `before`, in the order of a checkpoint. Call it in a transaction."""
    merges_topic, merges_number = place(MERGES)
    for partition, end in in_order(covers):
        first = before.get(partition, 0)
        if partition == MERGES:
            yield [(merges_topic, merges_number, act, of_leaf) for act, of_leaf in merges.leaves(first, end)]
        elif first < end:
            topic, number = place(partition)
            async for rows in tables.texts(connection, Stretch(topic, number, first, end)):
                yield [
                    (topic, number, offset, leaf_hash(text_of(Origin(topic, number, offset), text)))
                    for offset, text in rows
                ]


async def grow(connection: asyncpg.Connection, tree: Tree, chunks: AsyncIterator[Sequence[Leaf]]) -> None:
    """Add leaves to the table and the tree."""
    async for leaves in chunks:
        if leaves:
            await tables.add_leaves(connection, tree.size, leaves)
            for leaf in leaves:
                tree.append(leaf[3])
