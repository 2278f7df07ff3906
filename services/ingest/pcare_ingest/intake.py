"""Taking events in: each one judged, published, and answered for by itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pcare_common.clock import Clock
from pcare_ingest.callers import Caller
from pcare_ingest.judging import Judge, Ready
from pcare_ingest.publishing import Failure, Outcome, Publisher
from pcare_schemas.rejections import Rejection

SLICE = 50
"""Events judged in one go. Between slices other requests get their turn: judging a full batch takes a while."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one event. `against`: None when it was accepted, a Rejection, or why it is not known to be safe.

    `source` and `id` are the event's own, as far as they can be read and do not identify a person.
    """

    source: str | None
    id: str | None
    against: Rejection | Failure | None


class Intake:
    """Judges and publishes. An event counts as accepted only when its acknowledgement has come."""

    def __init__(self, judge: Judge, publisher: Publisher, clock: Clock) -> None:
        self._judge = judge
        self._publisher = publisher
        self._clock = clock

    async def submit(self, events: Sequence[bytes], caller: Caller) -> list[Verdict]:
        """Return one verdict an event, in order. May be repeated with the same events: repeating is harmless."""
        judged: list[Ready | Rejection] = []
        published: list[asyncio.Future[list[Outcome]]] = []
        for start in range(0, len(events), SLICE):
            if start:
                await asyncio.sleep(0)
            now = self._clock.now()
            verdicts = [self._judge.judge(event, caller, now) for event in events[start : start + SLICE]]
            judged += verdicts
            published.append(self._publisher.publish([ready.record for ready in verdicts if isinstance(ready, Ready)]))
        outcomes = iter([outcome for answer in published for outcome in await answer])
        return [Verdict(one.source, one.id, next(outcomes) if isinstance(one, Ready) else one) for one in judged]
