"""What is asked and answered about receipts, in the OpenAPI document. Every example is what the service would say."""

import datetime as dt
from typing import Any, Final

from pcare_ingest import problems, receipts
from pcare_ingest.openapi_answers import answer_of, problem_answers
from pcare_ingest.receipt_endpoint import DEFAULT_LIMIT, MAX_LIMIT, page
from pcare_ingest.receipt_store import Recorded, Rejected, Remembered
from pcare_schemas.examples import VALID
from pcare_schemas.fields import REF_PATTERN
from pcare_schemas.origin import Origin
from pcare_schemas.register import SOURCE_PATTERN
from pcare_schemas.rejections import MEANINGS, Reason
from pcare_schemas.topics import SUBMITTED

_EVENT: Final = VALID["sp-referral"]
_THEN: Final = dt.datetime(2026, 4, 1, 9, 30, tzinfo=dt.UTC)
_AT: Final = Origin(SUBMITTED, 3, 17)
_FIRST: Final = Origin(SUBMITTED, 3, 5)
_REFUSED: Final = Rejected(
    _EVENT["source"],
    _EVENT["id"],
    Reason.id_reused,
    [{"pointer": "/id", "message": MEANINGS[Reason.id_reused].title, "expected": None}],
    _THEN,
    _AT,
)
_STATES: Final = {
    "accepted": Remembered(17, None, None),
    "recorded": Remembered(18, Recorded("sp-referral", _THEN, _AT, retracted=False), None),
    "duplicate": Remembered(18, Recorded("sp-referral", _THEN, _FIRST, retracted=False), None),
    "rejected": Remembered(18, None, _REFUSED),
    "retracted": Remembered(18, Recorded("sp-referral", _THEN, _AT, retracted=True), None),
}


def schemas() -> dict[str, Any]:
    """Return the schemas of the two answers."""
    text = {"type": "string"}
    instant = {"type": "string", "format": "date-time"}
    problem = {"$ref": "#/components/schemas/Problem"}
    text_or_null = {"type": ["string", "null"]}
    links = {"type": "object", "additionalProperties": text}
    return {
        "Receipt": {
            "type": "object",
            "properties": {
                "source": text,
                "id": text,
                "status": {"enum": [str(state) for state in receipts.State]},
                "detail": {**text, "description": "What that means, and what to do"},
                "at": {**text, "description": "Where the record stood: topic/partition/offset"},
                "kind": text,
                "recorded_at": instant,
                "received_at": {**instant, "description": "Of a rejection: when the record came"},
                "duplicate_of": {
                    "type": "object",
                    "properties": {"status": {"enum": ["recorded", "retracted"]}, "receipt": text},
                },
                "problem": problem,
                "links": links,
            },
            "required": ["source", "id", "status", "detail", "links"],
        },
        "RejectionPage": {
            "type": "object",
            "properties": {
                "source": text,
                "rejections": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "source": text_or_null,
                            "id": text_or_null,
                            "at": text,
                            "received_at": instant,
                            "problem": problem,
                        },
                        "required": ["source", "id", "at", "received_at", "problem"],
                    },
                },
                "links": {**links, "description": "`next`, as long as a page is full"},
            },
            "required": ["source", "rejections", "links"],
        },
    }


def paths() -> dict[str, Any]:
    """Return the two paths."""
    return {
        "/events/{source}/{id}": {"get": _receipt()},
        "/rejections": {"get": _rejections()},
    }


def _receipt() -> dict[str, Any]:
    shown = {name: receipts.receipt(_EVENT["source"], _EVENT["id"], _AT, known) for name, known in _STATES.items()}
    return {
        "operationId": "getReceipt",
        "summary": "What became of an event",
        "description": "Location of a 202 leads here. With `at`, of the event that was accepted there; without, of the "
        "event as such, once the recorder has judged it.",
        "tags": ["receipts"],
        "parameters": [
            _parameter("source", "path", "The event's source, percent-encoded", SOURCE_PATTERN, _EVENT["source"]),
            _parameter("id", "path", "The event's id", REF_PATTERN, _EVENT["id"]),
            _parameter("at", "query", "Where it was accepted", _AT_PATTERN, str(_AT)),
        ],
        "responses": {
            "200": answer_of("What became of it", {"$ref": "#/components/schemas/Receipt"}, shown),
            **problem_answers(problems.NO_RECEIPT, *_COMMON),
        },
    }


def _rejections() -> dict[str, Any]:
    shown = {"one": page(_EVENT["source"], [_REFUSED], None, DEFAULT_LIMIT)[0]}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return {
        "operationId": "listRejections",
        "summary": "What the recorder refused of your events",
        "description": "Oldest first, in the order in which the records came. What the edge refuses is told at once "
        "and is not here.",
        "tags": ["receipts"],
        "parameters": [
            _parameter(
                "source", "query", "Your source; may be left out with credentials", SOURCE_PATTERN, _EVENT["source"]
            ),
            {
                "name": "since",
                "in": "query",
                "description": "Begin with what came at this instant",
                "schema": {"type": "string", "format": "date-time"},
            },
            _parameter("after", "query", "Begin behind this place: see the link `next`", None, None),
            {"name": "limit", "in": "query", "description": "The most of one page", "schema": limit},
        ],
        "responses": {
            "200": answer_of("A page of them", {"$ref": "#/components/schemas/RejectionPage"}, shown),
            **problem_answers(*_COMMON),
        },
    }


_AT_PATTERN: Final = r"^interventions\.submitted(\.[a-z0-9-]+)?/[0-9]{1,9}/[0-9]{1,18}$"
_COMMON: Final = (
    problems.INVALID_QUERY,
    problems.UNAUTHENTICATED,
    problems.NOT_YOURS,
    problems.TOO_MANY_EVENTS,
    problems.TOO_MANY_FAILURES,
    problems.INTERNAL_ERROR,
    problems.RECEIPTS_NOT_KEPT,
    problems.RECEIPTS_AWAY,
    problems.REGISTER_UNKNOWN,
)


def _parameter(name: str, place: str, description: str, pattern: str | None, example: str | None) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": {"type": "string"} if pattern is None else {"type": "string", "pattern": pattern},
        **({} if example is None else {"example": example}),
    }
