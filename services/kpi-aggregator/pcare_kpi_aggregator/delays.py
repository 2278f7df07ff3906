"""How long events take from the broker, where they were submitted, to being counted live by this worker."""

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client.samples import Exemplar

from pcare_common.clock import Clock
from pcare_kpi_aggregator.owned import LogRecord

BOUNDS_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0)

SAID_ANEW_AFTER = 86_400.0
"""What came so long after it was submitted took no such time: a merge of persons says old events anew."""

ENOUGH_OF_A_CHUNK = 50
"""In a flood, when events come by the hundred, so many of each chunk tell as much as all of them."""

_SUBMITTED = b'"recordedat":"'
_SECOND = slice(0, 19)
_MILLISECONDS = slice(20, 23)
_INSTANT_BYTES = 24  # 2024-06-30T12:00:00.000Z


class Delays:
    """A histogram of the seconds from the broker's time of a submitted event to its count.

    Each bucket, and the whole, name the last trace that was counted in them, if any was.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts = [0] * (len(BOUNDS_SECONDS) + 1)
        self._exemplars: list[Exemplar | None] = [None] * len(self._counts)
        self._second = (b"", 0.0)  # the last that was read: most of a batch are of one second, and reading it is dear
        self.sum = 0.0
        self.last: Exemplar | None = None

    def observe(self, chunks: Iterable[tuple[int, Sequence[LogRecord]]], traces: Sequence[str | None] = ()) -> None:
        """Take note that these were counted now, live; `traces` are the ids of those that are followed.

        Of a large chunk every n-th is looked at, unless some are followed.
        """
        now, first = self._clock.now().timestamp(), 0
        for _, records in chunks:
            step = 1 if traces else max(1, len(records) // ENOUGH_OF_A_CHUNK)
            for place in range(0, len(records), step):
                submitted = self.submitted_at(records[place])
                if submitted is not None:
                    self._add(max(0.0, now - submitted), traces[first + place] if traces else None, now)
            first += len(records)

    def _add(self, seconds: float, trace: str | None, now: float) -> None:
        bucket = bisect_left(BOUNDS_SECONDS, seconds)
        self._counts[bucket] += 1
        self.sum += seconds
        if trace is not None:
            self._exemplars[bucket] = Exemplar({"trace_id": trace}, seconds, now)
            self.last = Exemplar({"trace_id": trace}, 1.0, now)

    def buckets(self) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
        """Return the upper bound of each bucket, how many there were up to it, and its exemplar."""
        bounds = [*map(str, BOUNDS_SECONDS), "+Inf"]
        found: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
        so_far = 0.0
        for bound, count, exemplar in zip(bounds, self._counts, self._exemplars, strict=True):
            so_far += count
            found.append((bound, so_far) if exemplar is None else (bound, so_far, exemplar))
        return found

    def submitted_at(self, record: LogRecord) -> float | None:
        """Return when the broker was given the event, in seconds since 1970; None for no event, or one said anew."""
        value = record.value or b""
        place = value.find(_SUBMITTED)
        if place < 0:
            return None
        place += len(_SUBMITTED)
        instant = value[place : place + _INSTANT_BYTES]
        try:
            second = instant[_SECOND]
            if second != self._second[0]:
                self._second = second, dt.datetime.fromisoformat(f"{second.decode('ascii')}Z").timestamp()
            submitted = self._second[1] + int(instant[_MILLISECONDS]) / 1000
        except ValueError:
            return None  # whether the record can be read at all is not decided here
        return None if record.timestamp / 1000 - submitted > SAID_ANEW_AFTER else submitted


def between(records: Sequence[LogRecord], before: int, through: int) -> Sequence[LogRecord]:
    """Return the records of a chunk, whose offsets ascend, that stand behind `before` and not behind `through`."""
    if not records or (before < records[0].offset and records[-1].offset <= through):
        return records
    return [record for record in records if before < record.offset <= through]
