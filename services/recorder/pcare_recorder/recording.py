"""One batch, one transaction: rows, links, rejections and cursors move together or not at all."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import asyncpg

from pcare_common.errors import TransientError
from pcare_recorder import breaker, breaker_store, rows, store
from pcare_recorder.breaker import BreakerOpenedError
from pcare_recorder.errors import ErrorKind, classify
from pcare_recorder.faults import Faults, Point
from pcare_recorder.looking_up import look_up
from pcare_recorder.refusals import RowsRefusedError, Written, blameless, refused_rows, without_refused
from pcare_recorder.store import Advance, Span
from pcare_recorder.verdicts import (
    PERSON,
    Checked,
    Outcome,
    Submitted,
    Verdicts,
    judge,
)
from pcare_schemas.check import check
from pcare_schemas.origin import Origin
from pcare_schemas.rejections import Rejection
from pcare_schemas.rules import Rules

CHECKED_AT_A_TIME = 64
_NOBODY: Mapping[Origin, str] = {}
ATTEMPTS = 20  # each lost race shows the rows of the copy that won; only a storm of copies gets here


class FencedError(Exception):
    """Another recorder moved a cursor of this batch. Nothing of the batch was written; it must be dropped."""


class _RaceLostError(Exception):
    """Another recorder wrote an event or a link of this batch first. Judged again, it is seen as recorded."""


@dataclass(frozen=True, slots=True)
class Page:
    """A batch: the stretches that it covers, each from the carried cursor on, and the records in them."""

    spans: tuple[Span, ...]
    records: tuple[Submitted, ...] = ()


@dataclass(slots=True)
class Persisted:
    """What is in the database and must now be published: links first, then the rest."""

    page: Page
    verdicts: Verdicts
    links: list[rows.Message] = field(default_factory=list)
    messages: list[rows.Message] = field(default_factory=list)


async def check_all(page: Page, rules: Rules) -> list[Checked]:
    """Judge each record of a batch by itself, and let others run every few milliseconds."""
    checked: list[Checked] = []
    for first in range(0, len(page.records), CHECKED_AT_A_TIME):
        checked += [_check(submitted, rules) for submitted in page.records[first : first + CHECKED_AT_A_TIME]]
        await asyncio.sleep(0)
    return checked


def _check(submitted: Submitted, rules: Rules) -> Checked:
    try:
        return submitted, check(submitted.record, rules)
    except Exception as error:
        error.add_note(f"while judging {submitted.origin}")  # no verdict: a mistake of ours, and this is where to look
        raise


def new_subject() -> str:
    """Return the subject of a person who was not seen before. Random: nothing about the person can be read from it."""
    return f"{PERSON}{uuid4()}"


async def persist(
    connection: asyncpg.Connection,
    page: Page,
    checked: Sequence[Checked],
    *,
    rules_version: str,
    faults: Faults,
    limit: breaker.Limit | None = None,
    traceparents: Mapping[Origin, str] = _NOBODY,
) -> Persisted:
    """Write what became of a batch and move its cursors; with it, of the records that are followed, their traces.

    Raises FencedError when a cursor is not where the batch begins, and BreakerOpenedError when it rejects more than
    `limit` allows. Where the database refuses a row for what it
    holds, that event is rejected and no other. Whatever else is raised left nothing behind, except that a commit
    whose answer was lost may have succeeded: read the cursors again.
    """
    refused: dict[Origin, Rejection] = {}
    for _ in range(ATTEMPTS):
        judged = without_refused(checked, refused)
        attempt = _Attempt(
            connection,
            page,
            judged,
            rules_version=rules_version,
            faults=faults,
            limit=limit,
            traceparents=traceparents,
        )
        try:
            return await attempt.run()
        except (_RaceLostError, asyncpg.UniqueViolationError):
            continue
        except RowsRefusedError as refusal:
            refused |= await refused_rows(connection, refusal, already=refused)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            if classify(error) is ErrorKind.POISON:
                raise blameless(error) from error
            raise
    raise TransientError(f"{ATTEMPTS} times in a row other recorders wrote rows of this batch first")


class _Attempt:
    """One try at writing a batch."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        page: Page,
        checked: Sequence[Checked],
        *,
        rules_version: str,
        faults: Faults,
        limit: breaker.Limit | None,
        traceparents: Mapping[Origin, str],
    ) -> None:
        self._connection = connection
        self._page = page
        self._checked = checked
        self._rules_version = rules_version
        self._faults = faults
        self._limit = limit
        self._traceparents = traceparents

    async def run(self) -> Persisted:
        async with self._connection.transaction():
            await self._fence()
            recorded = await look_up(self._connection, self._checked, self._page.spans)
            verdicts = judge(self._checked, recorded, new_subject)
            if self._limit is not None and verdicts.rejections:
                await self._break(verdicts, self._limit)
            persisted = Persisted(self._page, verdicts)
            await self._add_links(persisted)
            await self._add_events(persisted)
            await self._faults.reach(Point.MIDDLE_OF_BATCH)
            await self._add_rejections(persisted)
            persisted.messages.extend(map(rows.settled_message, verdicts.settled))
            await self._move_cursors(verdicts)
            await self._faults.reach(Point.BEFORE_DATABASE_COMMIT)
        await self._faults.reach(Point.AFTER_DATABASE_COMMIT)
        return persisted

    async def _fence(self) -> None:
        carried = {span.partition: span.first for span in self._page.spans}
        if await store.lock_cursors(self._connection, carried) != carried:
            raise FencedError

    async def _break(self, verdicts: Verdicts, limit: breaker.Limit) -> None:
        rejected = breaker.by_partition(verdicts)
        firsts = {span.partition: span.first for span in self._page.spans if span.partition in rejected}
        tripped = breaker.tripped(
            limit,
            rejected,
            before=await breaker_store.rejected_before(self._connection, firsts, limit.window),
            released=await breaker_store.released(self._connection, firsts),
        )
        if tripped:
            raise BreakerOpenedError(tripped)

    async def _add_links(self, persisted: Persisted) -> None:
        links = persisted.verdicts.links
        if links:
            new = sorted(rows.link_row(link, self._rules_version) for link in links)
            if await store.add_links(self._connection, new) != len(new):
                raise _RaceLostError
            persisted.links.extend(map(rows.link_message, new))

    async def _add_events(self, persisted: Persisted) -> None:
        events = []
        for new in persisted.verdicts.events:
            traceparent = self._traceparents.get(new.submitted.origin)
            message = rows.event_message(new, self._rules_version, traceparent)
            persisted.messages.append(message)
            row = rows.event_row(new, message.value.decode(), self._rules_version, traceparent)
            events.append((row, (new.submitted, new.event)))
        events.sort(key=_by_event_key)  # in one order in every copy, so that no two wait for each other in a circle
        await self._add(store.add_events, events)

    async def _add_rejections(self, persisted: Persisted) -> None:
        rejections = []
        for submitted, rejection in persisted.verdicts.rejections:
            traceparent = self._traceparents.get(submitted.origin)
            message = rows.rejection_message(submitted, rejection, self._rules_version, traceparent)
            persisted.messages.append(message)
            row = rows.rejection_row(submitted, rejection, message.value.decode(), self._rules_version, traceparent)
            rejections.append((row, (submitted, rejection)))
        await self._add(store.add_rejections, rejections)

    async def _add(self, add: store.Adder, written: Sequence[Written]) -> None:
        if written:
            with RowsRefusedError.translated(add, written):
                await add(self._connection, [row for row, _ in written])

    async def _move_cursors(self, verdicts: Verdicts) -> None:
        advances = [
            Advance(
                span,
                recorded=verdicts.outcomes[span.partition, Outcome.RECORDED],
                duplicates=verdicts.outcomes[span.partition, Outcome.DUPLICATE],
                rejected=verdicts.outcomes[span.partition, Outcome.REJECTED],
            )
            for span in self._page.spans
        ]
        if await store.move_cursors(self._connection, advances) != len(advances):
            raise FencedError


def _by_event_key(written: Written) -> tuple[str, str]:
    row, _ = written
    return row[0], row[1]
