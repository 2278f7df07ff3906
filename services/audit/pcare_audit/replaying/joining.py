"""Compares a bucket of entries: the log with the tables, and rejections with their topic. Pure.

An entry says of one origin what stood in one place, as digests. Whole buckets are compared at once; only where two
are not the same is it asked which entries are to blame.
"""

from collections.abc import Iterable, Mapping
from struct import Struct
from typing import Final

from pcare_audit.replaying.findings import Doubt, Findings
from pcare_audit.replaying.frame import Frame, Where
from pcare_audit.replaying.result import Kind
from pcare_schemas.origin import Origin
from pcare_schemas.topics import REJECTED as REJECTED_TOPIC

LOG, PUBLISHED, ROW, REJECTION, REJECTED = range(5)
"""Where an entry stood: the log, the two tables of an event, the table and the topic of rejections."""

NOT_HELD, AGREES, DIFFERS, NO_RECORD = range(4)
"""What is known of the submitted record of a published text: gone by retention, and so on."""

MOVED: Final = 1
"""Status of a record of the log: it speaks of a subject that was merged into another."""
LATE: Final = 1
"""Status of a record of the topic of rejections: it may be newer than the tables."""

SHARED_ORIGIN: Final = "The row is of an origin that another event's row has: what was submitted made one of them."

NOTHING: Final = bytes(16)
_KEY: Final = Struct("<HHQ")
_ENTRY: Final = Struct("<HHQBB16s16sHQ")
KEY_BYTES: Final = _KEY.size
ENTRY_BYTES: Final = _ENTRY.size
MOST_PARTITIONS: Final = 1 << 16
_TAG, _STATUS, _TEXT, _VALUES = KEY_BYTES, KEY_BYTES + 1, KEY_BYTES + 2, KEY_BYTES + 18
_PLACE = KEY_BYTES + 34

pack = _ENTRY.pack
"""Make an entry: number of the topic, partition, offset; tag, status; digests of text and values; where it stood."""


def bucket_of(partition: int, offset: int, buckets: int) -> int:
    """Return the bucket of an origin: neighbours are spread over all, so that each is as full as the others."""
    return (partition + offset) % buckets


def compare(frame: Frame, entries: bytes, findings: Findings) -> None:
    """Compare all entries of a bucket, and take note of what differs."""
    _Bucket(frame, entries, findings).compare()


class _Bucket:
    def __init__(self, frame: Frame, entries: bytes, findings: Findings) -> None:
        self._frame = frame
        self._findings = findings
        self._texts: dict[bytes, bytes] = {}
        self._values: dict[bytes, bytes] = {}
        self._published: dict[bytes, bytes] = {}
        self._rows: dict[bytes, bytes] = {}
        self._more_rows: dict[bytes, list[bytes]] = {}
        self._status: dict[bytes, int] = {}
        self._places: dict[bytes, bytes] = {}
        self._unmoved: set[bytes] = set()
        self._moved: set[bytes] = set()
        self._rejections: dict[bytes, bytes] = {}
        self._rejected: dict[bytes, list[bytes]] = {}
        self._sort(entries)

    def _sort(self, entries: bytes) -> None:
        published, rows, status = self._published, self._rows, self._status
        for start in range(0, len(entries), ENTRY_BYTES):
            key, tag = entries[start : start + KEY_BYTES], entries[start + _TAG]
            if tag == ROW:
                values = entries[start + _VALUES : start + _PLACE]
                if rows.setdefault(key, values) is not values:
                    self._more_rows.setdefault(key, []).append(values)
            elif tag == PUBLISHED:
                published[key] = entries[start + _TEXT : start + _VALUES]
                status[key] = entries[start + _STATUS]
            else:
                entry = entries[start : start + ENTRY_BYTES]
                if tag == LOG:
                    self._add_of_log(key, entry)
                elif tag == REJECTION:
                    self._rejections[key] = entry
                else:
                    self._rejected.setdefault(key, []).append(entry)

    def _add_of_log(self, key: bytes, entry: bytes) -> None:
        text, values = entry[_TEXT:_VALUES], entry[_VALUES:_PLACE]
        (self._moved if entry[_STATUS] & MOVED else self._unmoved).add(key)
        before = self._texts.get(key)
        if before is None:
            self._texts[key], self._values[key], self._places[key] = text, values, entry[_PLACE:]
            return
        self._findings.compared["repeats"] += 1
        self._findings.counts["log_repeats"] += 1
        if before != text:
            self._doubt("repeats", Kind.LOG_REPEAT_DIFFERS, key, entry[_PLACE:])

    def compare(self) -> None:
        """Compare what was sorted."""
        frame, findings = self._frame, self._findings
        findings.compared["log"] += len(self._texts)
        findings.counts["events"] += len(self._texts)
        self._doubt_more_rows()
        if frame.log_whole:
            findings.compared["rows"] += len(self._rows)
        if self._texts != self._published or self._values != self._rows:
            self._blame()
        for key in self._moved - self._unmoved:
            if not frame.pending and frame.log_whole:
                self._doubt(
                    "rows",
                    Kind.LOG_RECORD_MISSING,
                    key,
                    words="The event of a subject that was merged is not said again under the subject that is kept.",
                )
        self._compare_rejections()

    def _doubt_more_rows(self) -> None:
        """Blame rows that share an origin: an event makes one row, so all but the one like its event were put in."""
        for key, values in self._more_rows.items():
            if self._values.get(key) in values:
                self._rows[key] = self._values[key]
            if self._frame.log_whole:
                self._findings.compared["rows"] += len(values)
            self._doubt("rows", Kind.ROW_NOT_IN_LOG, key, words=SHARED_ORIGIN)

    def _blame(self) -> None:
        for key, text in self._texts.items():
            published, row = self._published.get(key), self._rows.get(key)
            if published is None:
                self._doubt("log", Kind.ROW_MISSING, key, field="pcare.published")
            elif published != text:
                self._doubt("log", Kind.TEXT_DIFFERS, key)
            if row is None:
                self._doubt("log", Kind.ROW_MISSING, key, field="pcare.interventions")
            elif row != self._values[key]:
                self._doubt("log", Kind.ROW_DIFFERS, key)
        if self._frame.log_whole:
            for key in sorted((self._published.keys() | self._rows.keys()) - self._texts.keys()):
                self._blame_table(key)

    def _blame_table(self, key: bytes) -> None:
        origin = origin_of(self._frame, key)
        if (
            self._frame.is_later(origin)
            or self._status.get(key, NO_RECORD) == NO_RECORD
            or origin_unknown(origin, self._frame)
        ):
            self._doubt("rows", Kind.ROW_NOT_IN_LOG, key)
        elif self._frame.must_be_published(origin):
            self._doubt("rows", Kind.LOG_RECORD_MISSING, key)
        else:
            self._findings.left_out["events in the tables that the recorder was about to publish"] += 1
        if key in self._published and key not in self._rows:
            self._doubt("rows", Kind.ROW_MISSING, key, field="pcare.interventions")

    def _compare_rejections(self) -> None:
        of_the_table = self._rejections.keys() if self._frame.rejected_whole else set[bytes]()
        self._findings.compared["rejections"] += len(of_the_table | self._rejected.keys())
        for key, entry in self._rejections.items():
            on_topic = self._rejected.get(key)
            if on_topic is None:
                self._missing_on_topic(key, entry)
            elif any(_text(one) == _text(entry) for one in _that_may_count(on_topic)):
                continue
            elif self._frame.rejected_to_end:
                self._doubt("rejections", Kind.REJECTION_DIFFERS, key, max(on_topic, key=_offset)[_PLACE:])
            else:
                self._findings.compared["rejections"] -= 1
                self._findings.left_out["rejections that may have been replaced behind the part that was read"] += 1
        for key in self._rejected.keys() - self._rejections.keys():
            self._doubt("rejections", Kind.REJECTION_MISSING, key, self._rejected[key][-1][_PLACE:])

    def _missing_on_topic(self, key: bytes, entry: bytes) -> None:
        frame = self._frame
        if not frame.rejected_whole:
            return
        received = _offset(entry)
        if received < frame.rejected_kept_from:
            self._findings.left_out["rejections that are older than what their topic keeps"] += 1
        elif frame.must_be_published(origin_of(frame, key)):
            self._doubt("rejections", Kind.REJECTED_RECORD_MISSING, key)
        else:
            self._findings.left_out["rejections that the recorder was about to publish"] += 1

    def _doubt(
        self,
        check: str,
        kind: Kind,
        key: bytes,
        place: bytes | None = None,
        *,
        field: str | None = None,
        words: str | None = None,
    ) -> None:
        of_log = check != "rejections"
        at = self._places.get(key) if place is None and of_log else place
        where = None if at is None else Origin(self._frame.log if of_log else REJECTED_TOPIC, *_PLACE_FORM.unpack(at))
        self._findings.doubt(check, Doubt(kind, origin_of(self._frame, key), where, words, field))


_PLACE_FORM: Final = Struct("<HQ")


def origin_of(frame: Frame, key: bytes) -> Origin:
    """Return the origin that a key was made of."""
    topic, partition, offset = _KEY.unpack(key[:KEY_BYTES])
    return Origin(frame.places[topic], partition, offset)


def origin_unknown(origin: Origin, frame: Frame) -> bool:
    """Whether no cursor says that anything was ever judged in the partition of an origin."""
    return Where(origin.topic, origin.partition) not in frame.cursors


def _text(entry: bytes) -> bytes:
    return entry[_TEXT:_VALUES]


def _offset(entry: bytes) -> int:
    number: int = _PLACE_FORM.unpack(entry[_PLACE:])[1]
    return number


def _that_may_count(entries: list[bytes]) -> Iterable[bytes]:
    """Return the newest entry that the tables certainly know, and all that may be newer than they are."""
    known = [entry for entry in entries if not entry[_STATUS] & LATE]
    late = [entry for entry in entries if entry[_STATUS] & LATE]
    return [*([max(known, key=_offset)] if known else ()), *late]


def placed(places: Mapping[str, int], origin: str) -> tuple[int, int, int] | None:
    """Return an origin as numbers, the topic's by `places`; None for one that the database does not know.

    Raises ValueError for what is no origin.
    """
    topic, partition, offset = origin.rsplit("/", 2)
    number = places.get(topic)
    return None if number is None else (number, int(partition), int(offset))
