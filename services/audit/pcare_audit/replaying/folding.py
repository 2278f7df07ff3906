"""Counts a partition of the log with the aggregator's own fold, and finishes the sums of all partitions.

The naive replay (`pcare_audit.replay`) shares no line with the aggregator; this one shares the fold, so that a
million events take seconds. Counts of a partition are small; its facts are forgotten when it is counted.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from pcare_audit.replay import Counted, Counts
from pcare_audit.replaying.result import KpiLine
from pcare_kpi_aggregator.counts import Lines
from pcare_kpi_aggregator.finish import Finished
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.partition import PartitionState
from pcare_kpi_aggregator.years import instant_of
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.year_labels import label


class Applied(NamedTuple):
    """Up to where the aggregator had counted a partition, and the instant it counted for."""

    through: int
    instant: dt.datetime


class Folded(NamedTuple):
    """What a partition comes to: as the database knows it at the replay's instant, and as the aggregator did."""

    at_replay: Lines
    at_stream: Lines | None


class Counting:
    """Counts one partition of the log, record by record in their order."""

    def __init__(self, fold: Fold, at: dt.datetime, applied: Applied | None) -> None:
        self._state = PartitionState(fold, fold.decoder())
        self._at = instant_of(at)
        self._applied = applied
        self._at_stream: Lines | None = None

    def take(self, offset: int, value: bytes | None, timestamp: int) -> None:
        """Count a record. Raises FoldError."""
        if self._applied is not None and self._at_stream is None and offset > self._applied.through:
            self._settle_stream(self._applied)
        self._state.apply(offset, value, timestamp)

    def folded(self) -> Folded:
        """Return what was counted. Called once, after the last record."""
        if self._applied is not None and self._at_stream is None:
            self._settle_stream(self._applied)
        self._state.settle(self._at, thorough=True)
        return Folded(dict(self._state.snapshot().counts.lines()), self._at_stream)

    def _settle_stream(self, applied: Applied) -> None:
        self._state.settle(instant_of(applied.instant), thorough=True)
        self._at_stream = dict(self._state.snapshot().counts.lines())


def finished(fold: Fold, lines: Iterable[Lines], at: dt.datetime) -> Counts:
    """Return the KPIs that the counts of all partitions come to."""
    return {
        (value.kpi, value.area, label(value.year)): Counted(
            None if value.value is None else Decimal(str(value.value)), value.numerator, value.denominator
        )
        for value in Finished(fold.rules, lines, instant_of(at)).values()
    }


def lines_of(replay: Counts, sql: Counts, stream: Counts | None, replay_at_stream: Counts | None) -> list[KpiLine]:
    """Put the numbers side by side, for every KPI, year and area that any of them has.

    What one of them lacks is 0 there, or 0 of 0 where another has so many of so many.
    """
    asked: list[Mapping[tuple[str, str, str], Counted]] = [
        one for one in (replay, sql, stream, replay_at_stream) if one is not None
    ]
    rows = []
    for key in sorted({key for one in asked for key in one}, key=lambda key: (key[0], key[2], key[1])):
        share = any(one[key].denominator is not None for one in asked if key in one)
        nothing = Counted(None, 0, 0) if share else Counted(Decimal(0), 0, None)
        now = replay.get(key, nothing)
        before = None if replay_at_stream is None else replay_at_stream.get(key, nothing)
        rows.append(
            KpiLine(
                *key,
                replay=now,
                sql=sql.get(key, nothing),
                stream=None if stream is None else stream.get(key, nothing),
                replay_at_stream=None if before == now else before,
            )
        )
    return rows


def fold_of(catalogue: Catalogue) -> Fold:
    """Return the aggregator's fold by a catalogue."""
    return Fold.of(catalogue)
