"""Batches that follow on: every one begins where the cursor stands, or it is not judged."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pcare_common import logs
from pcare_recorder.cursors import Carried, Follows, Held, Partition, overtaken
from pcare_recorder.recording import Page
from pcare_recorder.store import Span
from pcare_recorder.verdicts import Submitted

log = logs.get(__name__)

Stretches = Mapping[Partition, list[Submitted]]
"""What one reading returns. Each list is a stretch that was read without interruption."""


class Reading(Protocol):
    """The consumer, as far as batches need it: see Intake."""

    def begin_at(self, offsets: Mapping[Partition, int]) -> None:
        """Read these partitions from these offsets on."""
        ...

    async def take(self, *, wait: float, events: int) -> Stretches:
        """Return the next records, at most so many, after waiting so many seconds for some."""
        ...

    async def positions(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Return up to where each partition was read."""
        ...

    async def held(self, partitions: Collection[Partition]) -> Mapping[Partition, Held]:
        """Return what Kafka holds of each partition."""
        ...


FirstStretches = Callable[[int], Awaitable[Stretches]]
"""Waits for records, at most so many: how the recorder stays able to stop while there is nothing to do."""


@dataclass(slots=True)
class _Filling:
    """A batch while it is put together."""

    records: list[Submitted] = field(default_factory=list)
    ends: dict[Partition, int] = field(default_factory=dict)
    size: int = 0

    def add(self, partition: Partition, records: list[Submitted]) -> None:
        self.records.extend(records)
        self.ends[partition] = records[-1].origin.offset + 1
        self.size += sum(len(submitted.record.value or b"") for submitted in records)


class Pager:
    """Puts batches together out of what the consumer reads, and carries the cursor of each partition along."""

    def __init__(self, intake: Reading, *, batch_events: int, batch_bytes: int) -> None:
        self._intake = intake
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._carried: dict[Partition, Carried] = {}

    @property
    def carried(self) -> Mapping[Partition, Carried]:
        """The cursors as this process carries them: past the batches that it was given, written or not."""
        return self._carried

    def begin(self, next_offsets: Mapping[Partition, int]) -> None:
        """Carry these cursors and no others, and read from them."""
        self._carried = {partition: Carried(offset) for partition, offset in next_offsets.items()}
        self._intake.begin_at(next_offsets)

    async def next_page(self, first: FirstStretches) -> Page | None:
        """Return the next batch, or None when there is nothing to judge now.

        It begins where the one before ended, on the understanding that batches are written in turn: if one is not,
        those after it are dropped and the recorder begins again.

        Raises OperatorError when what Kafka holds does not follow on from a cursor, and what the intake raises.
        """
        filling = _Filling()
        await self._admit(filling, await first(self._batch_events))
        while filling.records and len(filling.records) < self._batch_events and filling.size < self._batch_bytes:
            more = await self._intake.take(wait=0, events=self._batch_events - len(filling.records))
            if not more:
                break
            await self._admit(filling, more)
        if filling.records:
            spans = (Span(p, self._carried[p].next_offset, end) for p, end in filling.ends.items())
            return self._carry_past(Page(tuple(spans), tuple(filling.records)))
        return await self._past_control_records()

    def _carry_past(self, page: Page) -> Page:
        for span in page.spans:
            self._carried[span.partition].advance(span.next_offset)
        return page

    async def _admit(self, filling: _Filling, stretches: Stretches) -> None:
        for partition, records in stretches.items():
            if partition in self._carried and await self._follows_on(filling, partition, records[0].origin.offset):
                filling.add(partition, records)

    async def _follows_on(self, filling: _Filling, partition: Partition, first: int) -> bool:
        carried = self._carried[partition]
        end = filling.ends.get(partition)
        if end is not None:  # a second stretch: whatever lies between is for the next batch to prove
            if first != end:
                self._read_again(partition, end)
            return first == end
        follows = carried.follows(partition, first)
        if follows is Follows.READ_AGAIN:
            self._read_again(partition, carried.next_offset)
            return False
        if follows is Follows.CHECK_LOG_START:
            await self._prove_gap(partition, first)
        return True

    async def _past_control_records(self) -> Page | None:
        """Return a batch without records where a partition ends in control or aborted records, so that lag ends too."""
        reached = await self._intake.positions(self._carried)
        spans = []
        for partition, offset in reached.items():
            carried = self._carried[partition]
            if offset <= carried.next_offset:
                continue
            if carried.proving:
                await self._prove_gap(partition, offset)
                spans.append(Span(partition, carried.next_offset, offset))
            else:
                self._read_again(partition, carried.next_offset)
        return self._carry_past(Page(tuple(spans))) if spans else None

    def _read_again(self, partition: Partition, offset: int) -> None:
        log.info("reading again from the cursor to see what was skipped", partition=str(partition), offset=offset)
        self._carried[partition].proving = True
        self._intake.begin_at({partition: offset})

    async def _prove_gap(self, partition: Partition, reached: int) -> None:
        """Accept that an explicit read-committed read from the cursor skipped to `reached`, unless retention did it.

        The log's start is asked for after that read: if it is not past the cursor now, it was not then.
        """
        cursor = self._carried[partition].next_offset
        held = (await self._intake.held([partition]))[partition]
        if held.first > cursor:
            raise overtaken(partition, cursor, held.first)
        log.info("passed control or aborted records", partition=str(partition), first=cursor, next=reached)
