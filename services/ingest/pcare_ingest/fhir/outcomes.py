"""The answers, as FHIR has them: OperationOutcome, and a Bundle of responses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.responses import Response

from pcare_common.http_protocol import retry_after
from pcare_ingest import receipt_links
from pcare_ingest.fhir.bundle import BATCH, TRANSACTION
from pcare_ingest.fhir.events import RETRACTED, Draft
from pcare_ingest.fhir.issues import Code, Issue
from pcare_ingest.intake import Verdict
from pcare_ingest.problems import OF_FAILURE, EdgeProblem
from pcare_ingest.publishing import Failure
from pcare_schemas.rejections import MEANINGS, FieldError, Reason, Rejection

MEDIA_TYPE: Final = "application/fhir+json"
MOST_ISSUES: Final = 100
_CODES: Final = {
    Reason.unknown_code: Code.code_invalid,
    Reason.identifiable_data: Code.security,
    Reason.not_json: Code.structure,
}
_MISSING: Final = "This is missing."
_BY_STATUS: Final = {
    401: Code.security,
    403: Code.forbidden,
    413: Code.too_long,
    415: Code.not_supported,
    429: Code.throttled,
    503: Code.transient,
}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one resource. `accepted`: its events were; `location` is the receipt of the first, once stored."""

    status: int
    issues: tuple[Issue, ...]
    accepted: bool = False
    location: str | None = None


def refused(issues: Sequence[Issue]) -> Result:
    """Return the result of a resource that gives no event."""
    return Result(issues[0].status, tuple(issues))


def context(kind: str) -> Result:
    """Return the result of a resource that others refer to."""
    text = f"{kind}: read for the resources that refer to it, and not recorded by itself."
    return Result(200, (Issue(Code.informational, text, status=200),))


def judged(drafts: Sequence[Draft], verdicts: Sequence[Verdict]) -> Result:
    """Return the result of a resource whose events were judged: accepted only if all of them were."""
    issues = [issue for draft, one in zip(drafts, verdicts, strict=True) for issue in _against(draft, one)]
    if issues:
        return Result(issues[0].status, tuple(issues))
    told = tuple(
        Issue(Code.informational, f"Accepted: {draft.kind}, event {one.id} of {one.source}.", draft.place(""))
        for draft, one in zip(drafts, verdicts, strict=True)
    )
    status = 200 if all(draft.kind == RETRACTED for draft in drafts) else 201
    return Result(status, told, accepted=True, location=receipt_links.of(verdicts[0]))


def of_problem(problem: EdgeProblem) -> Issue:
    """Return a problem with the request, or with us, as an issue."""
    code = _BY_STATUS.get(problem.status, Code.processing)
    return Issue(code, f"{problem.title}. {problem.detail}", reason=problem.reason, status=problem.status)


def outcome(issues: Sequence[Issue]) -> dict[str, Any]:
    """Return an OperationOutcome with the first 100 of the issues."""
    return {"resourceType": "OperationOutcome", "issue": [issue.document() for issue in issues[:MOST_ISSUES]]}


def single(result: Result, *, minimal: bool = False) -> Response:
    """Answer for one resource, or for the whole of a Bundle that was refused."""
    headers = {} if result.location is None else {"Location": result.location}
    document = None if minimal and result.accepted else outcome(result.issues)
    return respond(result.status, document, headers)


def bundle(kind: str, results: Sequence[Result], *, minimal: bool = False) -> Response:
    """Answer for a Bundle, one response an entry, in order."""
    entries = [{"response": _response(result, minimal=minimal)} for result in results]
    answered = f"{TRANSACTION if kind == TRANSACTION else BATCH}-response"
    return respond(200, {"resourceType": "Bundle", "type": answered, "entry": entries}, {})


def respond(status: int, document: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a FHIR document, or with none."""
    extra = dict(headers or {})
    if status == 503:
        extra.setdefault("Retry-After", str(retry_after()))
    if document is None:
        return Response(None, status, headers=extra)
    return Response(orjson.dumps(document), status, headers=extra, media_type=MEDIA_TYPE)


def _response(result: Result, *, minimal: bool) -> dict[str, Any]:
    response: dict[str, Any] = {"status": f"{result.status} {HTTPStatus(result.status).phrase}"}
    if result.location is not None:
        response["location"] = result.location
    if not (minimal and result.status < 300):
        response["outcome"] = outcome(result.issues)
    return response


def _against(draft: Draft, verdict: Verdict) -> list[Issue]:
    if isinstance(verdict.against, Failure):
        return [of_problem(OF_FAILURE[verdict.against])]
    if isinstance(verdict.against, Rejection):
        reason = verdict.against.reason
        return [_issue(draft, reason, error) for error in verdict.against.errors]
    return []


def _issue(draft: Draft, reason: Reason, error: FieldError) -> Issue:
    status = MEANINGS[reason].status
    code = _CODES.get(reason) or _BY_STATUS.get(status, Code.value)
    if error.message == _MISSING:
        code = Code.required
    expected = f" Expected: {error.expected}." if error.expected else ""
    return Issue(code, f"{error.message}{expected}", draft.place(error.path), str(reason), status)
