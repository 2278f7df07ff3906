"""What the edge answers when the trouble is not with an event but with the request, or with us (RFC 9457).

What is wrong with an event is `pcare_schemas.rejections.problem`, the same document that the topic of rejections
carries; these have the same members, so that an integrator learns one form.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_NUMBERS, MAX_NUMBERS_BYTES
from pcare_ingest.media_types import ACCEPTED
from pcare_ingest.publishing import Failure
from pcare_schemas.rejections import PROBLEM_PREFIX, FieldError, Reason

SEND_AGAIN: Final = "Wait as Retry-After says and send it again with the same id: repeating is safe."


@dataclass(frozen=True, slots=True)
class EdgeProblem:
    """A problem of the edge's own. `detail` says what to do next."""

    reason: str
    status: int
    title: str
    detail: str

    def document(self, errors: Sequence[FieldError] = ()) -> dict[str, Any]:
        """Return the problem document."""
        return {
            "type": PROBLEM_PREFIX + self.reason,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "reason": self.reason,
            "errors": [
                {"pointer": error.path, "message": error.message, "expected": error.expected} for error in errors
            ],
        }

    def saying(self, detail: str) -> "EdgeProblem":
        """Return the same problem with words of its own on what to do."""
        return replace(self, detail=detail)


UNAUTHENTICATED = EdgeProblem(
    "unauthenticated",
    401,
    "It is not known who calls",
    "Send an API key or an access token as `Authorization: Bearer …` (an API key also as `X-API-Key`).",
)
TOO_MANY_EVENTS = EdgeProblem(
    "too_many_events",
    429,
    "More was sent than this provider may send at once",
    "Nothing of this request was stored. Wait as Retry-After says and send it again with the same ids; send batches, "
    "one after the other.",
)
TOO_MANY_PSEUDONYMS = EdgeProblem(
    "too_many_pseudonyms",
    429,
    "More pseudonyms were asked for than this provider is given at once",
    "Nothing was given. Wait as Retry-After says and ask again; keep what you are given, and ask for the rest.",
)
TOO_MANY_FAILURES = EdgeProblem(
    "too_many_failures",
    429,
    "Too many requests from this address had no valid credential",
    "Mend the credential, then wait as Retry-After says. Nothing of this request was stored.",
)
REGISTER_UNKNOWN = EdgeProblem(
    "register_unavailable",
    503,
    "Who may send is not known at the moment",
    f"Nothing of this request was stored. {SEND_AGAIN}",
)
UNSUPPORTED_MEDIA_TYPE = EdgeProblem(
    "unsupported_media_type",
    415,
    "The content type is not one that is taken here",
    f"Set Content-Type to one of: {ACCEPTED} (with charset=utf-8 or none); the last of them with the attributes of the "
    "event as headers, ce-id and so on.",
)
UNSUPPORTED_ENCODING = EdgeProblem(
    "unsupported_encoding",
    415,
    "The body is encoded in a way that is not taken here",
    "Send the body with Content-Encoding: gzip, or as it is, without Content-Encoding.",
)
MIXED_MODES = EdgeProblem(
    "mixed_modes",
    400,
    "A batch has no ce- headers",
    "Leave out the headers that begin with ce-: each event of a batch carries its own attributes.",
)
NOT_GZIP = EdgeProblem(
    "not_gzip",
    400,
    "The body is not gzip, although Content-Encoding says so",
    "Compress the whole body once, or leave Content-Encoding out. Nothing of it was stored.",
)
BATCH_TOO_LARGE = EdgeProblem(
    "batch_too_large",
    413,
    "The batch is too large",
    f"Send at most {MAX_BATCH_EVENTS} events and {MAX_BATCH_BYTES} bytes in one batch; split this one.",
)
NOT_JSON_TYPE = EdgeProblem(
    "unsupported_media_type",
    415,
    "The content type is not one that is taken here",
    "Set Content-Type to application/json (with charset=utf-8 or none).",
)
NOT_ASKED = EdgeProblem(
    "not_asked",
    400,
    "The body does not ask for pseudonyms",
    "Send one JSON object in UTF-8, of the form that `errors` shows.",
)
NO_NHS_NUMBER = EdgeProblem(
    "no_nhs_number",
    422,
    "Some of the numbers are no NHS numbers",
    "Nothing was given. Leave out those whose places are listed, or put them right, and ask again.",
)
TOO_MANY_NUMBERS = EdgeProblem(
    "too_many_numbers",
    413,
    "These are too many numbers",
    f"Ask for at most {MAX_NUMBERS} pseudonyms at once, in at most {MAX_NUMBERS_BYTES} bytes.",
)
NOT_AUDITED = EdgeProblem(
    "not_audited",
    503,
    "The audit trail cannot be written, and nothing is given without it",
    "Wait as Retry-After says and ask again. Events are not affected: send them over HTTP, by NHS number.",
)
TOO_SLOW = EdgeProblem(
    "too_slow",
    408,
    "The body did not come in time",
    "Send the whole body at once. Nothing of it was stored.",
)
OVERLOADED = EdgeProblem(
    "overloaded",
    503,
    "There is too much in hand",
    f"Nothing of this request was stored. {SEND_AGAIN}",
)
NOT_SENT = EdgeProblem(
    Failure.NOT_SENT,
    503,
    "The event was not stored: Kafka cannot be reached",
    SEND_AGAIN,
)
UNKNOWN = EdgeProblem(
    Failure.UNKNOWN,
    503,
    "It is not known whether the event was stored: Kafka did not acknowledge it",
    SEND_AGAIN,
)
NOT_YOURS = EdgeProblem(
    str(Reason.source_not_allowed),
    403,
    "What became of another organisation's events is not told",
    "Ask for your own source only.",
)
NO_RECEIPT = EdgeProblem(
    "no_receipt",
    404,
    "There is no receipt of such an event",
    "Ask at the address that Location gave when the event was accepted: without its `at`, an event is found once the "
    "recorder has judged it. If it was never answered 202, send it; if it was, long ago, tell the operator.",
)
INVALID_QUERY = EdgeProblem(
    "invalid_query",
    400,
    "The address says something that cannot be read",
    "See GET /docs for what may stand in it.",
)
RECEIPTS_AWAY = EdgeProblem(
    "receipts_unavailable",
    503,
    "What became of events cannot be looked up now",
    "The record does not answer. Events are accepted all the same. Wait as Retry-After says and ask again.",
)
RECEIPTS_NOT_KEPT = EdgeProblem(
    "receipts_not_configured",
    501,
    "This installation does not tell what became of events",
    "Events are accepted all the same. The operator can turn receipts on with PCARE_POSTGRES_DSN for ingest.",
)
NOT_FOUND = EdgeProblem(
    "not_found",
    404,
    "There is nothing here",
    "Events are sent to POST /events; the documentation is at /docs.",
)
METHOD_NOT_ALLOWED = EdgeProblem(
    "method_not_allowed",
    405,
    "The address does not take this method",
    "Use the method that the Allow header names; the documentation is at /docs.",
)
INTERNAL_ERROR = EdgeProblem(
    "internal_error",
    500,
    "Something is wrong on our side",
    f"Tell the operator the time of this answer. {SEND_AGAIN}",
)

ALL: Final = (
    UNAUTHENTICATED,
    TOO_MANY_EVENTS,
    TOO_MANY_PSEUDONYMS,
    TOO_MANY_FAILURES,
    REGISTER_UNKNOWN,
    UNSUPPORTED_MEDIA_TYPE,
    UNSUPPORTED_ENCODING,
    MIXED_MODES,
    NOT_GZIP,
    NOT_ASKED,
    NO_NHS_NUMBER,
    TOO_MANY_NUMBERS,
    NOT_AUDITED,
    BATCH_TOO_LARGE,
    TOO_SLOW,
    OVERLOADED,
    NOT_SENT,
    UNKNOWN,
    NO_RECEIPT,
    INVALID_QUERY,
    RECEIPTS_AWAY,
    RECEIPTS_NOT_KEPT,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    INTERNAL_ERROR,
)

OF_FAILURE: Final = {Failure.NOT_SENT: NOT_SENT, Failure.UNKNOWN: UNKNOWN}
