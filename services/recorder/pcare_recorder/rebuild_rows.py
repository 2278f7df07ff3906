"""Records of the recorder's own topics as the rows they were published from. Pure."""

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import msgspec
import orjson

from pcare_recorder.rows import Row, data_columns, storable, subject_id
from pcare_schemas.content import hash_of
from pcare_schemas.envelope import TYPE_PREFIX, TYPE_SUFFIX
from pcare_schemas.log import read_event, read_line, read_rejected
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import SUBJECTS_MERGED_TYPE, moved_text
from pcare_schemas.topics import provider_of_topic


class _LinkData(msgspec.Struct, frozen=True, gc=False):
    pseudonym: str
    subject: str


class _LinkLine(msgspec.Struct, frozen=True, gc=False):
    time: dt.datetime
    origin: str
    rulesversion: str
    data: _LinkData


_LINKS = msgspec.json.Decoder(_LinkLine)


class _Typed(msgspec.Struct, frozen=True, gc=False):
    type: str


class _MergeData(msgspec.Struct, frozen=True, gc=False):
    gone: str
    kept: str


class Link(NamedTuple):
    """A link as the topic has it; its subject is None where the link was erased."""

    pseudonym: str
    subject_id: UUID | None
    linked_at: dt.datetime | None = None
    rules_version: str | None = None
    origin_topic: str | None = None
    origin_partition: int | None = None
    origin_offset: int | None = None


class MergeLine(msgspec.Struct, frozen=True, gc=False):
    """A merge as the topics have it."""

    type: str
    time: dt.datetime
    data: _MergeData


_MERGES = msgspec.json.Decoder(MergeLine)
_TYPED = msgspec.json.Decoder(_Typed)


def is_merge(value: bytes) -> bool:
    """Tell whether a record says that two subjects are one person. Raises as `event_row`."""
    return SUBJECTS_MERGED_TYPE.encode() in value and _TYPED.decode(value).type == SUBJECTS_MERGED_TYPE


def merge_row(value: bytes) -> Row:
    """Return gone, kept, merged_at and the text of a merge. Raises as `event_row`."""
    line = _MERGES.decode(value)
    return subject_id(line.data.gone), subject_id(line.data.kept), line.time, value.decode()


def moved(value: bytes, person_of: Mapping[str, str]) -> bytes:
    """Return a record of `recorded` about whoever its subject turned out to be. Raises as `event_row`."""
    subject = read_event(value).subject
    kept = person_of.get(subject)
    return value if kept is None else moved_text(value, subject, kept)


def event_row(value: bytes, traceparent: str | None = None) -> Row:
    """Return the row of a record of `recorded`, which has this header, in the order of EVENT_COLUMNS.

    Raises msgspec.MsgspecError or ValueError for bytes that this system did not publish.
    """
    line = read_line(value)
    kind = line.type.removeprefix(TYPE_PREFIX).removesuffix(TYPE_SUFFIX)
    origin = Origin.parse(line.origin)
    data = line.data
    return (
        line.source,
        line.id,
        kind,
        line.subject,
        dt.datetime.fromisoformat(line.time),
        *data_columns(kind, line.source, data),
        hash_of(line.type, line.subject, line.time, data),
        dt.datetime.fromisoformat(line.recordedat),
        line.rulesversion,
        origin.topic,
        origin.partition,
        origin.offset,
        value.decode(),
        traceparent,
    )


def is_erased(value: bytes) -> bool:
    """Tell whether what a rejection held of a person was taken out of this record. Raises as `event_row`."""
    return read_rejected(value).data.erased


def rejection_row(value: bytes, traceparent: str | None = None) -> Row:
    """Return the row of a record of `rejected`, in the order of REJECTION_COLUMNS. Raises as `event_row` does."""
    rejected = read_rejected(value)
    origin = Origin.parse(rejected.origin)
    errors = [
        {"pointer": error.pointer, "message": error.message, "expected": error.expected}
        for error in rejected.data.errors
    ]
    return (
        origin.topic,
        origin.partition,
        origin.offset,
        rejected.data.reason,
        orjson.dumps(errors).decode(),
        provider_of_topic(origin.topic),
        storable(rejected.data.event_source),
        storable(rejected.data.event_id),
        rejected.time,
        rejected.data.evidence,
        rejected.data.redacted,
        rejected.rulesversion,
        value.decode(),
        traceparent,
    )


def link(key: bytes, value: bytes | None) -> Link:
    """Return the link of a record of `subjects`. Raises as `event_row` does."""
    if value is None:
        return Link(key.decode(), None)
    line = _LINKS.decode(value)
    origin = Origin.parse(line.origin)
    return Link(
        line.data.pseudonym,
        subject_id(line.data.subject),
        line.time,
        line.rulesversion,
        origin.topic,
        origin.partition,
        origin.offset,
    )
