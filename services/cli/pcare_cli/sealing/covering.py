"""How far a checkpoint may reach: all below it is in the database, and on the log. Pure."""

import datetime as dt
from collections.abc import Mapping

from pcare_audit.checkpoint import MERGES, ActsHead, Checkpoint, in_order

AT_LEAST_EVERY = dt.timedelta(days=1)
TICK = dt.timedelta(milliseconds=1)

Offsets = Mapping[str, int]
"""An offset for each partition, by `topic/partition`: everything below it."""


def covered(before: Offsets, cursors: Offsets, committed: Offsets, merges_end: int) -> dict[str, int]:
    """Return how far the next checkpoint reaches: never less far than the one before.

    Of a partition, to where the database is (`cursors`) and the recorders have published (`committed`); nothing is
    new in one of which Kafka remembers no offset.
    """
    reached = {one: min(cursor, committed[one]) for one, cursor in cursors.items() if one in committed}
    if merges_end:
        reached[MERGES] = merges_end
    return {**before, **{one: max(offset, before.get(one, 0)) for one, offset in reached.items() if offset > 0}}


def behind(covers: Offsets, cursors: Offsets, merges_end: int) -> str | None:
    """Say what the database lacks of a checkpoint, or None where it is as far: it may come from an older backup."""
    for partition, offset in in_order(covers):
        here = merges_end if partition == MERGES else cursors.get(partition, 0)
        if here < offset:
            return f"{partition} is sealed below {offset}, and the database ends at {here}"
    return None


def is_due(
    before: Checkpoint | None, size: int, acts: ActsHead | None, now: dt.datetime, *, asked: bool = False
) -> bool:
    """Whether there is a checkpoint to make: something is new, somebody asked, or the last one is of yesterday."""
    if before is None:
        return asked or size > 0 or acts is not None
    return asked or size != before.size or acts != before.acts or now - before.time >= AT_LEAST_EVERY


def instant(now: dt.datetime, before: Checkpoint | None) -> dt.datetime:
    """Return the time of a new checkpoint, to the millisecond: later than the last one's, whatever the clock says."""
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return at if before is None else max(at, before.time + TICK)
