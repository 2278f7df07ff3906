"""From a doubt to a difference: what differed as a digest is read once more, and said in words.

Only what is listed is read again, so it takes no longer however much differs.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import asyncpg
import msgspec
from aiokafka.structs import ConsumerRecord

from pcare_audit.replaying.columns import COLUMNS, DETAILS, Values, derived, held, in_words, unlike
from pcare_audit.replaying.findings import Doubt
from pcare_audit.replaying.frame import Frame, Where
from pcare_audit.replaying.joining import SHARED_ORIGIN
from pcare_audit.replaying.linking import ERASED_ON_TOPIC
from pcare_audit.replaying.reading import TopicReader
from pcare_audit.replaying.rechecking import first_difference
from pcare_audit.replaying.result import MEANINGS, Difference, Event, Kind
from pcare_cli.replaying import database
from pcare_cli.replaying.part import traceparent
from pcare_schemas.log import LogLine, read_line
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import moved_text

NO_VALUE = "a value that no event can have"
_SOURCE, _ID = COLUMNS.index("source"), COLUMNS.index("id")


_OF_THE_LOG = frozenset({"log", "rows", "repeats"})
"""The checks whose doubts are about a record of the log."""


class _Seen(NamedTuple):
    """What stands of an origin in the tables. Of rows there is one, unless somebody put in more."""

    text: bytes | None
    traceparent: bytes | None
    rows: Sequence[Values]

    def row_of(self, event: Event | None) -> Values | None:
        """Return the row of an event; or the first there is, if the event has none."""
        return next((row for row in self.rows if _event_of(row) == event), self.rows[0] if self.rows else None)


async def name(
    doubts: Sequence[tuple[str, Doubt]], frame: Frame, reader: TopicReader, connection: asyncpg.Connection
) -> list[Difference]:
    """Return the differences that doubts turn out to be; a row with several wrong columns is several."""
    rows: dict[Origin, list[Values]] = defaultdict(list)
    for row in await database.rows_of(connection, {doubt.origin for _, doubt in doubts}):
        rows[Origin(row[0], row[1], row[2])].append(_held(row[3:]))
    found: list[Difference] = []
    for check, doubt in doubts:
        seen = await _seen(doubt, rows[doubt.origin], connection)
        place = doubt.place if check in _OF_THE_LOG else None
        record = None if place is None else await reader.one(Where(place.topic, place.partition), place.offset)
        found += _named(check, doubt, seen, record, frame)
    return _moved_rows(found)


async def settled_since(
    doubts: Sequence[tuple[str, Doubt]], reader: TopicReader, connection: asyncpg.Connection
) -> list[tuple[str, Doubt]]:
    """Return the doubts that an erasure under way explains: it writes to the topics first, and to the tables last.

    `connection` sees the tables as they are by now.
    """
    return [one for one in doubts if await _is_settled(*one, reader, connection)]


async def _is_settled(check: str, doubt: Doubt, reader: TopicReader, connection: asyncpg.Connection) -> bool:
    origin = doubt.origin
    if doubt.words == ERASED_ON_TOPIC:
        return not await database.is_linked_by(connection, origin)
    if check != "rejections" or doubt.kind is not Kind.REJECTION_DIFFERS or doubt.place is None:
        return False
    where = Where(origin.topic, origin.partition)
    record = await reader.one(Where(doubt.place.topic, doubt.place.partition), doubt.place.offset)
    rows = await database.rejections(connection, where, origin.offset, origin.offset + 1)
    return record is not None and [row.text for row in rows] == [record.value]


def _held(row: Sequence[Any]) -> Values:
    """Return what a row holds; of what no event can say, such as a number without bounds, that it is none."""
    try:
        return held(row)
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return (*row[:DETAILS], NO_VALUE, *row[DETAILS + 1 :])


async def _seen(doubt: Doubt, rows: Sequence[Values], connection: asyncpg.Connection) -> _Seen:
    origin = doubt.origin
    where = Where(origin.topic, origin.partition)
    for row in await database.published(connection, where, origin.offset, origin.offset + 1):
        return _Seen(row.text, row.traceparent, rows)
    return _Seen(None, None, rows)


def _named(check: str, doubt: Doubt, seen: _Seen, record: ConsumerRecord | None, frame: Frame) -> Iterator[Difference]:
    words = doubt.words or MEANINGS[doubt.kind]
    if check not in _OF_THE_LOG:
        yield Difference(doubt.kind, words, place=str(doubt.place or doubt.origin), found=str(doubt.origin))
        return
    text = None if record is None else _unmoved(record.value, frame)
    line = _line(text) or _line(seen.text)
    event = _event(line, seen)
    place = str(doubt.place or doubt.origin)
    if doubt.kind is Kind.TEXT_DIFFERS and text is not None and seen.text is not None:
        yield _unlike_text(text, record, seen, event, place)
    elif doubt.words == SHARED_ORIGIN:
        for row in seen.rows:
            if _event_of(row) != event:
                yield Difference(doubt.kind, words, _event_of(row), place)
    elif doubt.kind is Kind.ROW_DIFFERS and line is not None and (values := seen.row_of(event)) is not None:
        for column, expected, found in unlike(derived(line), values):
            kind = Kind.CONTENT_HASH_DIFFERS if column == "content_sha256" else Kind.ROW_DIFFERS
            yield Difference(kind, MEANINGS[kind], event, place, column, expected, found)
    else:
        yield Difference(doubt.kind, words, event, place, doubt.field)


def _unlike_text(
    text: bytes, record: ConsumerRecord | None, seen: _Seen, event: Event | None, place: str
) -> Difference:
    words = MEANINGS[Kind.TEXT_DIFFERS]
    if text == seen.text and record is not None:
        trace = (in_words(_text(traceparent(record.headers))), in_words(_text(seen.traceparent)))
        return Difference(Kind.TEXT_DIFFERS, words, event, place, "traceparent", *trace)
    return Difference(Kind.TEXT_DIFFERS, words, event, place, "published", *first_difference(text, seen.text or b""))


def _moved_rows(found: Sequence[Difference]) -> list[Difference]:
    """Say of a row that lacks under its own origin and stands under another that its origin was changed."""
    astray = {one.event: one for one in found if one.kind is Kind.ROW_NOT_IN_LOG and one.event is not None}
    named, put_together = [], set()
    for one in found:
        there = astray.get(one.event) if one.event is not None and _is_lacking_row(one) else None
        if there is None:
            named.append(one)
        else:
            words = "The row is of another origin than the event in the log."
            named.append(Difference(Kind.ROW_DIFFERS, words, one.event, one.place, "origin", None, there.place))
            put_together.add(there)
    return [one for one in named if one not in put_together]


def _is_lacking_row(one: Difference) -> bool:
    return one.kind is Kind.ROW_MISSING and one.field == "pcare.interventions"


def _unmoved(value: bytes | None, frame: Frame) -> bytes | None:
    """Return a record of the log about whoever its subject turned out to be."""
    line = _line(value)
    kept = None if line is None else frame.merged.get(line.subject)
    return value if value is None or line is None or kept is None else moved_text(value, line.subject, kept)


def _line(text: bytes | None) -> LogLine | None:
    if text is None:
        return None
    try:
        return read_line(text)
    except msgspec.MsgspecError:
        return None


def _event(line: LogLine | None, seen: _Seen) -> Event | None:
    if line is not None:
        return Event(line.source, line.id)
    return _event_of(seen.rows[0]) if seen.rows else None


def _event_of(row: Values) -> Event:
    return Event(row[_SOURCE], row[_ID])


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
