"""Topics that the tables name and that cannot be read: what came by them is not judged again.

A topic of hand-over may be gone for good, when all that it held is older than such topics keep. Anything younger must
still be there, so that without it not all was compared.
"""

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

import asyncpg

from pcare_audit.replaying.frame import ACTS
from pcare_cli.replaying.database import Tables
from pcare_cli.replaying.wanted import Wanted, is_submitted
from pcare_cli.topic_plan import Plan, PlanError, read_plan
from pcare_schemas.topics import SUBMITTED

OLD = "hand-over topics that Kafka has not, or not for this user, and of which all is older than they keep"
FOREIGN = "topics that Kafka has not, or not for this user: what came by them was not judged again"


class Unread(NamedTuple):
    """What is said of the topics that were not read, as a replay says it."""

    troubles: tuple[str, ...]
    left_out: dict[str, int]


async def unread(
    connection: asyncpg.Connection, wanted: Wanted, tables: Tables, there: Collection[str], plan: Plan | None = None
) -> Unread:
    """Say what the tables name and is not `there` to be read. `connection` sees the snapshot of `tables`."""
    lacking = {where.topic for where in tables.partitions} - set(there) - {ACTS}
    lacking = {topic for topic in lacking if wanted.reads(topic)}
    handed_over = sorted(topic for topic in lacking if is_submitted(topic) and topic != SUBMITTED)
    since = {topic: _kept_since(topic, tables.now, plan or _plan()) for topic in handed_over}
    young = await _young(connection, since)
    troubles = [f"Kafka has no topic {SUBMITTED} that this user may read"] if SUBMITTED in lacking else []
    if young:
        troubles.append(
            f"Kafka has not, or not for this user, {', '.join(young)}, and the tables hold what came by it within the "
            "time that it keeps, which was not judged again: let this user of Kafka read and describe "
            f"{SUBMITTED}*, and replay again; where it was deleted, only the log is left to hold that against"
        )
    left_out = {
        OLD: len(handed_over) - len(young),
        FOREIGN: len(lacking) - len(handed_over) - (SUBMITTED in lacking),
    }
    return Unread(tuple(troubles), {words: number for words, number in left_out.items() if number})


def _plan() -> Plan | None:
    try:
        return read_plan()
    except PlanError:
        return None


def _kept_since(topic: str, now: dt.datetime, plan: Plan | None) -> dt.datetime | None:
    """Return from when on a topic still holds its records; None: from the first on, or nobody can say."""
    if plan is None:
        return None
    keep = plan.topics.get(topic, plan.provider_topic).keep
    return None if keep == "forever" else now - dt.timedelta(days=keep)


async def _young(connection: asyncpg.Connection, since: dict[str, dt.datetime | None]) -> list[str]:
    """Return those of the topics by which something came that they should still hold."""
    if not since:
        return []
    found = await connection.fetch(
        # both times are the broker's, of the record that was handed over
        "SELECT topic FROM unnest($1::text[], $2::timestamptz[]) AS asked (topic, since) WHERE EXISTS ("
        "SELECT FROM pcare.interventions WHERE origin_topic = topic AND (since IS NULL OR recorded_at >= since)) "
        "OR EXISTS (SELECT FROM pcare.rejections WHERE origin_topic = topic "
        "AND (since IS NULL OR received_at >= since)) ORDER BY topic",
        list(since),
        list(since.values()),
    )
    return [row[0] for row in found]
