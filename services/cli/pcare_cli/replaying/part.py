"""What every part of a replay works with: the frame, the two clients, the buckets, and what was found."""

import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from pcare_audit.replaying.findings import Findings
from pcare_audit.replaying.folding import Applied, Folded
from pcare_audit.replaying.frame import Frame, Span, Where
from pcare_audit.replaying.reading import TopicReader
from pcare_audit.replaying.result import Difference, Kind, Stretch
from pcare_audit.replaying.spilling import Spill
from pcare_common.tracing.headers import TRACEPARENT
from pcare_kpi_aggregator.fold import Fold
from pcare_schemas.origin import Origin


@dataclass(frozen=True, slots=True)
class KpiCounting:
    """By which rules and for which instant the log is counted, and what the aggregator had counted of it."""

    fold: Fold
    at: dt.datetime
    applied: Mapping[int, Applied] | None


@dataclass(slots=True)
class Part:
    """A part of a replay. `say` is told of each number of things that were read."""

    frame: Frame
    reader: TopicReader
    connection: asyncpg.Connection
    spill: Spill
    links: Spill
    say: Callable[[int], None]
    counting: KpiCounting | None = None
    findings: Findings = field(default_factory=Findings)
    folded: dict[int, Folded] = field(default_factory=dict)
    merges_seen: set[tuple[str, str]] = field(default_factory=set)

    async def stretch(self, where: Where, span: Span) -> AsyncIterator[Sequence[Any]]:
        """Give the records of a stretch, and put down afterwards what it was."""
        number, first, last = 0, None, None
        async for records in self.reader.read(where, span):
            first = records[0].timestamp if first is None else first
            last = records[-1].timestamp
            number += len(records)
            yield records
            self.say(len(records))
        if where in self.frame.held:  # else it is not read, and what the tables have of it is looked at alone
            self.findings.stretches.append(Stretch(*where, *span, number, instant(first), instant(last)))

    def take_merge(self, gone: str, text: bytes, place: Origin) -> None:
        """Take note of a record that says of a subject into which it was merged."""
        known = self.frame.merges.get(gone)
        self.merges_seen.add((place.topic, gone))
        if known is None or known.encode() != text:
            words = (
                "The topic has a merge of two subjects that the table lacks."
                if known is None
                else "A merge of two subjects is another in the table than on the topic."
            )
            self.findings.differ("links", Difference(Kind.LINK_DIFFERS, words, place=str(place)))


def instant(milliseconds: int | None) -> dt.datetime | None:
    """Return a broker's timestamp as an instant."""
    return None if milliseconds is None else dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)


def moment(milliseconds: int) -> dt.datetime:
    """Return a broker's timestamp as an instant, exactly to the millisecond."""
    return _EPOCH + dt.timedelta(milliseconds=milliseconds)


def traceparent(headers: Sequence[tuple[str, bytes | None]]) -> bytes | None:
    """Return the trace that a record belongs to."""
    return next((value for name, value in headers if name == TRACEPARENT), None)


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
