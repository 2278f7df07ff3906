"""POST /fhir and POST /fhir/{type}: resources in, their events judged and published, an answer in FHIR's terms."""

import asyncio
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from pcare_common import logs
from pcare_common.clock import Clock
from pcare_ingest import inflating, problems
from pcare_ingest.admission import Admission, Hold, OverloadedError
from pcare_ingest.body import DisconnectedError, TooLargeError, TooSlowError, read
from pcare_ingest.callers import Caller
from pcare_ingest.fhir import capability, outcomes, reading, taking
from pcare_ingest.fhir.bundle import TRANSACTION, Held
from pcare_ingest.fhir.events import Draft, Drafter
from pcare_ingest.fhir.issues import Code, Issue, UnfitError
from pcare_ingest.fhir.limits import APART, MAX_BYTES, MAX_ENTRIES
from pcare_ingest.fhir.mapping import Mapping
from pcare_ingest.fhir.measures import FhirMeasures
from pcare_ingest.fhir.media_types import is_json, wants_minimal
from pcare_ingest.fhir.outcomes import Result
from pcare_ingest.fhir.taking import Resources
from pcare_ingest.gate import Gate
from pcare_ingest.incoming import GZIP, PLAIN
from pcare_ingest.intake import Intake, Verdict
from pcare_ingest.refusal import RefusedError
from pcare_schemas.rejections import Rejection

TOO_LARGE: Final = problems.EdgeProblem(
    "bundle_too_large",
    413,
    "The Bundle is too large",
    f"Send at most {MAX_ENTRIES} entries and {MAX_BYTES} bytes at once; split this one.",
)
UNSUPPORTED: Final = problems.EdgeProblem(
    "unsupported_media_type",
    415,
    "The content type is not one that is taken here",
    f"Set Content-Type to {outcomes.MEDIA_TYPE} (FHIR 4.0, JSON in UTF-8).",
)

log = logs.get(__name__)


class FhirEndpoint:
    """An ASGI application that answers only when each resource has its verdict."""

    def __init__(
        self,
        mapping: Mapping,
        intake: Intake,
        gate: Gate,
        admission: Admission,
        measures: FhirMeasures,
        *,
        clock: Clock,
        read_within: float,
    ) -> None:
        self._mapping = mapping
        self._intake = intake
        self._gate = gate
        self._admission = admission
        self._measures = measures
        self._clock = clock
        self._read_within = read_within
        self._types = frozenset(mapping.resources) | frozenset(mapping.context)
        reading.prepare(self._types)

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the FHIR API."""
        return [
            Route("/fhir/metadata", capability.endpoint(self._mapping), methods=["GET"]),
            Route("/fhir", self, methods=["POST"]),
            *(Route(f"/fhir/{name}", self, methods=["POST"]) for name in self._mapping.resources),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        fault = None
        try:
            response = await self._answer(Request(scope), receive)
        except DisconnectedError:
            return
        except UnfitError as error:
            response = outcomes.single(outcomes.refused(error.issues))
        except RefusedError as error:
            issue = outcomes.of_problem(error.trouble)
            response = outcomes.respond(error.trouble.status, outcomes.outcome([issue]), error.headers)
        except Exception as error:  # noqa: BLE001 - answered in FHIR's terms, and raised again below
            fault = error
            response = outcomes.single(outcomes.refused([outcomes.of_problem(problems.INTERNAL_ERROR)]))
        self._measures.answered(response.status_code)
        await response(scope, receive, send)
        if fault is not None:
            raise fault

    async def _answer(self, request: Request, receive: Receive) -> Response:
        caller = await self._gate.identify(request)
        minimal = wants_minimal(request.headers.get("prefer"))
        with Hold(self._admission) as hold:
            try:
                body = await self._body(request, receive, hold)
                hold.take(size=APART * len(body), events=1)
            except RefusedError:
                self._gate.admit(caller, 1)
                raise
            except OverloadedError:  # which is not of their making
                raise RefusedError(problems.OVERLOADED) from None
            self._gate.admit(caller, 1)
            try:
                return await self._take(body, _type_of(request), caller, hold, minimal=minimal)
            except OverloadedError:
                raise RefusedError(problems.OVERLOADED) from None

    async def _body(self, request: Request, receive: Receive, hold: Hold) -> bytes:
        if not is_json(request.headers.get("content-type")):
            raise RefusedError(UNSUPPORTED)
        encoding = request.headers.get("content-encoding", PLAIN).strip().lower()
        if encoding != PLAIN and encoding not in GZIP:
            raise RefusedError(problems.UNSUPPORTED_ENCODING)
        try:
            body = await read(request.scope, receive, limit=MAX_BYTES, within=self._read_within, hold=hold)
            return body if encoding == PLAIN else await inflating.inflate(body, limit=MAX_BYTES, hold=hold)
        except TooLargeError:
            raise RefusedError(TOO_LARGE) from None
        except inflating.NotGzipError:
            raise RefusedError(problems.NOT_GZIP) from None
        except TooSlowError:
            raise RefusedError(problems.TOO_SLOW, {"Connection": "close"}) from None

    async def _take(self, body: bytes, asked: str | None, caller: Caller, hold: Hold, *, minimal: bool) -> Response:
        """Take what `caller` was let in for as one event, before anything of it was taken apart."""
        taken = taking.take(body)
        if len(taken.entries) > MAX_ENTRIES:
            raise RefusedError(TOO_LARGE)
        events = max(1, len(taken.entries))
        hold.take(events=events - 1)
        self._gate.admit(caller, events, already=1)
        resources = await taking.read(taken, self._types)
        if asked is not None:
            _check_address(asked, taken.bundle, resources)
        drafts = await self._drafts(resources, caller)
        made = sum(len(one) for one in drafts if isinstance(one, list))
        if made > MAX_ENTRIES:
            raise RefusedError(TOO_LARGE)
        hold.take(events=max(0, made - events))
        if taken.bundle is None:
            results = await self._judge(drafts, caller, together=False)
            self._measures.resources(resources, results)
            return outcomes.single(results[0], minimal=minimal)
        together = taken.bundle == TRANSACTION
        results = await self._judge(drafts, caller, together=together)
        self._measures.resources(resources, results)
        failed = [result for result in results if result.status >= 400]
        if together and failed:
            worst = max(failed, key=lambda result: result.status == problems.OVERLOADED.status)
            return outcomes.single(Result(worst.status, tuple(issue for one in failed for issue in one.issues)))
        return outcomes.bundle(taken.bundle, results, minimal=minimal)

    async def _drafts(self, resources: Resources, caller: Caller) -> list[list[Draft] | Result]:
        """Return of each resource the events that it states, or what is to be said of it instead."""
        sources = caller.sources or frozenset()
        drafter = Drafter(self._mapping, resources.known, next(iter(sources)) if len(sources) == 1 else None)
        drafts: list[list[Draft] | Result] = []
        for place, held in enumerate(resources.read):
            if place % taking.SLICE == 0:
                await asyncio.sleep(0)
            drafts.append(self._draft(held, drafter, referred=place in resources.referred))
        return drafts

    def _draft(self, held: Held | UnfitError, drafter: Drafter, *, referred: bool) -> list[Draft] | Result:
        if isinstance(held, UnfitError):
            return outcomes.refused(held.issues)
        if held.type in self._mapping.context and referred:
            return outcomes.context(held.type)
        if held.type not in self._mapping.resources:
            return outcomes.refused([_not_recorded(held, self._mapping)])
        try:
            return drafter.draft(held)
        except UnfitError as error:
            return outcomes.refused(error.issues)

    async def _judge(self, drafts: Sequence[list[Draft] | Result], caller: Caller, *, together: bool) -> list[Result]:
        """Judge and publish; `together`: nothing is published unless everything is well."""
        events = [draft.event for one in drafts if isinstance(one, list) for draft in one]
        started = self._clock.monotonic()
        if together:
            verdicts = await self._intake.check(events, caller)
            results = _results(drafts, verdicts)
            if any(result.status >= 400 for result in results):
                self._measures.judged(_refused(verdicts), self._clock.monotonic() - started, caller)
                _log_refused(verdicts, caller)
                return results
            started = self._clock.monotonic()
        verdicts = await self._intake.submit(events, caller)
        self._measures.judged(verdicts, self._clock.monotonic() - started, caller)
        _log_refused(verdicts, caller)
        return _results(drafts, verdicts)


def _refused(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [one for one in verdicts if isinstance(one.against, Rejection)]


def _log_refused(verdicts: Sequence[Verdict], caller: Caller) -> None:
    reasons = {str(one.against.reason) for one in verdicts if isinstance(one.against, Rejection)}
    if reasons:
        log.info(
            "events refused",
            caller=caller.name,
            credential=caller.credential,
            refused=len(_refused(verdicts)),
            of=len(verdicts),
            reasons=sorted(reasons),
        )


def _results(drafts: Sequence[list[Draft] | Result], verdicts: Sequence[Verdict]) -> list[Result]:
    following = iter(verdicts)
    return [one if isinstance(one, Result) else outcomes.judged(one, [next(following) for _ in one]) for one in drafts]


def _type_of(request: Request) -> str | None:
    """Return the type that the address names, or None."""
    return request.url.path.removeprefix("/fhir").strip("/") or None


def _not_recorded(held: Held, mapping: Mapping) -> Issue:
    if held.type in mapping.context:
        text = (
            f"Nothing refers to this {held.type}, and by itself it is not recorded: send it in a Bundle with the "
            f"resources that it belongs to."
        )
    else:
        text = f"{held.type} is not recorded here. What is recorded: {', '.join(mapping.resources)}."
    return Issue(Code.not_supported, text, held.node.at)


def _check_address(asked: str, bundle: str | None, resources: Resources) -> None:
    held = resources.read[0]
    if bundle is not None:
        raise UnfitError(Issue(Code.invariant, "Send a Bundle to /fhir itself.", "Bundle", status=400))
    if isinstance(held, Held) and held.type != asked:
        raise UnfitError(Issue(Code.invariant, "The resource is not of the address's type.", held.type, status=400))
