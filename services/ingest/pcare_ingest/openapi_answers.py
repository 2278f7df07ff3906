"""The answers in the OpenAPI document. Every example is what the service itself would say."""

from typing import Any, Final

import orjson
from starlette.responses import Response

from pcare_ingest import answers, problems
from pcare_ingest.answers import Words
from pcare_ingest.intake import Verdict
from pcare_ingest.limits import MAX_EVENT_BYTES
from pcare_ingest.problems import EdgeProblem
from pcare_ingest.publishing import Failure, Stored
from pcare_schemas.check import check
from pcare_schemas.examples import VALID, as_record
from pcare_schemas.invalid_examples import INVALID
from pcare_schemas.rejections import FieldError, Reason, Rejection, rejection
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED

_MEANINGS: Final = {
    202: "Accepted: every in-sync replica has each event. A batch answers with one verdict an event.",
    204: "As 202, and there is nothing to tell: Prefer: return=minimal was asked for.",
    207: "A batch of which some events were accepted and some rejected. Mend and send the rejected ones only.",
    400: "The body is not what was announced (not JSON, not a CloudEvent), or every event of a batch was rejected.",
    401: "It is not known who calls: no credential was sent, or it is not valid.",
    403: "The caller may not speak for the event's source.",
    408: "The body did not come in time. Nothing was stored; send it again.",
    413: "Too large. Nothing was stored; send less at once.",
    415: "The content type or encoding is not taken here.",
    422: "The event was rejected: `reason` says by which rule, `errors` where. Mend it and send it again.",
    429: "More than the provider may send at once. Nothing was stored: wait as Retry-After says and send it again.",
    500: "A fault of ours. Send it again with the same id.",
    503: "Not known to be safe: wait as Retry-After says and send all of it again with the same ids.",
}
_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
_CHALLENGE: Final = {"WWW-Authenticate": {"description": "How to say who calls", "schema": {"type": "string"}}}
_LOCATION: Final = {
    "Location": {"description": "Of one event: where its receipt is", "schema": {"type": "string"}},
    "Deprecation": {
        "description": "Since when something that was used is on its way out",
        "schema": {"type": "string"},
    },
    "Sunset": {"description": "Until when it is taken", "schema": {"type": "string"}},
    "Preference-Applied": {"description": "return=minimal, where that was asked for", "schema": {"type": "string"}},
}
_RECEIPT: Final = {"type": "string", "description": "Where the receipt is: GET it to see what became of the event"}
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_CHECK_MEANINGS: Final = {
    204: "As 200, and there is nothing to tell: Prefer: return=minimal was asked for.",
    200: "Valid: it would be accepted. A batch answers with one verdict an event.",
    207: "A batch of which some events are valid and some would be rejected.",
    503: "There is too much to do: wait as Retry-After says and ask again.",
}
_HEADERS: Final = {
    202: _LOCATION,
    204: _LOCATION,
    401: _CHALLENGE,
    429: _RETRY_AFTER,
    answers.UNAVAILABLE_STATUS: _RETRY_AFTER,
}


def schemas() -> dict[str, Any]:
    """Return the schemas of the answers."""
    edge = [problem.reason for problem in problems.ALL]
    text_or_null = {"type": ["string", "null"]}
    return {
        "Accepted": _object(
            {
                "status": {"const": answers.ACCEPTED.good},
                "source": {"type": "string"},
                "id": {"type": "string"},
                "receipt": _RECEIPT,
            },
            required=["status", "source", "id", "receipt"],
        ),
        "Valid": _object(
            {"status": {"const": answers.VALID.good}, "source": {"type": "string"}, "id": {"type": "string"}},
            required=["status", "source", "id"],
        ),
        "Problem": _object(
            {
                "type": {"type": "string", "format": "uri"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "What to do next"},
                "reason": {"enum": [*(str(reason) for reason in Reason), *edge]},
                "errors": {
                    "type": "array",
                    "items": _object(
                        {
                            "pointer": {
                                "type": "string",
                                "description": "JSON Pointer into the event; empty: the whole",
                            },
                            "message": {"type": "string"},
                            "expected": text_or_null,
                        },
                        required=["pointer", "message", "expected"],
                    ),
                },
                "source": {**text_or_null, "description": "Of the event, where it can be read"},
                "id": {**text_or_null, "description": "Of the event, where it can be read"},
            },
            required=["type", "title", "status", "detail", "reason", "errors"],
        ),
        "Verdict": _object(
            {
                "index": {"type": "integer", "minimum": 0, "description": "The event's place in the batch"},
                "source": text_or_null,
                "id": text_or_null,
                "status": {"enum": [answers.ACCEPTED.good, answers.VALID.good, "rejected", "unavailable"]},
                "receipt": _RECEIPT,
                "problem": {"$ref": "#/components/schemas/Problem"},
            },
            required=["index", "source", "id", "status"],
        ),
        "Health": _object(
            {
                "status": {"enum": ["ok", "unavailable"]},
                "reasons": {"type": "array", "items": {"type": "string"}, "description": "What is missing, in words"},
            },
            required=["status", "reasons"],
        ),
    }


def responses() -> dict[str, Any]:
    """Return the `responses` of POST /events, each with examples of what it says."""
    taken = Verdict(VALID["sp-referral"]["source"], VALID["sp-referral"]["id"], None, Stored(SUBMITTED, 3, 17))
    unknown = Verdict(taken.source, taken.id, Failure.UNKNOWN)
    return _responses(
        {
            **_verdicts(taken, answers.ACCEPTED),
            "unknown": answers.single(unknown),
            "not_sent": answers.single(Verdict(taken.source, taken.id, Failure.NOT_SENT)),
            "batch-unavailable": answers.batch([taken, unknown]),
            **_refusals(),
        },
        _MEANINGS,
    )


def check_responses() -> dict[str, Any]:
    """Return the `responses` of POST /events/check."""
    valid = Verdict(VALID["sp-referral"]["source"], VALID["sp-referral"]["id"], None)
    return _responses({**_verdicts(valid, answers.VALID), **_refusals()}, {**_MEANINGS, **_CHECK_MEANINGS})


def answer_of(description: str, schema: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    """Return one entry of `responses` that answers with JSON."""
    shown = {name: {"value": value} for name, value in examples.items()}
    return {"description": description, "content": {answers.JSON: {"schema": schema, "examples": shown}}}


def problem_answers(*troubles: EdgeProblem) -> dict[str, Any]:
    """Return the entries of `responses` for problems of the edge's own, each with an example of every one."""
    found: dict[str, Any] = {}
    for trouble in sorted(troubles, key=lambda one: one.status):
        status = trouble.status
        entry = found.setdefault(
            str(status),
            {
                "description": trouble.title,
                **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
                "content": {answers.PROBLEM_JSON: {"schema": _PROBLEM, "examples": {}}},
            },
        )
        entry["content"][answers.PROBLEM_JSON]["examples"][trouble.reason] = {"value": trouble.document()}
    return found


def _responses(examples: dict[str, Response], meanings: dict[int, str]) -> dict[str, Any]:
    by_status: dict[int, dict[str, Any]] = {}
    for name, response in examples.items():
        content = by_status.setdefault(response.status_code, {})
        if not response.body:
            continue
        media_type = content.setdefault(response.media_type or "", {"schema": {}, "examples": {}})
        media_type["schema"] = _schema(response.status_code, response.media_type)
        media_type["examples"][name] = {"value": orjson.loads(bytes(response.body))}
    return {
        str(status): {
            "description": meanings[status],
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
            **({"content": by_status[status]} if by_status[status] else {}),
        }
        for status in sorted(by_status)
    }


def _verdicts(good: Verdict, words: Words) -> dict[str, Response]:
    refused = {rejected.reason: Verdict(rejected.source, rejected.id, rejected) for rejected in _rejections()}
    wrong = refused[Reason.invalid_data]
    return {
        words.good: answers.single(good, words),
        f"batch-{words.good}": answers.batch([good], words),
        "nothing-to-tell": answers.single(good, words, minimal=True),
        "batch-mixed": answers.batch([good, wrong], words),
        "batch-rejected": answers.batch([wrong], words),
        **{str(reason): answers.single(verdict, words) for reason, verdict in refused.items()},
    }


def _refusals() -> dict[str, Response]:
    return {
        problem.reason: answers.refuse(problem)
        for problem in (
            problems.UNAUTHENTICATED,
            problems.TOO_MANY_EVENTS,
            problems.TOO_MANY_FAILURES,
            problems.REGISTER_UNKNOWN,
            problems.TOO_SLOW,
            problems.MIXED_MODES,
            problems.NOT_GZIP,
            problems.BATCH_TOO_LARGE,
            problems.UNSUPPORTED_MEDIA_TYPE,
            problems.UNSUPPORTED_ENCODING,
            problems.OVERLOADED,
            problems.INTERNAL_ERROR,
        )
    }


def _rejections() -> list[Rejection]:
    """Return one rejection for every reason that the edge can give."""
    rules = Rules.load()
    found: dict[Reason, Rejection] = {}
    for invalid in INVALID:
        checked = check(as_record(invalid.value, invalid.subject), rules)
        if isinstance(checked, Rejection) and checked.reason is not Reason.key_mismatch:
            found.setdefault(checked.reason, checked)
    size = FieldError("", f"The event has {MAX_EVENT_BYTES + 1} bytes.", f"at most {MAX_EVENT_BYTES} bytes")
    own = FieldError("/source", "The caller may not speak for this organisation.", None)
    found[Reason.too_large] = rejection(None, Reason.too_large, size)
    kinds = FieldError(
        "/type",
        "The provider register does not have this kind among those that the organisation sends.",
        "a type of one of: sp-referral, sp-closed",
    )
    found[Reason.source_not_allowed] = rejection(None, Reason.source_not_allowed, own)
    found[Reason.kind_not_allowed] = rejection(None, Reason.kind_not_allowed, kinds)
    return list(found.values())


def _schema(status: int, media_type: str | None) -> dict[str, Any]:
    verdicts = {"type": "array", "items": {"$ref": "#/components/schemas/Verdict"}}
    if media_type == answers.PROBLEM_JSON:
        return _PROBLEM
    if status == answers.ACCEPTED.status:
        return {"anyOf": [{"$ref": "#/components/schemas/Accepted"}, verdicts]}
    if status == answers.VALID.status:
        return {"anyOf": [{"$ref": "#/components/schemas/Valid"}, verdicts]}
    return verdicts


def _object(properties: dict[str, Any], *, required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}
