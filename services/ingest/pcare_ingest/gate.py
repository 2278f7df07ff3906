"""The one gate that every request with something to send or to ask for goes through.

    caller = await gate.identify(connection)   # before a byte of the body is read: 401, 503
    gate.admit(caller, events)                 # once it is known how many: 429; one for what cannot be counted

Both raise RefusedError, which `answers.refuse` turns into the answer.
"""

from starlette.requests import HTTPConnection

from pcare_common.clock import Clock
from pcare_ingest import problems
from pcare_ingest.callers import Caller, Callers
from pcare_ingest.measures import Measures
from pcare_ingest.rate_limit import RateLimit, headers
from pcare_ingest.refusal import RefusedError


class Gate:
    """Asks who calls, and holds them to their rate. Touched on the event loop's thread alone."""

    def __init__(self, callers: Callers, measures: Measures, clock: Clock) -> None:
        self._callers = callers
        self._measures = measures
        self._clock = clock
        self._limit = RateLimit()

    async def identify(self, connection: HTTPConnection) -> Caller:
        """Return who calls. Raises RefusedError."""
        return await self._callers.identify(connection)

    def admit(self, caller: Caller, events: int, *, already: int = 0) -> None:
        """Let `events` events in, all or none; a request without any counts as one.

        Raises RefusedError when the caller has to wait. A batch may be larger than the caller's burst: see RateLimit.
        `already` of the events were let in before, when it was not known yet how many there are.
        """
        rate = caller.rate
        if rate is None or max(1, events) <= already:
            return
        now = self._clock.monotonic()
        seconds = self._limit.take(caller.name, max(1, events), rate, now, already)
        if seconds > 0:
            self._measures.limited(caller.name, events)
            left = self._limit.left(caller.name, rate, now)
            raise RefusedError(problems.TOO_MANY_EVENTS, headers("events", rate, left, seconds))
