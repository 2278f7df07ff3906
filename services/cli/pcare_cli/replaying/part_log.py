"""One partition of the log: each event brought to what its row must hold, and counted for the KPIs."""

import struct

import msgspec

from pcare_audit.replaying import joining
from pcare_audit.replaying.columns import derived, digest, text_digest
from pcare_audit.replaying.folding import Counting
from pcare_audit.replaying.frame import Span, Where
from pcare_audit.replaying.joining import LOG, MOVED, bucket_of, pack
from pcare_audit.replaying.result import Difference, Event, Kind
from pcare_cli.replaying.part import Part, traceparent
from pcare_kpi_aggregator.partition import FoldError
from pcare_schemas.envelope import type_of
from pcare_schemas.log import LogLine, read_line
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import SUBJECTS_MERGED_TYPE, moved_text
from pcare_schemas.retraction import EventRetracted

_RETRACTED = type_of(EventRetracted.KIND)


async def read_log(part: Part, where: Where, span: Span) -> None:
    """Read a partition of the log, sort its events into buckets, and count it if the replay counts."""
    one = _Partition(part, where)
    async for records in part.stretch(where, span):
        for record in records:
            one.take(record)
    one.end()


class _Partition:
    def __init__(self, part: Part, where: Where) -> None:
        self._part = part
        self._frame = part.frame
        self._findings = part.findings
        self._where = where
        self._late = part.frame.late_recorded.get(where, 0)
        self._places = {topic: number for number, topic in enumerate(part.frame.places)}
        self._next = {
            (self._places[at.topic], at.partition): cursor.next_offset for at, cursor in part.frame.cursors.items()
        }
        counting = part.counting
        self._counting = (
            None
            if counting is None
            else Counting(
                counting.fold, counting.at, counting.applied.get(where.partition) if counting.applied else None
            )
        )

    def take(self, record) -> None:  # type: ignore[no-untyped-def]  # aiokafka's record
        self._findings.counts["log_records"] += 1
        try:
            line = read_line(record.value)
            if line.type == SUBJECTS_MERGED_TYPE:
                self._take_merge(line, record)
                return
            placed = joining.placed(self._places, line.origin)
            if placed is None:
                self._unknown_origin(line, record.offset)
                return
            number, partition, offset = placed
            if offset >= self._next.get((number, partition), offset + 1):
                self._beyond_the_tables(line, record.offset)
                return
            value, status = record.value, 0
            kept = self._frame.merged.get(line.subject)
            if kept is not None:
                value, status = moved_text(value, line.subject, kept), MOVED
                line = read_line(value)
            if line.type == _RETRACTED:
                self._findings.counts["retractions"] += 1
            entry = pack(
                number,
                partition,
                offset,
                LOG,
                status,
                text_digest(value, traceparent(record.headers) if record.headers else None),
                digest(derived(line)),
                self._where.partition,
                record.offset,
            )
        except (msgspec.MsgspecError, struct.error, ValueError, TypeError, OverflowError) as error:
            self._no_event(record.offset, error)
            return
        self._part.spill.add(bucket_of(partition, offset, self._frame.buckets), entry)
        self._count(record)

    def end(self) -> None:
        if self._counting is not None:
            try:
                self._part.folded[self._where.partition] = self._counting.folded()
            except FoldError as error:
                self._cannot_count(error.offset)

    def _count(self, record) -> None:  # type: ignore[no-untyped-def]
        if self._counting is not None:
            try:
                self._counting.take(record.offset, record.value, record.timestamp)
            except FoldError as error:
                self._cannot_count(error.offset)

    def _cannot_count(self, offset: int) -> None:
        """Count no further: whoever put a wrong record into the log must not keep the rest from being compared."""
        self._counting = None
        place = Origin(*self._where, offset)
        self._findings.troubles[f"the record at {place} cannot be counted, so no KPI was compared"] += 1

    def _take_merge(self, line: LogLine, record) -> None:  # type: ignore[no-untyped-def]
        self._part.take_merge(line.subject, record.value, Origin(*self._where, record.offset))
        self._findings.counts["merges"] += 1
        self._count(record)

    def _beyond_the_tables(self, line: LogLine, offset: int) -> None:
        """Leave out what came after the tables were read; what stood there before has been in them."""
        if offset >= self._late:
            self._findings.left_out["events that the log had after the tables were read"] += 1
            return
        words = "The log holds an event that the tables have not come to: they are older than it, or were set back."
        place = str(Origin(*self._where, offset))
        self._findings.differ("log", Difference(Kind.ROW_MISSING, words, Event(line.source, line.id), place))

    def _unknown_origin(self, line: LogLine, offset: int) -> None:
        words = "The log holds an event of an origin that the tables do not know."
        place = str(Origin(*self._where, offset))
        self._findings.differ("log", Difference(Kind.ROW_MISSING, words, Event(line.source, line.id), place))

    def _no_event(self, offset: int, error: Exception) -> None:
        words = f"The log holds a record that is no event ({type(error).__name__}), so no row can be its."
        self._findings.differ("log", Difference(Kind.ROW_MISSING, words, place=str(Origin(*self._where, offset))))
