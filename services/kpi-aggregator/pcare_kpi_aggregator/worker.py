"""One worker: counts what the runtime delivers, keeps the counts true as time goes by, and tells the others.

All methods run on the loop's thread, and none of them waits for anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pcare_common.clock import Clock
from pcare_kpi_aggregator.delays import Delays, between
from pcare_kpi_aggregator.owned import LogRecord
from pcare_kpi_aggregator.ownership import Ownership
from pcare_kpi_aggregator.partials import Partial
from pcare_kpi_aggregator.partition import PartitionState
from pcare_kpi_aggregator.tracing import NOT_FOLLOWED, Following
from pcare_kpi_aggregator.whole import Whole
from pcare_kpi_aggregator.years import SECOND, instant_of

HEARTBEAT = 5 * SECOND
"""How often each partition's counts are brought to the present and told, whatever happens.

At whole multiples of it, so that partitions at rest all speak of the same instant, on whichever worker they are.
"""

PUBLISH_AT_MOST_EVERY = 1.0  # seconds, for one partition


@dataclass(slots=True)
class _Published:
    partial: Partial
    when: float


class KpiWorker:
    """Ties the owned partitions to the whole. `name` identifies this worker among the others, for people."""

    def __init__(
        self,
        ownership: Ownership,
        whole: Whole,
        *,
        name: str,
        catalogue: str,
        clock: Clock,
        following: Following = NOT_FOLLOWED,
    ) -> None:
        self.ownership = ownership
        self.whole = whole
        self._name = name
        self._catalogue = catalogue
        self._clock = clock
        self._published: dict[int, _Published] = {}
        self._owed: set[int] = set()
        self._heartbeat = 0
        self._following = following
        self.delays = Delays(clock)
        self.rebalances = 0

    def suspend(self) -> None:
        """Keep the states, stop counting: the partitions were revoked."""
        self.ownership.suspend()

    def assign(self, ends: Mapping[int, int]) -> None:
        """Own exactly these partitions, each with the log's end after the assignment."""
        self.rebalances += 1
        self.ownership.assign(ends)

    def take(self, chunks: Sequence[tuple[int, Sequence[LogRecord]]]) -> None:
        """Count live records: every touched subject is evaluated once, however many records speak of it."""
        begun = self._following.now()
        counted: list[tuple[int, Sequence[LogRecord]]] = []
        for partition, records in chunks:
            before = self.ownership.counted_through(partition)
            for record in records:
                self.ownership.deliver(partition, record)
            through = self.ownership.counted_through(partition)
            if before is not None and through is not None:
                counted.append((partition, between(records, before, through)))
        touched = {partition for partition, _ in chunks}
        now = instant_of(self._clock.now())
        for partition, state in list(self.ownership.ready()):
            if partition in touched:
                self._settle(partition, state, now)
        self.delays.observe(counted, self._following.counted(counted, begun))

    def tick(self) -> None:
        """Let time pass: count what is due. Call it several times a second."""
        now = instant_of(self._clock.now())
        heartbeat = now - now % HEARTBEAT
        beats = heartbeat > self._heartbeat
        self._heartbeat = max(heartbeat, self._heartbeat)
        for partition, state in list(self.ownership.ready()):
            due = state.next_due is not None and state.next_due <= now
            if due or not state.settled:
                self._settle(partition, state, now)
            elif beats:
                self._settle(partition, state, heartbeat)
            if beats:
                self._owed.add(partition)

    def to_publish(self) -> list[Partial]:
        """Return the partials that the others should be told: changed ones that had a rest, and all at a heartbeat."""
        when = self._clock.monotonic()
        batch: list[Partial] = []
        for partition, state in self.ownership.ready():
            if not state.settled:
                continue
            partial = Partial(self._catalogue, partition, self._name, state.snapshot())
            last = self._published.get(partition)
            if last is None or partition in self._owed or _is_news(partial, last, when):
                batch.append(partial)
        return batch

    def published(self, batch: Sequence[Partial]) -> None:
        """Take note that these are safe on the topic."""
        when = self._clock.monotonic()
        for partial in batch:
            self._published[partial.partition] = _Published(partial, when)
            self._owed.discard(partial.partition)

    def _settle(self, partition: int, state: PartitionState, at: int) -> None:
        if self.ownership.settle(partition, at):
            self.whole.offer(Partial(self._catalogue, partition, self._name, state.snapshot()))


def _is_news(partial: Partial, last: _Published, when: float) -> bool:
    if when - last.when < PUBLISH_AT_MOST_EVERY:
        return False
    now, before = partial.snapshot, last.partial.snapshot
    return (now.log_started, now.applied_through, now.counts) != (
        before.log_started,
        before.applied_through,
        before.counts,
    )
