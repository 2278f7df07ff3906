"""POST /pseudonyms in the OpenAPI document. Every example is what the service itself would say."""

from typing import Any, Final

import orjson
from starlette.responses import Response

from pcare_ingest import answers, problems, pseudonyms
from pcare_ingest.limits import MAX_NUMBERS
from pcare_schemas.pseudonym import Keys, PseudonymKey

_NUMBER: Final = "9990000018"
"""Of the range set aside for tests: nobody has it."""

_KEY: Final = PseudonymKey("k1", b"no key of anybody's, for the examples")
_NEXT: Final = PseudonymKey("k2", b"nor is this one anybody's, or a secret")
_PSEUDONYM: Final = {"type": "string", "pattern": "^person:k[0-9]{1,3}:[0-9a-f]{32}$"}

_MEANINGS: Final = {
    200: "The pseudonyms, in the order of the numbers.",
    400: "The body is not JSON of this form. Nothing was given.",
    401: "It is not known who calls: no credential was sent, or it is not valid.",
    408: "The body did not come in time. Nothing was given.",
    413: "Too many numbers. Nothing was given; ask for fewer at once.",
    415: "The content type or encoding is not taken here.",
    422: "Some numbers are none: `errors` says which by their place. Nothing was given; leave these out, ask again.",
    429: "More than the provider is given at once: wait as Retry-After says. It is not the rate of events.",
    500: "A fault of ours. Nothing was given; ask again.",
    503: "Not now: wait as Retry-After says and ask again.",
}


def schemas() -> dict[str, Any]:
    """Return the schema of the answer."""
    return {
        "Pseudonyms": {
            "type": "object",
            "properties": {
                "pseudonyms": {"type": "array", "items": _PSEUDONYM, "description": "For `subject`"},
                "previous": {
                    "type": "array",
                    "items": _PSEUDONYM,
                    "description": "For `subjectprev`, of every event while it is given: the key is being changed",
                },
            },
            "required": ["pseudonyms"],
        }
    }


def path() -> dict[str, Any]:
    """Return what can be done at /pseudonyms."""
    numbers = {"type": "array", "maxItems": MAX_NUMBERS, "items": {"type": "string"}}
    return {
        "post": {
            "operationId": "getPseudonyms",
            "summary": "Exchange NHS numbers for pseudonyms",
            "description": "For a provider that writes to its own topic of Kafka. Over HTTP an event may name its "
            "person by NHS number. Whoever asks, and for how many, is written into the audit trail; for whom is not.",
            "tags": ["persons"],
            "requestBody": {
                "required": True,
                "content": {
                    answers.JSON: {
                        "schema": {
                            "type": "object",
                            "properties": {"nhs_numbers": numbers},
                            "required": ["nhs_numbers"],
                            "additionalProperties": False,
                        },
                        "examples": {"one": {"value": {"nhs_numbers": [_NUMBER]}}},
                    }
                },
            },
            "responses": _responses(),
        }
    }


def _responses() -> dict[str, Any]:
    by_status: dict[int, list[tuple[str, Any]]] = {}
    for name, response in _refusals().items():
        by_status.setdefault(response.status_code, []).append((name, orjson.loads(bytes(response.body))))
    found = {
        status: _response(status, answers.PROBLEM_JSON, "Problem", dict(given)) for status, given in by_status.items()
    }
    plain = orjson.loads(pseudonyms.answer([_NUMBER], Keys(_KEY)))
    changing = orjson.loads(pseudonyms.answer([_NUMBER], Keys(_NEXT, _KEY)))
    found[200] = _response(200, answers.JSON, "Pseudonyms", {"given": plain, "while-the-key-is-changed": changing})
    return {str(status): found[status] for status in sorted(found)}


def _refusals() -> dict[str, Response]:
    wrong = pseudonyms.refused(["1234567890"])
    troubles = (
        problems.NOT_ASKED, problems.UNAUTHENTICATED, problems.TOO_SLOW, problems.TOO_MANY_NUMBERS,
        problems.NOT_JSON_TYPE, problems.UNSUPPORTED_ENCODING, problems.TOO_MANY_PSEUDONYMS, problems.INTERNAL_ERROR,
        problems.NOT_AUDITED, problems.OVERLOADED,
    )  # fmt: skip
    return {
        **{trouble.reason: answers.refuse(trouble) for trouble in troubles},
        problems.NO_NHS_NUMBER.reason: answers.refuse(problems.NO_NHS_NUMBER, errors=wrong),
    }


def _response(status: int, media_type: str, schema: str, examples: dict[str, Any]) -> dict[str, Any]:
    wait = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
    return {
        "description": _MEANINGS[status],
        **({"headers": wait} if status in {429, 503} else {}),
        "content": {
            media_type: {
                "schema": {"$ref": f"#/components/schemas/{schema}"},
                "examples": {name: {"value": value} for name, value in examples.items()},
            }
        },
    }
