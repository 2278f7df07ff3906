"""What POST /events answers: verdicts as HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.responses import Response

from pcare_common.http_protocol import retry_after
from pcare_ingest.intake import Verdict
from pcare_ingest.media_types import ACCEPTED
from pcare_ingest.problems import OF_FAILURE, EdgeProblem
from pcare_ingest.publishing import Failure
from pcare_schemas.rejections import Rejection, problem

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

ACCEPTED_STATUS: Final = 202
MIXED_STATUS: Final = 207
ALL_REJECTED_STATUS: Final = 400
UNAVAILABLE_STATUS: Final = 503


def single(verdict: Verdict) -> Response:
    """Answer for one event."""
    if verdict.against is None:
        accepted = {"status": "accepted", "source": verdict.source, "id": verdict.id}
        return _response(ACCEPTED_STATUS, accepted, JSON)
    document = _problem_of(verdict.against) | {"source": verdict.source, "id": verdict.id}
    return _response(document["status"], document, PROBLEM_JSON)


def batch(verdicts: Sequence[Verdict]) -> Response:
    """Answer for a batch: one verdict an event, in order, under the status that says what to do with the whole.

    202: all accepted (or none sent); 207: some rejected; 400: all rejected; 503: some are not known to be safe, and
    the whole batch may be sent again.
    """
    return _response(_status(verdicts), [_item(index, one) for index, one in enumerate(verdicts)], JSON)


def refuse(trouble: EdgeProblem, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a request that was not taken in at all."""
    extra = {"Accept-Post": ACCEPTED} if trouble.status == 415 else {}
    return _response(trouble.status, trouble.document(), PROBLEM_JSON, {**extra, **(headers or {})})


def _status(verdicts: Sequence[Verdict]) -> int:
    if any(isinstance(one.against, Failure) for one in verdicts):
        return UNAVAILABLE_STATUS
    rejected = sum(one.against is not None for one in verdicts)
    if not rejected:
        return ACCEPTED_STATUS
    return ALL_REJECTED_STATUS if rejected == len(verdicts) else MIXED_STATUS


def _item(index: int, verdict: Verdict) -> dict[str, Any]:
    item: dict[str, Any] = {"index": index, "source": verdict.source, "id": verdict.id, "status": "accepted"}
    if verdict.against is not None:
        item["status"] = "rejected" if isinstance(verdict.against, Rejection) else "unavailable"
        item["problem"] = _problem_of(verdict.against)
    return item


def _problem_of(against: Rejection | Failure) -> dict[str, Any]:
    return problem(against) if isinstance(against, Rejection) else OF_FAILURE[against].document()


def _response(status: int, document: Any, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    extra = dict(headers or {})
    if status == UNAVAILABLE_STATUS:
        extra["Retry-After"] = str(retry_after())
    return Response(orjson.dumps(document), status, headers=extra, media_type=media_type)
