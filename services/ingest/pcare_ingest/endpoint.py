"""POST /events, and POST /events/check: a request's events, and one verdict for each."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pcare_common import logs
from pcare_common.clock import Clock
from pcare_ingest import answers, incoming, problems
from pcare_ingest.admission import Admission, Hold
from pcare_ingest.answers import ACCEPTED, Words
from pcare_ingest.body import DisconnectedError
from pcare_ingest.callers import Caller
from pcare_ingest.gate import Gate
from pcare_ingest.incoming import Incoming
from pcare_ingest.intake import Verdict
from pcare_ingest.refusal import RefusedError
from pcare_schemas.rejections import Rejection

SHOWN_IN_LOG = 5

Submit = Callable[[Sequence[bytes], Caller], Awaitable[list[Verdict]]]

log = logs.get(__name__)


class Counting(Protocol):
    """What is counted of the requests to one address."""

    def answered(self, status: int) -> None:
        """Count an answer."""
        ...

    def judged(self, verdicts: Sequence[Verdict], seconds: float, caller: Caller) -> None:
        """Count the verdicts of one request of `caller`, which took `seconds` in all."""
        ...


class EventsEndpoint:
    """An ASGI application that takes one event or a batch, and answers only when each has its verdict.

    `submit` gives the verdicts; `words` says what an event is called that has nothing against it.
    """

    def __init__(
        self,
        submit: Submit,
        gate: Gate,
        admission: Admission,
        counting: Counting,
        clock: Clock,
        *,
        words: Words = ACCEPTED,
        read_within: float,
    ) -> None:
        self._verdicts = submit
        self._words = words
        self._gate = gate
        self._admission = admission
        self._counting = counting
        self._clock = clock
        self._read_within = read_within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            response = await self._answer(Request(scope), receive)
        except DisconnectedError:
            return
        except RefusedError as error:
            response = answers.refuse(error.trouble, error.headers)
        except Exception:
            self._counting.answered(problems.INTERNAL_ERROR.status)
            raise
        self._counting.answered(response.status_code)
        await response(scope, receive, send)

    async def turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for which there is no room: to come back later, on another connection."""
        response = answers.refuse(problems.OVERLOADED, {"Connection": "close"})
        self._counting.answered(response.status_code)
        await response(scope, receive, send)

    async def _answer(self, request: Request, receive: Receive) -> Response:
        caller = await self._gate.identify(request)
        with Hold(self._admission) as hold:
            try:
                taken = await incoming.take(request.scope, receive, hold, within=self._read_within)
            except RefusedError as error:
                if error.trouble.status != problems.OVERLOADED.status:  # which is not of their making
                    self._gate.admit(caller, 1)
                raise
            self._gate.admit(caller, len(taken.events))
            return await self._judge(taken, caller)

    async def _judge(self, taken: Incoming, caller: Caller) -> Response:
        if taken.against is not None:
            return answers.single(Verdict(None, None, taken.against), self._words)
        verdicts = await self._submit(taken.events, caller)
        if taken.batch:
            return answers.batch(verdicts, self._words, minimal=taken.minimal)
        return answers.single(verdicts[0], self._words, minimal=taken.minimal)

    async def _submit(self, events: list[bytes], caller: Caller) -> list[Verdict]:
        started = self._clock.monotonic()
        verdicts = await self._verdicts(events, caller)
        self._counting.judged(verdicts, self._clock.monotonic() - started, caller)
        refused = [one for one in verdicts if isinstance(one.against, Rejection)]
        if refused:
            log.info(
                "events refused",
                caller=caller.name,
                credential=caller.credential,
                refused=len(refused),
                of=len(verdicts),
                first=[_for_log(one) for one in refused[:SHOWN_IN_LOG]],
            )
        return verdicts


def _for_log(verdict: Verdict) -> dict[str, str | None]:
    reason = str(verdict.against.reason) if isinstance(verdict.against, Rejection) else None
    return {"source": verdict.source, "id": verdict.id, "reason": reason}
