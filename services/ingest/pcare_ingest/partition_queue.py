"""The records on their way to one partition, packed into batches and sent one batch at a time.

Packing is done here and not in the client because a client's answer is one future a record: with a batch of our own
it is one future a batch, which is what makes an acknowledgement cheap (docs/decisions.md has the figures).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from pcare_ingest.publishing import Failure, Group, Outcome, Outgoing, Stored
from pcare_schemas.recorded import CLOUDEVENTS_HEADERS


class BatchProducer(Protocol):
    """The part of aiokafka's producer that is used here."""

    def create_batch(self) -> Any:
        """Return an empty batch, whose `append` answers None once it is full."""
        ...

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> "asyncio.Future[Any]":
        """Hand over a batch; the future ends when every in-sync replica has it, and says its first offset."""
        ...


class _Batch:
    """One batch, the groups that wait for its records, and the instant by which they want an answer."""

    __slots__ = ("builder", "deadline", "handed_over", "waiting")

    def __init__(self, builder: Any, deadline: float) -> None:
        self.builder = builder
        self.deadline = deadline
        self.handed_over = False
        self.waiting: list[tuple[Group, int]] = []

    def add(self, record: Outgoing, group: Group, index: int) -> bool:
        """Put `record` in; False when the batch is full."""
        headers = [*CLOUDEVENTS_HEADERS, *record.trace] if record.trace else CLOUDEVENTS_HEADERS
        added = self.builder.append(timestamp=None, key=record.key, value=record.value, headers=headers)
        if added is None:
            return False
        self.waiting.append((group, index))
        return True

    def settle(self, outcome: Outcome) -> None:
        """Tell everybody who waits for this batch; `outcome` is that of its first record."""
        if isinstance(outcome, Failure) or outcome.offset is None:
            for group, index in self.waiting:
                group.settle(index, outcome)
            return
        topic, partition, _ = outcome
        for offset, (group, index) in enumerate(self.waiting, outcome.offset):
            group.settle(index, Stored(topic, partition, offset))


class PartitionQueue:
    """Sends one partition's records in the order they came, packed while the batch before them is on its way.

    A record that is not acknowledged `answer_within` seconds after it came is answered as a failure, and
    `on_failure` is told why, once a batch. `linger` is how long a first record waits for company, in seconds.
    """

    def __init__(
        self,
        producer: BatchProducer,
        topic: str,
        partition: int,
        *,
        linger: float,
        answer_within: float,
        on_acknowledged: Callable[[], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._linger = linger
        self._answer_within = answer_within
        self._on_acknowledged = on_acknowledged
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._batches: deque[_Batch] = deque()
        self._sending: asyncio.Task[None] | None = None

    def add(self, record: Outgoing, group: Group, index: int) -> None:
        """Take a record of `group`. Its outcome is settled under `index`."""
        batches = self._batches
        if batches and not batches[-1].handed_over and batches[-1].add(record, group, index):
            return
        batch = _Batch(self._producer.create_batch(), self._loop.time() + self._answer_within)
        batch.add(record, group, index)  # the first record always fits
        batches.append(batch)
        if self._sending is None:
            self._sending = self._loop.create_task(self._send_all())

    @property
    def sending(self) -> "asyncio.Task[None] | None":
        """The task that ends when the queue is empty; None while there is nothing to send."""
        return self._sending

    def give_up(self) -> None:
        """Stop sending and answer everything that waits."""
        if self._sending is not None:
            self._sending.cancel()
        self._settle_rest()

    async def _send_all(self) -> None:
        try:
            await asyncio.sleep(self._linger)
            while self._batches:
                batch = self._batches[0]
                outcome = await self._send(batch)
                if self._batches and self._batches[0] is batch:  # nobody gave up in between
                    self._batches.popleft()
                    batch.settle(outcome)
        finally:
            self._sending = None
            self._settle_rest()

    async def _send(self, batch: _Batch) -> Outcome:
        if self._loop.time() >= batch.deadline:  # those before it took all its time: its senders are told, not kept
            return Failure.NOT_SENT
        try:
            async with asyncio.timeout_at(batch.deadline):
                batch.handed_over = True
                batch.builder.close()
                acknowledgement = await self._producer.send_batch(batch.builder, self._topic, partition=self._partition)
                metadata = await acknowledgement
        except Exception as error:  # noqa: BLE001 - whatever went wrong: no acknowledgement, and somebody waits
            self._on_failure(error)
            return Failure.UNKNOWN
        self._on_acknowledged()
        offset: int = metadata.offset
        return Stored(self._topic, self._partition, None if offset < 0 else offset)

    def _settle_rest(self) -> None:
        while self._batches:
            batch = self._batches.popleft()
            batch.settle(Failure.UNKNOWN if batch.handed_over else Failure.NOT_SENT)
