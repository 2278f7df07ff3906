"""Compares a bucket of links: the table with its topic, and both with what events were recorded about whom. Pure.

No pseudonym stands here: entries are sorted by its digest, and a difference is told by the place of a record.
"""

import datetime as dt
from collections.abc import Iterable
from hashlib import blake2b
from struct import Struct
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from pcare_audit.replaying.findings import Doubt, Findings
from pcare_audit.replaying.frame import Frame
from pcare_audit.replaying.result import Difference, Kind
from pcare_schemas.envelope import PERSON_PREFIX
from pcare_schemas.origin import Origin
from pcare_schemas.topics import SUBJECTS

TABLE, TOPIC, USE = range(3)
"""Where an entry comes from: the table, the topic, or an event that names the pseudonym."""
LATE: Final = 1
"""Status of a record of the topic: it may be newer than the table."""
ERASED: Final = 2
"""Status of a record of the topic without a value: the link was taken away."""

ERASED_ON_TOPIC: Final = "The topic says that this link was erased, and the table has it."

_ENTRY: Final = Struct("<16sBB16s16sqHHQHQ")
_KEY = 16


class Entry(NamedTuple):
    """What is said of a pseudonym. `linked` are milliseconds since 1970, `said` a digest of all that a link holds."""

    pseudonym: bytes
    tag: int
    status: int
    subject: bytes
    said: bytes
    linked: int
    topic: int
    partition: int
    offset: int
    place_partition: int
    place_offset: int

    def packed(self) -> bytes:
        """Return it as bytes of a fixed length."""
        return _ENTRY.pack(*self)


def digest_of(pseudonym: str) -> bytes:
    """Return by what a pseudonym is known here."""
    return blake2b(pseudonym.encode(), digest_size=_KEY).digest()


def said_of(subject: str, linked_at: dt.datetime, origin: Origin, rules_version: str) -> bytes:
    """Return a digest of what a link holds."""
    said = (subject, milliseconds(linked_at), str(origin), rules_version)
    return blake2b(msgspec.msgpack.encode(said), digest_size=_KEY).digest()


def milliseconds(instant: dt.datetime) -> int:
    """Return an aware instant as milliseconds since 1970."""
    return (instant - _EPOCH) // _MILLISECOND


def subject_bytes(subject: str) -> bytes:
    """Return a person's subject as 16 bytes. Raises ValueError for any other."""
    return UUID(subject.removeprefix(PERSON_PREFIX)).bytes


def bucket_of(pseudonym: bytes, buckets: int) -> int:
    """Return the bucket of a pseudonym's digest."""
    return int.from_bytes(pseudonym[:4], "little") % buckets


def compare(frame: Frame, entries: bytes, findings: Findings) -> None:
    """Compare all entries of a bucket, and take note of what differs."""
    table: dict[bytes, Entry] = {}
    topic: dict[bytes, list[Entry]] = {}
    uses: list[Entry] = []
    for fields in _ENTRY.iter_unpack(entries):
        entry = Entry(*fields)
        if entry.tag == TABLE:
            table[entry.pseudonym] = entry
        elif entry.tag == TOPIC:
            topic.setdefault(entry.pseudonym, []).append(entry)
        else:
            uses.append(entry)
    if frame.subjects:
        _with_topic(frame, table, topic, findings)
    _with_events(frame, table, uses, findings)


def _with_topic(frame: Frame, table: dict[bytes, Entry], topic: dict[bytes, list[Entry]], findings: Findings) -> None:
    of_the_table = table.keys() if frame.subjects_whole else set[bytes]()
    findings.compared["links"] += len(of_the_table | topic.keys())
    for name, link in table.items():
        records = topic.get(name)
        if records is None:
            _missing(frame, link, findings)
        elif not any(not one.status & ERASED and one.said == link.said for one in _that_may_count(records)):
            if not frame.must_be_published(_origin(frame, link)):
                findings.left_out["links that the recorder was about to publish"] += 1
                continue
            newest = _newest(records)
            if _may_be_replaced(frame, findings):
                continue
            if newest.status & ERASED:
                place = Origin(SUBJECTS, newest.place_partition, newest.place_offset)
                findings.doubt("links", Doubt(Kind.LINK_DIFFERS, _origin(frame, link), place, ERASED_ON_TOPIC))
            else:
                _differ(frame, findings, "The link is another in the table than on the topic.", newest)
    for name in topic.keys() - table.keys():
        counting = list(_that_may_count(topic[name]))
        if (
            not any(one.status & ERASED for one in counting)
            and not all(one.status & LATE for one in topic[name])
            and not _may_be_replaced(frame, findings)
        ):
            _differ(frame, findings, "The topic has a link that the table lacks, and nothing erased it.", counting[0])


def _may_be_replaced(frame: Frame, findings: Findings) -> bool:
    """Whether a newer record of a link may stand behind what was read, so that this one says nothing."""
    if not frame.subjects_to_end:
        findings.compared["links"] -= 1
        findings.left_out["links that may have been replaced behind the part that was read"] += 1
    return not frame.subjects_to_end


def _missing(frame: Frame, link: Entry, findings: Findings) -> None:
    if not frame.subjects_whole:
        return
    if frame.must_be_published(_origin(frame, link)):
        _differ(frame, findings, "The table has a link that the topic lacks.", link)
    else:
        findings.left_out["links that the recorder was about to publish"] += 1


def _with_events(frame: Frame, table: dict[bytes, Entry], uses: Iterable[Entry], findings: Findings) -> None:
    for use in uses:
        link = table.get(use.pseudonym)
        findings.compared["links"] += link is not None
        # An erased person has no link; or one of somebody new, which was made later than the event.
        if link is not None and link.subject != use.subject and link.linked <= use.linked:
            words = "The event was recorded about another subject than its pseudonym leads to."
            _differ(frame, findings, words, use)


def _that_may_count(records: list[Entry]) -> Iterable[Entry]:
    """Return the newest record that the table certainly knows, and all that may be newer than it is."""
    known = [one for one in records if not one.status & LATE]
    if known:
        yield _newest(known)
    yield from (one for one in records if one.status & LATE)


def _newest(records: list[Entry]) -> Entry:
    return max(records, key=lambda one: one.place_offset)


def _origin(frame: Frame, entry: Entry) -> Origin:
    return Origin(frame.places[entry.topic], entry.partition, entry.offset)


def _differ(frame: Frame, findings: Findings, words: str, entry: Entry) -> None:
    place = _origin(frame, entry) if entry.tag != TOPIC else Origin(SUBJECTS, entry.place_partition, entry.place_offset)
    findings.differ("links", Difference(Kind.LINK_DIFFERS, words, place=str(place)))


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
