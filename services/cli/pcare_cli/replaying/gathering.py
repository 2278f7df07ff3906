"""Fixes what a replay compares, in an order that makes it one state, whatever goes on meanwhile.

The aggregator is asked first, so that what it had counted is in the tables. Then the tables are frozen. Then the
recorder is waited for until it has published what the tables hold, which takes a running one a moment; and only then
are the ends of the topics taken. So all that the tables hold stands on the topics before these ends; what else stands
there has an origin behind the cursors, and is left out.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import asyncpg

from pcare_audit.replaying.frame import ACTS, Frame, Span, Where
from pcare_audit.replaying.ranges import narrowed
from pcare_audit.replaying.reading import TopicReader, Topics
from pcare_cli.audit_reading import read_only
from pcare_cli.replaying import aggregator, database
from pcare_cli.replaying.aggregator import NoAnswerError, Streamed
from pcare_cli.replaying.database import Tables
from pcare_cli.replaying.unread import unread
from pcare_cli.replaying.wanted import Wanted, is_submitted, refuse_what_is_not_read
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS

WAIT_SECONDS = 30.0
LOOK_SECONDS = 0.2
ATTEMPTS = 5
EVENTS_A_BUCKET = 50_000
FEWEST_BUCKETS, MOST_BUCKETS = 4, 512


@dataclass(frozen=True, slots=True)
class Gathered:
    """The frame, the name of the snapshot in which all read the tables, and what the aggregator said.

    `at` is the instant for which KPIs are counted.
    """

    frame: Frame
    snapshot: str
    connection: asyncpg.Connection
    at: dt.datetime
    streamed: Streamed | None
    why_not_streamed: str | None
    all_published: bool
    left_out: Mapping[str, int]
    troubles: tuple[str, ...] = ()


class MergesMovedError(Exception):
    """Each time the topics were looked at, somebody was merging persons."""


@contextlib.asynccontextmanager
async def gathered(
    wanted: Wanted,
    *,
    dsn: str,
    topics: Topics,
    group: str,
    reader: TopicReader,
    say: Callable[[str], None],
) -> AsyncIterator[Gathered]:
    """Fix what is compared; the snapshot lives as long as the `with`. Raises MergesMovedError, and what clients raise.

    A merge of two persons in the very moment between makes it begin again: there are few of these in a year.
    """
    for _ in range(ATTEMPTS):
        streamed, why_not = await _ask(wanted)
        late = await reader.spans(await topics.partitions([wanted.log, REJECTED, SUBJECTS]))
        async with database.snapshot_of(dsn) as connection:
            tables = await database.tables(connection)
            say("The tables are frozen; waiting until the recorder has published what they hold.")
            published, pending = await _until_published(dsn, topics, group, tables)
            found = await _frame(wanted, (reader, topics), tables, (published, pending), late)
            if await _merges_now(dsn) != tables.merges.keys():
                continue
            lacking = await unread(connection, wanted, tables, found.there)
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            at = tables.now if streamed is None else streamed.latest
            behind = sum(cursor.next_offset - published[where] for where, cursor in tables.cursors.items())
            yield Gathered(
                found.frame,
                snapshot,
                connection,
                at,
                streamed,
                why_not,
                not behind and not pending,
                found.left_out | lacking.left_out,
                (
                    *found.troubles,
                    *lacking.troubles,
                    *(_not_published(behind, pending, group) if _looks_for_all(found.frame) else ()),
                ),
            )
            return
    raise MergesMovedError("Persons are being merged. Try again when that has ended.")


async def _ask(wanted: Wanted) -> tuple[Streamed | None, str | None]:
    if wanted.aggregator is None or not wanted.whole:
        return None, None
    try:
        return await aggregator.ask(wanted.aggregator), None
    except NoAnswerError as error:
        return None, str(error)


async def _until_published(
    dsn: str, topics: Topics, group: str, tables: Tables
) -> tuple[dict[Where, int], frozenset[str]]:
    """Wait until all that the tables hold is on the topics, or no longer; return up to where it is.

    And the subjects that were merged into others, of which that is not published.
    """
    loop = asyncio.get_running_loop()
    best, since = -1, loop.time()
    while True:
        offsets = await topics.committed(group)
        published = {
            where: max(cursor.base_offset, min(offsets.get(where, cursor.base_offset), cursor.next_offset))
            for where, cursor in tables.cursors.items()
        }
        behind = sum(cursor.next_offset - published[where] for where, cursor in tables.cursors.items())
        pending = await _pending(dsn, tables)
        if behind == 0 and not pending:
            return published, pending
        if sum(published.values()) > best:
            best, since = sum(published.values()), loop.time()
        if loop.time() - since > WAIT_SECONDS:
            return published, pending
        await asyncio.sleep(LOOK_SECONDS)


async def _pending(dsn: str, tables: Tables) -> frozenset[str]:
    """Return those of the merges that no recorder has published yet."""
    if not tables.merges:
        return frozenset()
    async with read_only(dsn) as connection:
        now = await database.merges(connection)
    return frozenset(gone for gone in tables.merges if gone in now and not now[gone][2])


async def _merges_now(dsn: str) -> set[str]:
    async with read_only(dsn) as connection:
        return set(await database.merges(connection))


def _looks_for_all(frame: Frame) -> bool:
    """Whether it is asked of anything in the tables if it stands on a topic."""
    return frame.log_whole or frame.rejected_whole or frame.subjects_whole


def _not_published(behind: int, pending: frozenset[str], group: str) -> list[str]:
    """Return why not all of the tables can be held against the log; nothing where it can."""
    found = []
    if behind:
        found.append(
            f"by the offsets of the group {group}, the recorder has not published {behind:,} offsets that the tables "
            "have, so it cannot be said whether the log lacks them: is that its group (--group), and does it run?"
        )
    if pending:
        found.append(f"no recorder has published {len(pending):,} merges of persons: does one run?")
    return found


@dataclass(slots=True)
class _Found:
    frame: Frame
    there: set[str]
    left_out: dict[str, int]
    troubles: list[str]


async def _frame(
    wanted: Wanted,
    kafka: tuple[TopicReader, Topics],
    tables: Tables,
    standing: tuple[Mapping[Where, int], frozenset[str]],
    late: Mapping[Where, Span],
) -> _Found:
    (reader, topics), (published, pending) = kafka, standing
    there = await topics.names()
    handed_over = await topics.partitions([name for name in there if wanted.reads(name) and is_submitted(name)])
    submitted = sorted(set(handed_over) & set(tables.partitions))
    never_judged = sorted(set(handed_over) - set(tables.partitions))
    others = {
        topic: await topics.partitions([topic]) if wanted.reads(name) else []
        for topic, name in ((wanted.log, RECORDED), (REJECTED, REJECTED), (SUBJECTS, SUBJECTS))
    }
    everything = [*handed_over, *(where for partitions in others.values() for where in partitions)]
    held = await reader.spans(everything)
    judged = {where: Span(held[where].first, _judged(tables, where, held[where].first)) for where in submitted}
    refuse_what_is_not_read(wanted, held)
    judged |= {where: Span(held[where].first, held[where].first) for where in never_judged}
    spans = await _narrowed(wanted, reader, {**held, **judged})
    later = sum(max(0, held[where].end - judged[where].end) for where in handed_over)
    rows = sum(cursor.recorded for cursor in tables.cursors.values())
    kept = {where: span.first for where, span in held.items()}
    frame = Frame(
        log=wanted.log,
        places=(*sorted({where.topic for where in tables.partitions}), ACTS),
        cursors=tables.cursors,
        published=published,
        merged=_persons({gone: kept for gone, (kept, _, _) in tables.merges.items()}),
        merges={gone: text for gone, (_, text, _) in tables.merges.items()},
        pending=pending,
        rules=tables.rules,
        taken_at=tables.now,
        submitted={
            where: spans.get(where, Span(_next(tables, where), _next(tables, where))) for where in tables.partitions
        },
        held=kept,
        recorded={where: spans[where] for where in others[wanted.log]},
        rejected={where: spans[where] for where in others[REJECTED]},
        subjects={where: spans[where] for where in others[SUBJECTS]},
        late_recorded={where: span.end for where, span in late.items() if where.topic == wanted.log},
        late_rejected={where: span.end for where, span in late.items() if where.topic == REJECTED},
        late_subjects={where: span.end for where, span in late.items() if where.topic == SUBJECTS},
        log_whole=_is_whole(others[wanted.log], spans, held),
        rejected_whole=_is_whole(others[REJECTED], spans, held),
        subjects_whole=_is_whole(others[SUBJECTS], spans, held),
        rejected_to_end=_is_to_end(others[REJECTED], spans, held),
        subjects_to_end=_is_to_end(others[SUBJECTS], spans, held),
        buckets=min(max(rows // EVENTS_A_BUCKET, FEWEST_BUCKETS), MOST_BUCKETS),
    )
    troubles = [f"Kafka has no topic {topic}" for topic, found in others.items() if wanted.reads(topic) and not found]
    left_out = {"submitted records that were not judged yet (by offsets)": later} if later else {}
    return _Found(frame, there, left_out, troubles)


async def _narrowed(wanted: Wanted, reader: TopicReader, held: Mapping[Where, Span]) -> dict[Where, Span]:
    partitions = list(held)
    begin_at = await reader.offsets_at(wanted.begin.times(partitions))
    end_at = await reader.offsets_at(wanted.end.times(partitions))
    return narrowed(held, wanted.begin, wanted.end, begin_at, end_at)


def _is_whole(partitions: list[Where], spans: Mapping[Where, Span], held: Mapping[Where, Span]) -> bool:
    return bool(partitions) and all(spans[where] == held[where] for where in partitions)


def _is_to_end(partitions: list[Where], spans: Mapping[Where, Span], held: Mapping[Where, Span]) -> bool:
    return all(spans[where].end == held[where].end for where in partitions)


def _judged(tables: Tables, where: Where, first: int) -> int:
    return max(first, _next(tables, where))


def _next(tables: Tables, where: Where) -> int:
    cursor = tables.cursors.get(where)
    return 0 if cursor is None else cursor.next_offset


def _persons(kept: Mapping[str, str]) -> dict[str, str]:
    """Return who each subject that is gone turned out to be in the end."""
    found = {}
    for gone in kept:
        person, seen = kept[gone], {gone}
        while person in kept and person not in seen:
            seen.add(person)
            person = kept[person]
        found[gone] = person
    return found
