"""Holds the rows against the leaves: whether what was sealed is still there, as it was, and nothing beside it."""

from typing import NamedTuple

import asyncpg

from pcare_audit.checkpoint import MERGES, in_order, place
from pcare_audit.leaves import MergedInto, matching, merged_into
from pcare_cli.sealing import tables
from pcare_cli.sealing.covering import Offsets
from pcare_cli.sealing.merges import Merges
from pcare_cli.sealing.tables import Differing, Stretch
from pcare_cli.sealing.trouble import FIND_OUT, ContradictionError

LEAVES_A_PART = 20_000
LOWEST = -(2**63)  # no offset is below zero: a row that says so was put in


class Place(NamedTuple):
    """Where to go on: an offset of a partition."""

    partition: str
    offset: int


async def look_back(
    connection: asyncpg.Connection, covers: Offsets, begin: Place | None = None, parts: int | None = None
) -> Place | None:
    """Compare up to so many parts from `begin` on, all without a number; return where to go on, None at the end.

    Raises ContradictionError where a row is missing, altered, or was put in below what is covered.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        merges = await tables.merges(connection)
        await _merges(connection, merges, covers.get(MERGES, 0))
        merged = merged_into(merges.pairs())
        partitions = [(name, end) for name, end in in_order(covers) if name != MERGES]
        names = [name for name, _ in partitions]
        first = names.index(begin.partition) if begin is not None and begin.partition in names else 0
        for name, end in partitions[first:]:
            at = begin.offset if begin is not None and begin.partition == name else LOWEST
            while at < end:
                if parts == 0:
                    return Place(name, at)
                at = await _part(connection, name, at, end, merged)
                parts = None if parts is None else parts - 1
    return None


async def _part(connection: asyncpg.Connection, name: str, first: int, end: int, merged: MergedInto) -> int:
    topic, number = place(name)
    until = await tables.end_of_part(connection, Stretch(topic, number, first, end), LEAVES_A_PART)
    async for found in tables.differing(connection, Stretch(topic, number, first, until)):
        contradiction = _contradiction(found, f"{name}/{found.offset}", merged)
        if contradiction is not None:
            raise ContradictionError(contradiction, FIND_OUT)
    return until


def _contradiction(found: Differing, origin: str, merged: MergedInto) -> str | None:
    if found.leaf is None:
        return f"The event of {origin} is in pcare.published, and was not there when a checkpoint was made of it."
    if found.hash is None:
        return f"The leaf {found.leaf} of the event of {origin} holds no hash any more."
    if found.text is None:
        return f"The event of {origin}, leaf {found.leaf}, is no more in pcare.published."
    if matching(found.text, found.hash, merged) is None:
        return f"The event of {origin}, leaf {found.leaf}, is not in pcare.published as it was sealed."
    return None


async def _merges(connection: asyncpg.Connection, merges: Merges, end: int) -> None:
    sealed: set[tuple[int, bytes | None]] = set(await tables.merge_leaves(connection))
    there = set(merges.leaves(0, end))
    for act in sorted(act for act, _ in sealed ^ there):
        raise ContradictionError(f"What pcare.merges has of act {act} is not what was sealed.", FIND_OUT)
