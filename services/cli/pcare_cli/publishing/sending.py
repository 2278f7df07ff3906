"""Rows in batches, a few on their way at once, each noted when every row of it has its verdict.

Batches are cut by the number of rows alone, so they are the same in every run; what is done is skipped. Order does not
matter to the record. No more is held than the batches on their way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pcare_cli.publishing.building import UNREADABLE, Builder
from pcare_cli.publishing.pace import Pace
from pcare_cli.publishing.rows import Row
from pcare_client import Event, FieldError, Problem, Verdict
from pcare_common.clock import Clock

BATCH_ROWS = 500
IN_FLIGHT = 4
FINISH_WITHIN_SECONDS = 5.0
"""How long batches on their way are waited for when somebody stops it. What they lose is sent again, which is safe."""

Judge = Callable[[list[Event]], Awaitable[list[Verdict]]]
"""Reaches a verdict on each event: by sending it, or by checking it."""

Batch = tuple[int, list[Row]]
Rejected = Sequence[tuple[Row, Problem]]


class Ledger(Protocol):
    """Where it is noted what became of a batch."""

    def is_done(self, batch: int) -> bool:
        """Whether the batch was noted before."""
        ...

    def note(self, batch: int, *, accepted: int, rejected: Rejected) -> None:
        """Note a batch. It is safe when this returns."""
        ...


class StoppedError(Exception):
    """Somebody asked to stop before the end."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends the rows of one file."""

    builder: Builder
    judge: Judge
    ledger: Ledger
    pace: Pace
    clock: Clock
    stop: asyncio.Event
    batch_rows: int = BATCH_ROWS

    async def send(self, rows: Iterable[Row]) -> None:
        """Send what is not done yet. Raises StoppedError, and what `judge` raises; what was noted stands."""
        flying: set[asyncio.Task[None]] = set()
        try:
            for batch in batches(rows, self.batch_rows):
                if self.ledger.is_done(batch[0]):
                    continue
                await self._wait(self.pace.seconds(len(batch[1]), self.clock.monotonic()))
                while len(flying) >= IN_FLIGHT:
                    flying = await _some_landed(flying)
                self._go_on()
                flying.add(asyncio.create_task(self._one(*batch)))
            while flying:
                flying = await _some_landed(flying)
        except StoppedError:
            if flying:
                _, flying = await asyncio.wait(flying, timeout=FINISH_WITHIN_SECONDS)
            raise
        finally:
            for task in flying:
                task.cancel()
            await asyncio.gather(*flying, return_exceptions=True)

    async def _one(self, number: int, rows: list[Row]) -> None:
        built = [(row, self._built(row)) for row in rows]
        events = [event for _, event in built if isinstance(event, Event)]
        verdicts = iter(await self.judge(events) if events else [])
        rejected: list[tuple[Row, Problem]] = []
        for row, event in built:
            problem = event if isinstance(event, Problem) else next(verdicts).problem
            if problem is not None:
                rejected.append((row, problem))
        self.ledger.note(number, accepted=len(rows) - len(rejected), rejected=rejected)

    def _built(self, row: Row) -> Event | Problem:
        if row.trouble is not None:
            return Problem(UNREADABLE, "The row cannot be read", row.trouble, 422, (FieldError("", row.trouble),))
        return self.builder.build(row.cells)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            waiting = asyncio.create_task(self.stop.wait())
            await asyncio.wait({waiting}, timeout=seconds)
            waiting.cancel()
        self._go_on()

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise StoppedError


def batches(rows: Iterable[Row], size: int) -> Iterator[Batch]:
    """Yield the rows in batches with their numbers, from 0."""
    number, batch = 0, []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield number, batch
            number, batch = number + 1, []
    if batch:
        yield number, batch


async def _some_landed(flying: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    done, left = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    return left
