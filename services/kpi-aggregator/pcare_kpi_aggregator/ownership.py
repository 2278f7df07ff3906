"""Which partitions this worker owns, and how each comes to be ready and stays so.

Kafka takes every partition away at each rebalance. So revocation only suspends; the next assignment says which states
are kept. A partition is read up to the log's end as it was after the assignment, in a thread and into a state that
nobody else touches, and is installed on the loop only if the assignment still holds. Records that come live meanwhile
are dropped below that end, for the thread reads them, and held from it on. `applied_through` is contiguous: a live
record further on is a gap, and the tail is read again.

All methods run on the loop's thread.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from pcare_common import logs
from pcare_kpi_aggregator.log_reader import LogReader, Outcome, Stretch
from pcare_kpi_aggregator.owned import LogRecord, Owned, Phase, bytes_of
from pcare_kpi_aggregator.partition import NOTHING_APPLIED, FoldError, PartitionState

log = logs.get(__name__)


class StartReader(Protocol):
    """Makes a reader for several stretches; the reader tells `outcome`."""

    def __call__(self, stretches: Mapping[int, Stretch], outcome: Outcome) -> LogReader:
        """Return the reader, not started."""
        ...


class OnFoldError(Protocol):
    """What to do about a record that the fold fails on. May end the process."""

    def __call__(self, partition: int, error: FoldError) -> None:
        """Return only if the partition is to stay blocked at that record."""
        ...


class Ownership:
    """The partitions of this worker. `held_bound` is the most bytes of live records held at a time."""

    def __init__(
        self,
        *,
        new_state: Callable[[], PartitionState],
        new_reader: StartReader,
        now: Callable[[], int],
        on_fold_error: OnFoldError,
        on_unforeseen: Callable[[BaseException], None],
        held_bound: int,
    ) -> None:
        self._new_state = new_state
        self._new_reader = new_reader
        self._now = now
        self._on_fold_error = on_fold_error
        self._on_unforeseen = on_unforeseen
        self._held_bound = held_bound
        self._epoch = 0
        self._held_bytes = 0
        self._readers: dict[LogReader, int] = {}  # and the epoch in which each began
        self._records_read = 0
        self._beginning: asyncio.Task[None] | None = None
        self.owned: dict[int, Owned] = {}
        self.assigned = False
        self.joined = False
        """Whether the group has ever given an assignment, be it an empty one."""
        self.applied_live = 0

    @property
    def progress(self) -> int:
        """A number that grows whenever anything was applied, live or by a reader."""
        return self.applied_live + self._records_read + sum(reader.records for reader in self._readers)

    def ready(self) -> Iterator[tuple[int, PartitionState]]:
        """Go through the partitions whose state is installed."""
        for partition, owned in self.owned.items():
            if owned.phase is Phase.READY:
                yield partition, owned.state

    def skipped(self) -> Counter[str]:
        """Return how many records of unknown types the installed partitions have skipped, by type."""
        return sum((state.unknown_types for _, state in self.ready()), Counter())

    def suspend(self) -> None:
        """Stop counting but keep the states: all partitions were revoked, perhaps only for a moment."""
        self._epoch += 1
        self.assigned = False
        for owned in self.owned.values():
            owned.phase = Phase.SUSPENDED
            self._let_go_of_held(owned)
        for reader in self._readers:
            reader.cancel()

    def assign(self, ends: Mapping[int, int]) -> None:
        """Own exactly the partitions of `ends`, each with the log's end as it was after the assignment."""
        self.suspend()
        self.assigned = self.joined = True
        for partition in self.owned.keys() - ends.keys():
            del self.owned[partition]
        for partition, end in ends.items():
            owned = self.owned.setdefault(partition, Owned(self._new_state()))
            owned.end, owned.phase, owned.blocked_at = end, Phase.READING, None
        log.info("partitions assigned", partitions=sorted(ends))
        self._beginning = asyncio.create_task(self._begin(self._epoch, dict(ends)))
        self._beginning.add_done_callback(self._begun)

    def deliver(self, partition: int, record: LogRecord) -> None:
        """Take in a live record of a partition, wherever that partition is on its way."""
        owned = self.owned.get(partition)
        if owned is None:
            return
        if owned.phase is Phase.READY:
            self._take(partition, owned, record)
        elif owned.phase is Phase.READING and record.offset >= owned.end:
            self._hold(owned, record)

    def counted_through(self, partition: int) -> int | None:
        """Return the last offset that is counted of a partition, or None while it is not counted live."""
        owned = self.owned.get(partition)
        return owned.state.applied_through if owned is not None and owned.phase is Phase.READY else None

    def settle(self, partition: int, at: int) -> bool:
        """Bring an installed partition's counts to the instant `at`; say whether they are whole."""
        owned = self.owned[partition]
        try:
            return owned.state.settle(at)
        except FoldError as error:
            self._block(partition, error)
            return False

    def cancel(self) -> None:
        """Leave: stop all readers. What they hold is of no more use."""
        self.suspend()
        if self._beginning is not None:
            self._beginning.cancel()

    # --- what readers say -------------------------------------------------------------------------------------

    def stretch_done(self, reader: LogReader, partition: int) -> None:
        """Install the state that a reader has brought to the end, if the assignment still holds."""
        owned = self._of(reader, partition)
        if owned is None:
            return
        owned.reader = None
        if self._readers.get(reader) == self._epoch:
            self._install(partition, owned)

    def stretch_failed(self, reader: LogReader, partition: int, error: FoldError) -> None:
        """Decide about a record that the fold failed on during a read."""
        owned = self._of(reader, partition)
        if owned is not None:
            owned.reader = None
            self._block(partition, error)

    def reader_ended(self, reader: LogReader, error: BaseException | None) -> None:
        """Take back the states that a cancelled reader had not finished."""
        self._readers.pop(reader, None)
        self._records_read += reader.records
        for owned in self.owned.values():
            if owned.reader is reader:
                owned.reader = None
        if error is not None:
            self._on_unforeseen(error)

    # --- the parts --------------------------------------------------------------------------------------------

    async def _begin(self, epoch: int, ends: Mapping[int, int]) -> None:
        for reader in list(self._readers):
            await reader.ended.wait()  # it was cancelled; until it ends, some states are its own
        if epoch != self._epoch:
            return
        stretches: dict[int, Stretch] = {}
        for partition, end in ends.items():
            owned = self.owned[partition]
            if owned.state.applied_through + 1 > end:
                log.warning("the log is shorter than what was counted; counting anew", partition=partition, end=end)
                owned.state = self._new_state()
            if owned.state.applied_through + 1 == end and owned.state.settled:
                self._install(partition, owned)
            else:
                stretches[partition] = Stretch(owned.state, end)
        self._read(stretches)

    def _begun(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_unforeseen(error)

    def _install(self, partition: int, owned: Owned) -> None:
        if owned.dropped_through != NOTHING_APPLIED:
            self._read_tail(partition, owned, owned.dropped_through + 1)
            return
        owned.phase = Phase.READY
        log.info("partition ready", partition=partition, applied_through=owned.state.applied_through)
        held = owned.held
        self._let_go_of_held(owned)
        for record in held:
            self.deliver(partition, record)
        if owned.phase is Phase.READY:
            self.settle(partition, self._now())

    def _read_tail(self, partition: int, owned: Owned, end: int) -> None:
        owned.phase, owned.end, owned.dropped_through = Phase.READING, end, NOTHING_APPLIED
        self._read({partition: Stretch(owned.state, end)})

    def _read(self, stretches: Mapping[int, Stretch]) -> None:
        if not stretches:
            return
        reader = self._new_reader(stretches, self)
        for partition in stretches:
            self.owned[partition].reader = reader
        self._readers[reader] = self._epoch
        reader.start()

    def _take(self, partition: int, owned: Owned, record: LogRecord) -> None:
        expected = owned.state.applied_through + 1
        if record.offset < expected:
            return  # a repeat: offsets behind applied_through are in the state
        if record.offset > expected:
            log.info("a gap in what came live; reading the tail", partition=partition, expected=expected)
            self._read_tail(partition, owned, record.offset)
            self._hold(owned, record)
            return
        try:
            owned.state.apply(record.offset, record.value, record.timestamp)
        except FoldError as error:
            self._block(partition, error)
        else:
            self.applied_live += 1

    def _hold(self, owned: Owned, record: LogRecord) -> None:
        if owned.dropped_through == NOTHING_APPLIED and self._held_bytes + bytes_of(record) <= self._held_bound:
            owned.held.append(record)
            self._held_bytes += bytes_of(record)
            return
        dropped_through = max(owned.dropped_through, record.offset)
        self._let_go_of_held(owned)
        owned.dropped_through = dropped_through  # the tail up to here is read again, once this read has ended

    def _let_go_of_held(self, owned: Owned) -> None:
        self._held_bytes -= sum(bytes_of(record) for record in owned.held)
        owned.held = []
        owned.dropped_through = NOTHING_APPLIED

    def _block(self, partition: int, error: FoldError) -> None:
        self._on_fold_error(partition, error)
        owned = self.owned[partition]
        self._let_go_of_held(owned)
        owned.state = self._new_state()  # what the failing record left of the old one is not to be counted
        owned.phase, owned.blocked_at = Phase.BLOCKED, error.offset

    def _of(self, reader: LogReader, partition: int) -> Owned | None:
        owned = self.owned.get(partition)
        return owned if owned is not None and owned.reader is reader else None
