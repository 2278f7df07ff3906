"""Counts the KPIs of a day by what was known at another instant and by what is known now, and holds SQL beside both."""

import asyncio
import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from pcare_audit.changes import Cause, Cell, Changes
from pcare_audit.knowledge import as_told, is_merge
from pcare_audit.log_reading import countable
from pcare_audit.portions import Portions, Stretch
from pcare_audit.sums import Counted, Counts, kinds_read
from pcare_cli import accounting_readers
from pcare_cli.audit_record import Merges, Provider, Repairs, read_merges, read_providers, read_repairs
from pcare_schemas.kinds import TYPES
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.log import LogLine
from pcare_schemas.retraction import EventRetracted
from pcare_schemas.topics import RECORDED

LATE, AFTER, SENT_RIGHT, REDRIVEN, RETRACTION, MERGE = (
    "late",
    "after",
    "sent right",
    "redriven",
    "retraction",
    "merge",
)
SQL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Question:
    """Which KPIs, for which instant, as known when; `now` bounds today's knowledge. `wanted`: what is listed."""

    catalogue: Catalogue
    at: dt.datetime
    known_at: dt.datetime
    now: dt.datetime
    wanted: Callable[[Cell], bool] = lambda _cell: False


@dataclass(frozen=True, slots=True)
class Answer:
    """What was counted. `troubles` are reasons not to believe it; `notes` what a reader must know beside it."""

    changes: Changes
    repairs: Repairs
    providers: Mapping[str, Provider]
    stretches: Sequence[Stretch]
    troubles: tuple[str, ...]
    notes: tuple[str, ...]


async def count(
    connection: asyncpg.Connection, options: Mapping[str, Any], question: Question, *, log: str = RECORDED
) -> Answer:
    """Count by the log and by SQL. `options` are kafka-python's.

    Raises MergesPendingError, MergedMeanwhileError and LogUnreadableError: then nothing can be said.
    """
    merges = await read_merges(connection)
    repairs = await read_repairs(connection, question.known_at)
    causes = Causes(question.known_at, repairs)
    changes = Changes(question.catalogue, question.at, question.known_at, causes.of, question.wanted)
    kinds = frozenset().union(*(kinds_read(kpi, question.catalogue) for kpi in question.catalogue.kpis))
    portions = Portions(options, kinds, merges.gone, recorded_before=as_told(question.now), topic=log)
    found = await asyncio.to_thread(count_all, changes, portions, merges, portions.told_of)
    troubles = await _unlike_sql(connection, question, changes, merges)
    troubles += [
        f"{_named(cell)}: no event accounts for {rest} of the difference"
        for cell in sorted({*changes.then, *changes.now, *changes.by_cause})
        if (rest := changes.rest(cell)) != (0, 0)
    ]
    return Answer(changes, repairs, await read_providers(connection), portions.stretches, tuple(troubles), tuple(found))


class Causes:
    """What sort of thing each line is that became known since an instant."""

    def __init__(self, known_at: dt.datetime, repairs: Repairs) -> None:
        self._known_at, self._repairs = known_at, repairs

    def of(self, line: LogLine) -> Cause:
        """Say what sort of thing a line is, and whose."""
        if is_merge(line):
            return Cause(MERGE, None)
        event = (line.source, line.id)
        if TYPES[line.type] is EventRetracted:
            sort = RETRACTION
        elif event in self._repairs.redriven:
            sort = REDRIVEN
        elif event in self._repairs.sent_right:
            sort = SENT_RIGHT
        else:
            sort = LATE if dt.datetime.fromisoformat(line.time) < self._known_at else AFTER
        return Cause(sort, line.source)


def count_all(
    changes: Changes, portions: Iterable[list[LogLine]], merges: Merges, told_of: Collection[str]
) -> list[str]:
    """Count all portions, and return what cannot be told any more. Blocks.

    `told_of` are, by the end of the portions, those of the merged that the log tells of: by events of any kind.
    """
    for lines in portions:
        with countable():
            changes.add(lines, merges.gone)
    changes.finish()
    forgotten = sum(moved > 0 and gone not in told_of for gone, moved in merges.moved.items())
    if not forgotten:
        return []
    note = (
        f"The log was written anew after {forgotten} merges of persons: it no longer says which events "
        "were whose before, so these persons are one at any instant, as SQL has it."
    )
    return [note]


async def _unlike_sql(
    connection: asyncpg.Connection, question: Question, changes: Changes, merges: Merges
) -> list[str]:
    """Return where SQL counts otherwise: now, and then, unless somebody was merged since, which SQL cannot undo."""
    asked: list[tuple[Counts, dt.datetime, str]] = [(changes.now, question.now, "as known now")]
    since = as_told(question.known_at)
    if question.known_at != question.now and not any(line.recordedat >= since for line in merges.lines):
        asked.append((changes.then, question.known_at, "as known then"))
    troubles = []
    for counts, known_at, words in asked:
        sql = await accounting_readers.sql_kpis(connection, question.catalogue, question.at, known_at)
        for cell in sorted({*counts, *sql}):
            ours, theirs = (_made_of(one.get(cell)) for one in (counts, sql))
            if ours != theirs:
                troubles.append(f"{_named(cell)}, {words}: {ours} by replay, {theirs} by SQL")
    return troubles


def _made_of(counted: Counted | None) -> tuple[Any, ...]:
    """Return a number and what it is made of; what is 0, or 0 of 0, need not be there."""
    return (
        ()
        if counted is None or not (counted.numerator or counted.denominator)
        else (counted.value, counted.numerator, counted.denominator)
    )


def _named(cell: Cell) -> str:
    return " ".join(cell)
