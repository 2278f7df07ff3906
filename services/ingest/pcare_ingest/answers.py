"""What POST /events and POST /events/check answer: verdicts as HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.responses import Response

from pcare_common.http_protocol import retry_after
from pcare_ingest import announcing, receipt_links
from pcare_ingest.intake import Verdict
from pcare_ingest.media_types import ACCEPTED as ACCEPTED_TYPES
from pcare_ingest.problems import OF_FAILURE, EdgeProblem
from pcare_ingest.publishing import Failure
from pcare_schemas.rejections import FieldError, Rejection, problem

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

ACCEPTED_STATUS: Final = 202
NOTHING_TO_TELL_STATUS: Final = 204
MIXED_STATUS: Final = 207
ALL_REJECTED_STATUS: Final = 400
UNAVAILABLE_STATUS: Final = 503

_APPLIED: Final = {"Preference-Applied": "return=minimal"}
_HOW_TO_SEND: Final = {"Accept-Post": ACCEPTED_TYPES, "Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Words:
    """What an event is called that has nothing against it, and the status of a request of such events alone."""

    good: str
    status: int


ACCEPTED: Final = Words("accepted", ACCEPTED_STATUS)
VALID: Final = Words("valid", 200)


def single(verdict: Verdict, words: Words = ACCEPTED, *, minimal: bool = False) -> Response:
    """Answer for one event. `minimal`: 204 where nothing is against it."""
    if verdict.against is not None:
        document = _problem_of(verdict.against) | {"source": verdict.source, "id": verdict.id}
        return _response(document["status"], document, PROBLEM_JSON)
    headers = announcing.headers(verdict.deprecated) if verdict.deprecated else {}
    receipt = receipt_links.of(verdict)
    if receipt is not None:
        headers["Location"] = receipt
    if minimal:
        return Response(None, NOTHING_TO_TELL_STATUS, headers={**headers, **_APPLIED})
    good = {"status": words.good, "source": verdict.source, "id": verdict.id}
    if receipt is not None:
        good["receipt"] = receipt
    return _response(words.status, good, JSON, headers)


def batch(verdicts: Sequence[Verdict], words: Words = ACCEPTED, *, minimal: bool = False) -> Response:
    """Answer for a batch: one verdict an event, in order, under the status that says what to do with the whole.

    202 (a check: 200): all are good, or none was sent; 207: some rejected; 400: all rejected; 503: some are not known
    to be safe, and the whole batch may be sent again. `minimal`: only the verdicts against an event; 204 where there
    is none.
    """
    status = _status(verdicts, words)
    used = {one: None for verdict in verdicts for one in verdict.deprecated}
    headers = announcing.headers(tuple(used)) if used else {}
    items = [_item(index, one, words) for index, one in enumerate(verdicts) if not minimal or one.against is not None]
    if not minimal:
        return _response(status, items, JSON, headers)
    headers |= _APPLIED
    return _response(status, items, JSON, headers) if items else Response(None, NOTHING_TO_TELL_STATUS, headers=headers)


def refuse(
    trouble: EdgeProblem, headers: Mapping[str, str] | None = None, *, errors: Sequence[FieldError] = ()
) -> Response:
    """Answer a request that was not taken in at all; `errors` say what is wrong where in it."""
    extra = _HOW_TO_SEND if trouble.status == 415 else {}
    return _response(trouble.status, trouble.document(errors), PROBLEM_JSON, {**extra, **(headers or {})})


def _status(verdicts: Sequence[Verdict], words: Words) -> int:
    if any(isinstance(one.against, Failure) for one in verdicts):
        return UNAVAILABLE_STATUS
    rejected = sum(one.against is not None for one in verdicts)
    if not rejected:
        return words.status
    return ALL_REJECTED_STATUS if rejected == len(verdicts) else MIXED_STATUS


def _item(index: int, verdict: Verdict, words: Words) -> dict[str, Any]:
    item: dict[str, Any] = {"index": index, "source": verdict.source, "id": verdict.id, "status": words.good}
    if verdict.against is not None:
        item["status"] = "rejected" if isinstance(verdict.against, Rejection) else "unavailable"
        item["problem"] = _problem_of(verdict.against)
        return item
    receipt = receipt_links.of(verdict)
    if receipt is not None:
        item["receipt"] = receipt
    return item


def _problem_of(against: Rejection | Failure) -> dict[str, Any]:
    return problem(against) if isinstance(against, Rejection) else OF_FAILURE[against].document()


def _response(status: int, document: Any, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    extra = dict(headers or {})
    if status == UNAVAILABLE_STATUS:
        extra["Retry-After"] = str(retry_after())
    return Response(orjson.dumps(document), status, headers=extra, media_type=media_type)
