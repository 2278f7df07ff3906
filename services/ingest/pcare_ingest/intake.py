"""Taking events in: each one judged, published, and answered for by itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pcare_common.clock import Clock
from pcare_ingest.callers import Caller
from pcare_ingest.judging import Judge, Ready
from pcare_ingest.publishing import Failure, Outcome, Publisher, Stored
from pcare_schemas.deprecations import Deprecation
from pcare_schemas.rejections import Rejection

SLICE = 50
"""Events judged in one go. Between slices other requests get their turn: judging a full batch takes a while."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one event. `against`: None when it was accepted, a Rejection, or why it is not known to be safe.

    `source` and `id` are the event's own, as far as they can be read and do not identify a person. `at` is where it
    was stored; None too where it was only checked. `deprecated` is what a good event uses that is on its way out.
    """

    source: str | None
    id: str | None
    against: Rejection | Failure | None
    at: Stored | None = None
    deprecated: tuple[Deprecation, ...] = ()


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
            verdicts = self._judge_all(events[start : start + SLICE], caller)
            judged += verdicts
            published.append(self._publisher.publish([ready.record for ready in verdicts if isinstance(ready, Ready)]))
        outcomes = iter([outcome for answer in published for outcome in await answer])
        return [_verdict(one, next(outcomes)) if isinstance(one, Ready) else _against(one) for one in judged]

    async def check(self, events: Sequence[bytes], caller: Caller) -> list[Verdict]:
        """Return the verdicts that `submit` would give, as far as the edge decides them. Nothing is published."""
        judged: list[Ready | Rejection] = []
        for start in range(0, len(events), SLICE):
            if start:
                await asyncio.sleep(0)
            judged += self._judge_all(events[start : start + SLICE], caller)
        return [
            Verdict(one.source, one.id, None, deprecated=one.deprecated) if isinstance(one, Ready) else _against(one)
            for one in judged
        ]

    def _judge_all(self, events: Sequence[bytes], caller: Caller) -> list[Ready | Rejection]:
        now = self._clock.now()
        return [self._judge.judge(event, caller, now) for event in events]


def _verdict(ready: Ready, outcome: Outcome) -> Verdict:
    if isinstance(outcome, Failure):
        return Verdict(ready.source, ready.id, outcome)
    return Verdict(ready.source, ready.id, None, outcome, ready.deprecated)


def _against(refused: Rejection) -> Verdict:
    return Verdict(refused.source, refused.id, refused)
