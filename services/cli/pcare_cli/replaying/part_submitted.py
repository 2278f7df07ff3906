"""One partition of submitted records beside what the tables hold of its origins: both in the order of the offsets."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from pcare_audit.replaying import joining, linking
from pcare_audit.replaying.columns import text_digest
from pcare_audit.replaying.frame import ACTS, Span, Where
from pcare_audit.replaying.joining import AGREES, DIFFERS, NO_RECORD, NOT_HELD, NOTHING, PUBLISHED, REJECTION, pack
from pcare_audit.replaying.rechecking import Asked, Judging, Known, Recorded, Use, settle
from pcare_audit.replaying.rejecting import unlike_columns
from pcare_audit.replaying.result import Difference, Event, Kind
from pcare_cli.replaying import database
from pcare_cli.replaying.database import PublishedRow, RejectionRow
from pcare_cli.replaying.part import Part, moment
from pcare_schemas.check import Record
from pcare_schemas.origin import Origin

END_OF_OFFSETS = 2**63 - 1
ASKED_AT_A_TIME = 500


async def read_submitted(part: Part, where: Where, span: Span) -> None:
    """Judge a partition's records again, and sort what the tables have of it into buckets."""
    if not 0 <= where.partition < joining.MOST_PARTITIONS:
        words = "A table says of what stands in it that it came by a partition that no topic can have."
        part.findings.differ("rows", Difference(Kind.ROW_NOT_IN_LOG, words, place=f"{where}/0"))
        return
    if span.first < span.end:  # retention, or an erasure, may have deleted more since the ends were taken
        held = (await part.reader.spans([where]))[where]
        span = Span(min(max(span.first, held.first), span.end), span.end)
    one = _Partition(part, where, span)
    await one.without_records(0, span.first)
    done = span.first
    async for records in part.stretch(where, span):
        end = records[-1].offset + 1
        await one.with_records(done, end, records)
        done = end
    await one.with_records(done, span.end, ())
    await one.without_records(span.end, END_OF_OFFSETS)
    await one.end()


class _Partition:
    def __init__(self, part: Part, where: Where, span: Span) -> None:
        self._part = part
        self._where = where
        self._span = span
        self._findings = part.findings
        self._cursor = part.frame.cursors.get(where)
        self._number = part.frame.place_of(where.topic) or 0
        self._judging = Judging(part.frame, part.findings)
        self._asked: list[Asked] = []
        self._two_named: list[Use] = []
        self._uses: dict[str, Use] = {}
        self._counted: Counter[str] = Counter()

    async def without_records(self, first: int, end: int) -> None:
        """Take what the tables have of offsets that are not read, page by page."""
        while first < end:
            until = await database.end_of_page(self._part.connection, self._where, first, end)
            async for row in self._published(first, until):
                status = NOT_HELD if row.offset < self._next() else NO_RECORD
                self._put(PUBLISHED, row.offset, status, text_digest(row.text, row.traceparent))
            for rejection in await self._rejections(first, until):
                self._take_rejection(rejection)
            first = until

    async def with_records(self, first: int, end: int, records: Sequence[Any]) -> None:
        """Judge the records of [first, end), which are all that stand there, beside what the tables have."""
        if first >= end:
            return
        published = {row.offset: row async for row in self._published(first, end)}
        rejections = {row.offset: row for row in await self._rejections(first, end)}
        for record in records:
            self._judge(record, published.pop(record.offset, None), rejections.get(record.offset))
        for row in published.values():
            self._put(PUBLISHED, row.offset, NO_RECORD, text_digest(row.text, row.traceparent))
        read = {record.offset for record in records} if rejections else set()
        for rejection in rejections.values():
            self._take_rejection(rejection)
            if rejection.offset not in read:
                words = "A rejection is of an offset at which nothing was submitted."
                self._differ(Kind.REJECTION_DIFFERS, words, rejection.offset, check="rejections")
        if len(self._asked) >= ASKED_AT_A_TIME:
            await self._settle()
        if len(self._two_named) >= ASKED_AT_A_TIME:
            await self._settle_uses()

    async def end(self) -> None:
        """Settle what is left, and compare the counts."""
        await self._settle()
        await self._settle_uses()
        for use in self._uses.values():
            self._put_use(use)
        self._count()

    def _judge(self, found: Any, row: PublishedRow | None, rejection: RejectionRow | None) -> None:
        offset = found.offset
        origin = Origin(*self._where, offset)
        record = Record(found.value, found.key, self._where.topic, moment(found.timestamp))
        self._findings.compared["submitted"] += 1
        self._findings.counts["submitted"] += 1
        if self._is_counted(offset):
            self._counted["submitted"] += 1
        if row is not None and rejection is not None:
            words = "The record is both recorded and rejected."
            self._differ(Kind.VERDICT_DIFFERS, words, offset)
        if row is not None:
            agrees, use = self._judging.recorded(origin, record, Recorded(row.text))
            self._put(PUBLISHED, offset, AGREES if agrees else DIFFERS, text_digest(row.text, row.traceparent))
            if use is not None:
                self._use(use)
            return
        asked = (
            self._judging.neither(origin, record)
            if rejection is None
            else self._judging.rejected(origin, record, rejection.kept)
        )
        if rejection is None and self._is_counted(offset):
            self._counted["duplicates"] += 1
        if asked is not None:
            self._asked.append(asked)

    async def _settle(self) -> None:
        """Ask the record about the events whose verdict depends on it."""
        asked, self._asked = self._asked, []
        if not asked:
            return
        keys = {(one.event.source, one.event.id) for one in asked}
        keys |= {(one.event.source, one.event.data.retracts) for one in asked if hasattr(one.event.data, "retracts")}
        known = await database.known(self._part.connection, keys)
        names = {name for one in asked if one.rejected is not None for name in one.event.pseudonyms}
        links = await database.links_of(self._part.connection, sorted(names))
        for one in asked:
            wrong = settle(one, known, links, self._part.frame)
            if wrong is None:
                self._findings.counts["duplicates"] += one.rejected is None and not _is_itself(one, known)
                continue
            kind, words, expected, is_found = wrong
            named = Event(one.event.source, one.event.id)
            self._findings.differ(
                "submitted", Difference(kind, words, named, str(one.origin), None, expected, is_found)
            )

    def _use(self, use: Use) -> None:
        """Take note of whom an event is about. Of a pseudonym the latest event says most; so it is said once."""
        if len(use.pseudonyms) > 1:
            self._two_named.append(use)
            return
        name = use.pseudonyms[0]
        before = self._uses.get(name)
        if before is not None and before.subject != use.subject:
            self._put_use(before)
        self._uses[name] = use

    async def _settle_uses(self) -> None:
        """Look up both pseudonyms of events that have two: one of them must lead to the event's subject."""
        uses, self._two_named = self._two_named, []
        if not uses:
            return
        links = await database.links_of(
            self._part.connection, sorted({name for use in uses for name in use.pseudonyms})
        )
        for use in uses:
            self._findings.compared["links"] += 1
            of_its_time = [
                links[name] for name in use.pseudonyms if name in links and links[name].linked_at <= use.recorded_at
            ]
            if of_its_time and self._part.frame.person(use.subject) not in {
                self._part.frame.person(link.subject) for link in of_its_time
            }:
                words = "The event was recorded about another subject than either of its pseudonyms leads to."
                self._findings.differ("links", Difference(Kind.LINK_DIFFERS, words, place=str(use.origin)))

    def _put_use(self, use: Use) -> None:
        name = linking.digest_of(use.pseudonyms[0])
        try:
            subject = linking.subject_bytes(self._part.frame.person(use.subject))
        except ValueError:
            words = "The event names a person, and is recorded about something else."
            self._findings.differ("links", Difference(Kind.LINK_DIFFERS, words, place=str(use.origin)))
            return
        entry = linking.Entry(
            name,
            linking.USE,
            0,
            subject,
            NOTHING,
            linking.milliseconds(use.recorded_at),
            self._number,
            self._where.partition,
            use.origin.offset,
            0,
            0,
        )
        self._part.links.add(linking.bucket_of(name, self._part.frame.buckets), entry.packed())

    async def _published(self, first: int, end: int) -> AsyncIterator[PublishedRow]:
        rows = await database.published(self._part.connection, self._where, first, end)
        self._counted["recorded"] += sum(self._is_counted(row.offset) for row in rows)
        self._findings.counts["recorded"] += len(rows)
        for row in rows:
            yield row

    async def _rejections(self, first: int, end: int) -> list[RejectionRow]:
        rows = await database.rejections(self._part.connection, self._where, first, end)
        self._counted["rejected"] += sum(self._is_counted(row.offset) for row in rows)
        self._findings.counts["rejected"] += len(rows)
        self._findings.counts["rejections"] += len(rows)
        return rows

    def _take_rejection(self, row: RejectionRow) -> None:
        for field in unlike_columns(Origin(*self._where, row.offset), row.text, row.kept, row.received_at, row.columns):
            words = "A column of the rejection is not what was published of it."
            self._differ(Kind.REJECTION_DIFFERS, words, row.offset, field=field, check="rejections")
        received = linking.milliseconds(row.received_at)
        if self._part.frame.rejected:
            self._put(REJECTION, row.offset, 0, text_digest(row.text, row.traceparent), received)

    def _put(self, tag: int, offset: int, status: int, digest: bytes, place: int = 0) -> None:
        if tag == PUBLISHED and not self._part.frame.recorded:
            return
        bucket = joining.bucket_of(self._where.partition, offset, self._part.frame.buckets)
        self._part.spill.add(
            bucket, pack(self._number, self._where.partition, offset, tag, status, digest, NOTHING, 0, max(place, 0))
        )

    def _is_counted(self, offset: int) -> bool:
        return self._cursor is not None and self._cursor.base_offset <= offset < self._cursor.next_offset

    def _next(self) -> int:
        return 0 if self._cursor is None else self._cursor.next_offset

    def _count(self) -> None:
        """Compare with the cursor what can be: of records that Kafka no longer holds only what the tables have."""
        cursor = self._cursor
        if cursor is None:
            if self._where.topic != ACTS:
                words = "The tables hold what became of records of this partition, and have no cursor that counts them."
                self._findings.differ("counts", Difference(Kind.COUNT_DIFFERS, words, place=f"{self._where}/0"))
            return
        self._findings.compared["counts"] += 1
        counted: Mapping[str, int] = {"recorded": cursor.recorded, "rejected": cursor.rejected}
        if self._span.first <= cursor.base_offset and self._span.end >= cursor.next_offset:
            counted = {
                **counted,
                "duplicates": cursor.duplicates,
                "submitted": cursor.recorded + cursor.duplicates + cursor.rejected,
            }
        for name, expected in counted.items():
            if self._counted[name] != expected:
                words = f"The cursor of {self._where} accounts for another number of records than are there."
                self._findings.differ(
                    "counts",
                    Difference(
                        Kind.COUNT_DIFFERS,
                        words,
                        place=f"{self._where}/{cursor.base_offset}",
                        field=name,
                        expected=f"{self._counted[name]:,}",
                        found=f"{expected:,}",
                    ),
                )

    def _differ(
        self, kind: Kind, words: str, offset: int, *, field: str | None = None, check: str = "submitted"
    ) -> None:
        place = str(Origin(*self._where, offset))
        self._findings.differ(check, Difference(kind, words, place=place, field=field))


def _is_itself(asked: Asked, known: Mapping[tuple[str, str], Known]) -> bool:
    """Whether the event that has the content is this very record: its row stands, and only its text is missing."""
    there = known.get((asked.event.source, asked.event.id))
    return there is not None and there.origin == asked.origin
