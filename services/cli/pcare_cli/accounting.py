"""Whether everything adds up: what was submitted against what became of it, and the KPIs counted in three ways.

Pure: `accounting_readers` fetches the numbers, each from its own place. Nothing here trusts one of them more.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pcare_audit.replay import Counted, Counts

LISTED = 20  # unaccounted events that a report names


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the database holds of a partition: all records from `base_offset` to before `next_offset`, by outcome."""

    topic: str
    partition: int
    base_offset: int
    next_offset: int
    recorded: int
    duplicates: int
    rejected: int
    lost: int = 0
    """Offsets that retention deleted before they were judged, and that somebody told the recorder to pass over."""


@dataclass(frozen=True, slots=True)
class PartitionAccount:
    """A partition's cursor beside the number of records that Kafka itself holds for the same offsets.

    `submitted` is None where Kafka no longer holds all of them, or the cursor has not come to the end: then nothing
    can be said, which is not exact either; `trouble` says why.
    """

    cursor: Cursor
    submitted: int | None
    trouble: str | None = None

    @property
    def accounted(self) -> int:
        """How many records the database accounts for."""
        return self.cursor.recorded + self.cursor.duplicates + self.cursor.rejected

    @property
    def exact(self) -> bool:
        """Whether submitted = recorded + duplicates + rejected."""
        return self.trouble is None and self.submitted == self.accounted


@dataclass(frozen=True, slots=True)
class Accounting:
    """All partitions, and whether each event that was answered as accepted is in the database.

    `accepted` counts those events; `lost` are those found neither recorded nor rejected; `unanswered` counts events
    whose sender does not know what became of them: harmless by itself, they are accounted for by partition.
    """

    partitions: tuple[PartitionAccount, ...]
    accepted: int = 0
    lost: tuple[tuple[str, str], ...] = ()
    unanswered: int = 0

    @property
    def exact(self) -> bool:
        """Whether all adds up."""
        return bool(self.partitions) and not self.lost and all(one.exact for one in self.partitions)

    def total(self, outcome: str) -> int:
        """Return the sum over all partitions: of "submitted", "recorded", "duplicates" or "rejected"."""
        if outcome == "submitted":
            return sum(one.submitted or 0 for one in self.partitions)
        return sum(getattr(one.cursor, outcome) for one in self.partitions)


@dataclass(frozen=True, slots=True)
class KpiRow:
    """One number counted in three ways. `borough` is a GSS code, NCL for the whole, or NCL only."""

    kpi: str
    borough: str
    year: str
    stream: Counted
    sql: Counted
    replay: Counted

    @property
    def exact(self) -> bool:
        """Whether all three agree: on the number, and on what it is made of."""
        return self.stream == self.sql == self.replay


def compare(stream: Counts, sql: Counts, replay: Counts) -> tuple[KpiRow, ...]:
    """Put the three side by side, for every number that any has, in order of KPI, year and borough.

    What one of them lacks is 0 there, or 0 of 0 where another has so many of so many.
    """
    rows = []
    for key in sorted({*stream, *sql, *replay}, key=lambda key: (key[0], key[2], key[1])):
        found = [counts.get(key) for counts in (stream, sql, replay)]
        share = any(one is not None and one.denominator is not None for one in found)
        nothing = Counted(None, 0, 0) if share else Counted(Decimal(0), 0, None)
        rows.append(KpiRow(*key, *(nothing if one is None else one for one in found)))
    return tuple(rows)


def lost(accepted: Iterable[tuple[str, str]], found: Collection[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the accepted events, by source and id, that were found neither recorded nor rejected."""
    return tuple(sorted(set(accepted) - set(found)))


@dataclass(frozen=True, slots=True)
class Report:
    """The whole verdict. `troubles` are reasons why it cannot be exact beside what the numbers show."""

    accounting: Accounting
    kpis: tuple[KpiRow, ...]
    instant: str | None
    troubles: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the accounting is exact to the event and every KPI agrees."""
        return self.accounting.exact and bool(self.kpis) and all(row.exact for row in self.kpis) and not self.troubles

    def document(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "exact": self.exact,
            "troubles": list(self.troubles),
            "instant": self.instant,
            "accounting": {
                "exact": self.accounting.exact,
                **{outcome: self.accounting.total(outcome) for outcome in OUTCOMES},
                "accepted": self.accounting.accepted,
                "lost": len(self.accounting.lost),
                "lost_events": [{"source": source, "id": name} for source, name in self.accounting.lost[:LISTED]],
                "unanswered": self.accounting.unanswered,
                "partitions": [_partition_document(one) for one in self.accounting.partitions],
            },
            "kpis": [
                {
                    "kpi": row.kpi,
                    "borough": row.borough,
                    "year": row.year,
                    "exact": row.exact,
                    "stream": _counted_document(row.stream),
                    "sql": _counted_document(row.sql),
                    "replay": _counted_document(row.replay),
                }
                for row in self.kpis
            ],
        }

    def verdict(self) -> str:
        """Return the last line of a run: begins with `exact:` or `NOT EXACT:`."""
        sums = self.accounting
        counts = (
            f"{sums.total('submitted')} submitted = {sums.total('recorded')} recorded + "
            f"{sums.total('duplicates')} duplicates + {sums.total('rejected')} rejected"
        )
        if self.exact:
            return f"exact: {counts}; {len(self.kpis)} KPI values agree between stream, SQL and replay"
        return f"NOT EXACT: {'; '.join(self.faults())}"

    def faults(self) -> list[str]:
        """Return everything that is not as it must be, a sentence each; the first of many of a sort."""
        sums = self.accounting
        found = list(self.troubles)
        found += [_partition_fault(one) for one in sums.partitions if not one.exact]
        if not sums.partitions:
            found.append("no partition of the submitted topics has a cursor: nothing was recorded")
        if sums.lost:
            source, name = sums.lost[0]
            found.append(
                f"{len(sums.lost)} accepted events are neither recorded nor rejected, such as {name} of {source}"
            )
        unlike = [row for row in self.kpis if not row.exact]
        if unlike:
            row = unlike[0]
            found.append(
                f"{len(unlike)} of {len(self.kpis)} KPI values differ, such as {row.kpi} {row.borough} {row.year}: "
                f"{in_words(row.stream)} streamed, {in_words(row.sql)} by SQL, {in_words(row.replay)} by replay"
            )
        if not self.kpis:
            found.append("there is no KPI value to compare")
        return found


OUTCOMES: Sequence[str] = ("submitted", "recorded", "duplicates", "rejected")


def as_number(value: Decimal) -> int | float:
    """Return a value as JSON writes it: whole numbers without a point."""
    return int(value) if value == value.to_integral_value() else float(value)


def in_words(counted: Counted) -> str:
    """Return a number as people read it, with what it is made of if it is a share or a mean."""
    shown = "none" if counted.value is None else f"{as_number(counted.value):,}"
    return shown if counted.denominator is None else f"{shown} ({counted.numerator:,} of {counted.denominator:,})"


def _counted_document(counted: Counted) -> dict[str, Any]:
    return {
        "value": None if counted.value is None else as_number(counted.value),
        "numerator": counted.numerator,
        "denominator": counted.denominator,
    }


def _partition_document(one: PartitionAccount) -> dict[str, Any]:
    return {
        "topic": one.cursor.topic,
        "partition": one.cursor.partition,
        "base_offset": one.cursor.base_offset,
        "next_offset": one.cursor.next_offset,
        "submitted": one.submitted,
        "recorded": one.cursor.recorded,
        "duplicates": one.cursor.duplicates,
        "rejected": one.cursor.rejected,
        "lost": one.cursor.lost,
        "exact": one.exact,
        "trouble": one.trouble,
    }


def _partition_fault(one: PartitionAccount) -> str:
    where = f"{one.cursor.topic}/{one.cursor.partition}"
    return (
        f"{where}: {one.trouble}"
        if one.trouble
        else f"{where}: {one.submitted} submitted, {one.accounted} accounted for"
    )
