"""The recorder's other two topics: rejections, and whose each pseudonym is."""

import datetime as dt
import struct
from typing import Any

import msgspec

from pcare_audit.replaying import joining, linking
from pcare_audit.replaying.columns import text_digest
from pcare_audit.replaying.frame import Span, Where
from pcare_audit.replaying.joining import NOTHING, REJECTED, pack
from pcare_audit.replaying.result import Difference, Kind
from pcare_cli.replaying.part import Part, traceparent
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import SUBJECTS_MERGED_TYPE

MOST_OFFSETS = 2**63 - 1


class _Line(msgspec.Struct, frozen=True, gc=False):
    """A record of the topic of subjects: a link, or a merge."""

    type: str
    subject: str
    time: dt.datetime
    origin: str
    rulesversion: str
    data: dict[str, str]


_LINES = msgspec.json.Decoder(_Line)


async def read_rejected(part: Part, where: Where, span: Span) -> None:
    """Sort the rejections of a partition of their topic into buckets, by the origin that is their key."""
    places = {topic: number for number, topic in enumerate(part.frame.places)}
    late = part.frame.late_rejected.get(where, span.end)
    async for records in part.stretch(where, span):
        for record in records:
            if record.value is None:
                continue
            origin = _origin(record.key)
            number = None if origin is None else places.get(origin.topic)
            if origin is None or number is None:
                words = "The topic holds a rejection of an origin that the tables do not know."
                _differ(part, "rejections", Kind.REJECTION_MISSING, words, Origin(*where, record.offset))
                continue
            if part.frame.is_later(origin):
                if record.offset < late:
                    words = "The topic holds a rejection that the tables have not come to: they were set back."
                    _differ(part, "rejections", Kind.REJECTION_MISSING, words, Origin(*where, record.offset))
                    continue
                part.findings.left_out["rejections that their topic had after the tables were read"] += 1
                continue
            status = joining.LATE if record.offset >= late else 0
            digest = text_digest(record.value, traceparent(record.headers))
            place = (origin.partition, origin.offset)
            part.spill.add(
                joining.bucket_of(*place, part.frame.buckets),
                pack(number, *place, REJECTED, status, digest, NOTHING, where.partition, record.offset),
            )


async def read_subjects(part: Part, where: Where, span: Span) -> None:
    """Sort the links of a partition of their topic into buckets, and look at the merges among them."""
    late = part.frame.late_subjects.get(where, span.end)
    async for records in part.stretch(where, span):
        for record in records:
            place = Origin(*where, record.offset)
            try:
                entry = _entry(part, record, late=record.offset >= late, place=place)
                packed = None if entry is None else entry.packed()
            except (msgspec.MsgspecError, struct.error, ValueError, TypeError, KeyError, AttributeError, OverflowError):
                words = "The topic of subjects holds a record that is no link."
                _differ(part, "links", Kind.LINK_DIFFERS, words, place)
                continue
            if entry is not None and packed is not None:
                part.links.add(linking.bucket_of(entry.pseudonym, part.frame.buckets), packed)


def _entry(part: Part, record: Any, *, late: bool, place: Origin) -> linking.Entry | None:
    """Return what a record says of its pseudonym; None for a merge, which is noted. Raises for what is neither."""
    name = linking.digest_of(record.key.decode())
    status = linking.LATE if late else 0
    at = (place.partition, place.offset)
    if record.value is None:
        return linking.Entry(name, linking.TOPIC, status | linking.ERASED, NOTHING, NOTHING, 0, 0, 0, 0, *at)
    line = _LINES.decode(record.value)
    if line.type == SUBJECTS_MERGED_TYPE:
        part.take_merge(line.subject, record.value, place)
        return None
    origin, subject = Origin.parse(line.origin), part.frame.person(line.data["subject"])
    if line.data["pseudonym"].encode() != record.key:
        raise ValueError("a link under another key")
    return linking.Entry(
        name,
        linking.TOPIC,
        status,
        linking.subject_bytes(subject),
        linking.said_of(subject, line.time, origin, line.rulesversion),
        linking.milliseconds(line.time),
        part.frame.places.index(origin.topic),
        origin.partition,
        origin.offset,
        *at,
    )


def _origin(key: bytes | None) -> Origin | None:
    """Return the origin that a key names; None for what is none, or can be none of Kafka's."""
    try:
        origin = None if key is None else Origin.parse(key.decode())
    except ValueError:
        return None
    can_be = origin is not None and origin.partition < joining.MOST_PARTITIONS and origin.offset <= MOST_OFFSETS
    return origin if can_be else None


def _differ(part: Part, check: str, kind: Kind, words: str, place: Origin) -> None:
    part.findings.differ(check, Difference(kind, words, place=str(place)))
