"""What a replay found, as values and as the JSON that other programs read. Pure.

A replay is equal only if no difference was found and nothing kept it from looking (`troubles`).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from pcare_audit.replay import Counted
from pcare_schemas.instants import utc

LISTED = 1_000
"""Differences that are listed one by one; the rest are counted."""


class Kind(StrEnum):
    """The kinds of difference. The names are stable: whoever reads the JSON may rely on them."""

    ROW_MISSING = "row-missing"
    ROW_NOT_IN_LOG = "row-not-in-log"
    ROW_DIFFERS = "row-differs"
    TEXT_DIFFERS = "text-differs"
    LOG_RECORD_MISSING = "log-record-missing"
    LOG_REPEAT_DIFFERS = "log-repeat-differs"
    VERDICT_DIFFERS = "verdict-differs"
    REJECTION_MISSING = "rejection-missing"
    REJECTION_DIFFERS = "rejection-differs"
    REJECTED_RECORD_MISSING = "rejected-record-missing"
    SUBMITTED_UNACCOUNTED = "submitted-unaccounted"
    CONTENT_HASH_DIFFERS = "content-hash-differs"
    KPI_DIFFERS = "kpi-differs"
    COUNT_DIFFERS = "count-differs"
    LINK_DIFFERS = "link-differs"


MEANINGS: Mapping[Kind, str] = {
    Kind.ROW_MISSING: "The log holds an event that the tables lack.",
    Kind.ROW_NOT_IN_LOG: "A table holds an event that neither the log nor what was submitted knows.",
    Kind.ROW_DIFFERS: "A column holds something else than the event in the log says.",
    Kind.TEXT_DIFFERS: "The text kept in the database, or made anew of what was submitted, is not that of the log.",
    Kind.LOG_RECORD_MISSING: "The tables hold a recorded event that the log lacks.",
    Kind.LOG_REPEAT_DIFFERS: "The log holds one event twice, with two texts.",
    Kind.VERDICT_DIFFERS: "The rules, applied again, lead to another verdict than the one recorded.",
    Kind.REJECTION_MISSING: "The topic holds a rejection that the table lacks.",
    Kind.REJECTION_DIFFERS: "A rejection is not the same in the table and on the topic, or in its own columns.",
    Kind.REJECTED_RECORD_MISSING: "The table holds a rejection that the topic lacks.",
    Kind.SUBMITTED_UNACCOUNTED: "A submitted record is neither recorded, nor a duplicate, nor rejected.",
    Kind.CONTENT_HASH_DIFFERS: "The content hash of a row is not the hash of its content.",
    Kind.KPI_DIFFERS: "A KPI is not the same by replay, by SQL and in the running aggregator.",
    Kind.COUNT_DIFFERS: "A partition's cursor counts something else than is there.",
    Kind.LINK_DIFFERS: "A pseudonym leads to another subject in the table than on the topic, or than its events say.",
}


class Event(NamedTuple):
    """What an event is: who states it, and under which id."""

    source: str
    id: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `place` is a record, `topic/partition/offset`; no text holds an identifier of a person."""

    kind: Kind
    words: str
    event: Event | None = None
    place: str | None = None
    field: str | None = None
    expected: str | None = None
    found: str | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "kind": str(self.kind),
            "words": self.words,
            "event": None if self.event is None else {"source": self.event.source, "id": self.event.id},
            "place": self.place,
            "field": self.field,
            "expected": self.expected,
            "found": self.found,
        }


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was read of a partition: the offsets [from_offset, to_offset), the records there, their broker's times."""

    topic: str
    partition: int
    from_offset: int
    to_offset: int
    records: int = 0
    first_time: dt.datetime | None = None
    last_time: dt.datetime | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "topic": self.topic,
            "partition": self.partition,
            "from_offset": self.from_offset,
            "to_offset": self.to_offset,
            "records": self.records,
            "first_time": None if self.first_time is None else utc(self.first_time),
            "last_time": None if self.last_time is None else utc(self.last_time),
        }


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of comparison: how many things were compared, and how many of them differed."""

    check: str
    words: str
    compared: int
    differences: int

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "check": self.check,
            "words": self.words,
            "compared": self.compared,
            "differences": self.differences,
        }


COUNTS = (
    "submitted",
    "recorded",
    "duplicates",
    "rejected",
    "log_records",
    "log_repeats",
    "events",
    "rows",
    "rejections",
    "merges",
    "retractions",
)
"""What is counted of a replay, in this order."""


@dataclass(frozen=True, slots=True)
class KpiLine:
    """One KPI in an area and a year, counted three ways. `stream` is None where no aggregator was asked.

    `replay_at_stream` is the replay of just what the aggregator had counted, where that was less than the database
    held: then that is what the stream is compared with.
    """

    kpi: str
    borough: str
    year: str
    replay: Counted
    sql: Counted
    stream: Counted | None
    replay_at_stream: Counted | None = None

    @property
    def exact(self) -> bool:
        """Whether all that were asked agree, on the number and on what it is made of."""
        streamed = self.replay if self.replay_at_stream is None else self.replay_at_stream
        return self.replay == self.sql and (self.stream is None or self.stream == streamed)

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        found = {
            "kpi": self.kpi,
            "borough": self.borough,
            "year": self.year,
            "replay": counted_document(self.replay),
            "sql": counted_document(self.sql),
            "stream": None if self.stream is None else counted_document(self.stream),
            "exact": self.exact,
        }
        if self.replay_at_stream is not None:
            found["replay_at_stream"] = counted_document(self.replay_at_stream)
        return found


@dataclass(frozen=True, slots=True)
class Kpis:
    """All KPIs at one instant."""

    instant: dt.datetime
    rows: Sequence[KpiLine]

    def document(self) -> dict[str, Any]:
        """Return them as JSON values."""
        return {"instant": utc(self.instant), "rows": [row.document() for row in self.rows]}


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a replay found. `differences` are those listed, `differences_total` all there were.

    `left_out` says what was still on its way while the replay began, and therefore not compared.
    """

    version: str
    commit: str | None
    catalogue_sha256: str
    began: dt.datetime
    ended: dt.datetime
    whole: bool
    stretches: Sequence[Stretch]
    rules_versions: Mapping[str, int]
    counts: Mapping[str, int]
    checks: Sequence[Check]
    differences: Sequence[Difference]
    differences_total: int
    kpis: Kpis | None = None
    kpis_why_not: str | None = None
    troubles: Sequence[str] = ()
    left_out: Sequence[str] = field(default=())

    @property
    def equal(self) -> bool:
        """Whether nothing differs, and nothing was kept from being looked at."""
        return self.differences_total == 0 and not self.troubles

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "pcare": {"version": self.version, "commit": self.commit},
            "catalogue_sha256": self.catalogue_sha256,
            "began": utc(self.began),
            "ended": utc(self.ended),
            "scope": {"whole": self.whole, "topics": [stretch.document() for stretch in self.stretches]},
            "rules_versions": [
                {"version": version, "events": events} for version, events in sorted(self.rules_versions.items())
            ],
            "counts": {name: self.counts.get(name, 0) for name in COUNTS},
            "checks": [check.document() for check in self.checks],
            "differences": [difference.document() for difference in self.differences],
            "differences_total": self.differences_total,
            "kpis": None if self.kpis is None else self.kpis.document(),
            "kpis_why_not": self.kpis_why_not,
            "troubles": list(self.troubles),
            "left_out": list(self.left_out),
            "equal": self.equal,
        }


def counted_document(counted: Counted) -> dict[str, Any]:
    """Return a KPI's number as JSON values: whole numbers without a point."""
    value = counted.value
    shown = None if value is None else int(value) if value == value.to_integral_value() else float(value)
    return {"value": shown, "numerator": counted.numerator, "denominator": counted.denominator}
