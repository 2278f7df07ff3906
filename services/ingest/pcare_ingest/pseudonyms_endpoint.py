"""POST /pseudonyms."""

from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pcare_common import logs, metrics
from pcare_common.clock import Clock
from pcare_ingest import answers, problems, pseudonyms
from pcare_ingest.admission import Admission, Hold, OverloadedError
from pcare_ingest.body import DisconnectedError, TooLargeError, TooSlowError, read
from pcare_ingest.callers import Caller
from pcare_ingest.gate import Gate
from pcare_ingest.ledger import Ledger, NotAuditedError
from pcare_ingest.limits import MAX_NUMBERS, MAX_NUMBERS_BYTES
from pcare_ingest.media_types import is_json
from pcare_ingest.pseudonyms import NotAskedError
from pcare_ingest.rate_limit import Rate, RateLimit, headers
from pcare_ingest.refusal import RefusedError
from pcare_schemas.pseudonym import Keys

PLAIN = "identity"
NOBODY_KEEPS_IT = {"Cache-Control": "no-store"}

log = logs.get(__name__)


class PseudonymsEndpoint:
    """An ASGI application that gives pseudonyms for NHS numbers, to whoever may send events, once that is audited.

    Of a request all numbers are answered or none. A caller who is held to a rate of events is held to `rate` here, in
    numbers: whoever is given pseudonyms of as many numbers as they like can make a table of all. A request that gives
    nothing counts as one.
    """

    def __init__(
        self,
        keys: Keys,
        gate: Gate,
        ledger: Ledger,
        admission: Admission,
        registry: CollectorRegistry,
        *,
        clock: Clock,
        rate: Rate,
        read_within: float,
    ) -> None:
        self._keys = keys
        self._gate = gate
        self._ledger = ledger
        self._admission = admission
        self._given = metrics.counter("pcare_ingest_pseudonyms_total", registry)
        self._clock = clock
        self._rate = rate
        self._limit = RateLimit()
        self._read_within = read_within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            response = await self._answer(Request(scope), receive)
        except DisconnectedError:
            return
        except RefusedError as error:
            response = answers.refuse(error.trouble, error.headers)
        await response(scope, receive, send)

    async def _answer(self, request: Request, receive: Receive) -> Response:
        caller = await self._gate.identify(request)
        if not is_json(request.headers.get("content-type")):
            return answers.refuse(problems.NOT_JSON_TYPE, {"Accept-Post": answers.JSON})
        if request.headers.get("content-encoding", PLAIN) != PLAIN:
            return answers.refuse(problems.UNSUPPORTED_ENCODING)
        with Hold(self._admission) as hold:
            try:
                body = await read(request.scope, receive, limit=MAX_NUMBERS_BYTES, within=self._read_within, hold=hold)
                return await self._give(body, caller)
            except TooLargeError:
                self._admit(caller, 1)
                return answers.refuse(problems.TOO_MANY_NUMBERS)
            except TooSlowError:
                return answers.refuse(problems.TOO_SLOW, {"Connection": "close"})
            except OverloadedError:
                return answers.refuse(problems.OVERLOADED)

    async def _give(self, body: bytes, caller: Caller) -> Response:
        try:
            numbers = pseudonyms.asked(body)
        except NotAskedError as error:
            self._admit(caller, 1)
            return answers.refuse(problems.NOT_ASKED, errors=(error.error,))
        if len(numbers) > MAX_NUMBERS:
            self._admit(caller, 1)
            return answers.refuse(problems.TOO_MANY_NUMBERS)
        self._admit(caller, max(1, len(numbers)))
        errors = pseudonyms.refused(numbers)
        if errors:
            log.info("numbers refused", caller=caller.name, refused=len(errors), of=len(numbers))
            return answers.refuse(problems.NO_NHS_NUMBER, errors=errors)
        try:
            await self._ledger.pseudonyms(caller, len(numbers))
        except NotAuditedError as error:
            log.warning("no pseudonyms are given: there is no audit trail", reason=str(error))
            return answers.refuse(problems.NOT_AUDITED)
        log.info("pseudonyms given", caller=caller.name, credential=caller.credential, number=len(numbers))
        self._given.labels(caller.name).inc(len(numbers))
        return Response(pseudonyms.answer(numbers, self._keys), headers=NOBODY_KEEPS_IT, media_type=answers.JSON)

    def _admit(self, caller: Caller, numbers: int) -> None:
        """Let a caller ask for so many. Raises RefusedError when they have to wait."""
        if caller.rate is None:
            return
        now = self._clock.monotonic()
        seconds = self._limit.take(caller.name, numbers, self._rate, now)
        if seconds > 0:
            left = self._limit.left(caller.name, self._rate, now)
            raise RefusedError(problems.TOO_MANY_PSEUDONYMS, headers("pseudonyms", self._rate, left, seconds))
