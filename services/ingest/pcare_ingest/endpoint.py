"""POST /events."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pcare_common import logs
from pcare_common.clock import Clock
from pcare_ingest import answers, problems
from pcare_ingest.admission import Admission, Hold, OverloadedError
from pcare_ingest.body import DisconnectedError, TooLargeError, TooSlowError, read
from pcare_ingest.callers import Caller
from pcare_ingest.gate import Gate
from pcare_ingest.intake import Intake, Verdict
from pcare_ingest.limits import MAX_BATCH_EVENTS
from pcare_ingest.measures import Measures
from pcare_ingest.media_types import Form, form_of
from pcare_ingest.refusal import RefusedError
from pcare_ingest.splitting import split
from pcare_schemas.rejections import MAX_EVENT_BYTES, FieldError, Reason, Rejection, rejection

SHOWN_IN_LOG = 5
PLAIN = "identity"

log = logs.get(__name__)


class EventsEndpoint:
    """An ASGI application that takes one event or a batch, and answers only when each has its verdict."""

    def __init__(
        self,
        intake: Intake,
        gate: Gate,
        admission: Admission,
        measures: Measures,
        clock: Clock,
        *,
        read_within: float,
    ) -> None:
        self._intake = intake
        self._gate = gate
        self._admission = admission
        self._measures = measures
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
            self._measures.answered(problems.INTERNAL_ERROR.status)
            raise
        self._measures.answered(response.status_code)
        await response(scope, receive, send)

    async def turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for which there is no room: to come back later, on another connection."""
        response = answers.refuse(problems.OVERLOADED, {"Connection": "close"})
        self._measures.answered(response.status_code)
        await response(scope, receive, send)

    async def _answer(self, request: Request, receive: Receive) -> Response:
        caller = await self._gate.identify(request)
        form = form_of(request.headers.get("content-type"))
        if form is None:
            return answers.refuse(problems.UNSUPPORTED_MEDIA_TYPE)
        if request.headers.get("content-encoding", PLAIN) != PLAIN:
            return answers.refuse(problems.UNSUPPORTED_ENCODING)
        with Hold(self._admission) as hold:
            try:
                body = await read(request.scope, receive, limit=form.max_bytes, within=self._read_within, hold=hold)
                return await self._take(form, body, caller, hold)
            except TooLargeError as error:
                return _too_large(form, error.declared)
            except TooSlowError:
                return answers.refuse(problems.TOO_SLOW, {"Connection": "close"})
            except OverloadedError:
                return answers.refuse(problems.OVERLOADED)

    async def _take(self, form: Form, body: bytes, caller: Caller, hold: Hold) -> Response:
        if form is Form.SINGLE:
            hold.take(events=1)
            self._gate.admit(caller, 1)
            return answers.single((await self._submit([body], caller))[0])
        events = split(body)
        if isinstance(events, Rejection):
            return answers.single(Verdict(None, None, events))
        if len(events) > MAX_BATCH_EVENTS:
            return answers.refuse(problems.BATCH_TOO_LARGE)
        hold.take(events=len(events))
        self._gate.admit(caller, len(events))
        return answers.batch(await self._submit(events, caller))

    async def _submit(self, events: list[bytes], caller: Caller) -> list[Verdict]:
        started = self._clock.monotonic()
        verdicts = await self._intake.submit(events, caller)
        self._measures.judged(verdicts, self._clock.monotonic() - started)
        refused = [one for one in verdicts if isinstance(one.against, Rejection)]
        if refused:
            log.info(
                "events refused",
                refused=len(refused),
                of=len(verdicts),
                first=[_for_log(one) for one in refused[:SHOWN_IN_LOG]],
            )
        return verdicts


def _too_large(form: Form, declared: int | None) -> Response:
    if form is Form.BATCH:
        return answers.refuse(problems.BATCH_TOO_LARGE)
    size = "too many bytes" if declared is None else f"{declared} bytes"
    error = FieldError("", f"The event has {size}.", f"at most {MAX_EVENT_BYTES} bytes")
    return answers.single(Verdict(None, None, rejection(None, Reason.too_large, error)))


def _for_log(verdict: Verdict) -> dict[str, str | None]:
    reason = str(verdict.against.reason) if isinstance(verdict.against, Rejection) else None
    return {"source": verdict.source, "id": verdict.id, "reason": reason}
