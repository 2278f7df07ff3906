"""POST /oauth2/token: an access token for a signed assertion (RFC 6749 section 4.4, RFC 7523 section 2.2)."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

import orjson
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pcare_common.clock import Clock
from pcare_common.http_protocol import MAX_CONNECTIONS, SPARE_CONNECTIONS, retry_after
from pcare_ingest import assertions
from pcare_ingest.access_tokens import AccessTokens
from pcare_ingest.admission import Admission, Hold, OverloadedError
from pcare_ingest.body import DisconnectedError, TooLargeError, TooSlowError, read
from pcare_ingest.failures import Failed, FailedError, Failures
from pcare_ingest.knowledge import Knowledge, UnknownError
from pcare_ingest.register_callers import CHALLENGE, stands
from pcare_ingest.replays import Replays, TooManyError

FORM: Final = "application/x-www-form-urlencoded"
GRANT: Final = "client_credentials"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_BYTES: Final = 16 * 1024
MAX_BYTES_IN_HAND: Final = (MAX_CONNECTIONS + SPARE_CONNECTIONS) * MAX_BYTES
"""As much as all connections together may send: slow ones, who prove nothing yet, must not use it up for the others."""
READ_WITHIN_SECONDS: Final = 3.0
"""For a body that fits into one packet or a few."""
MAX_FIELDS: Final = 20

_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class _OAuthError(Exception):
    """An answer of RFC 6749, 5.2."""

    def __init__(self, status: int, code: str, words: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.answer = _answer(status, {"error": code, "error_description": words}, headers)


class TokenEndpoint:
    """An ASGI application that answers one request for a token."""

    def __init__(
        self,
        knowledge: Knowledge,
        tokens: AccessTokens,
        failures: Failures,
        given: Counter,
        clock: Clock,
        *,
        audiences: tuple[str, ...],
        read_within: float,
    ) -> None:
        self._knowledge = knowledge
        self._tokens = tokens
        self._failures = failures
        self._given = given
        self._clock = clock
        self._audiences = audiences
        self._read_within = min(read_within, READ_WITHIN_SECONDS)
        self._replays = Replays()
        self._admission = Admission(max_events=1, max_bytes=MAX_BYTES_IN_HAND)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope)
        try:
            response = self._give(_fields(request, await self._body(request, receive)))
        except DisconnectedError:
            return
        except _OAuthError as error:
            response = error.answer
        except FailedError as error:
            response = self._failed(error, request)
        except UnknownError:
            words = "Who may send is not known at the moment. Ask again as Retry-After says."
            response = _answer(503, {"error": "temporarily_unavailable", "error_description": words}, _later())
        await response(scope, receive, send)

    async def _body(self, request: Request, receive: Receive) -> bytes:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise _invalid_request(f"The content type must be {FORM}.")
        try:
            with Hold(self._admission) as hold:
                return await read(request.scope, receive, limit=MAX_BYTES, within=self._read_within, hold=hold)
        except TooLargeError:
            raise _invalid_request(f"The body must have at most {MAX_BYTES} bytes.") from None
        except TooSlowError:
            raise _invalid_request("The body did not come in time.", {"Connection": "close"}) from None
        except OverloadedError:
            words = "There is too much in hand. Ask again as Retry-After says."
            raise _OAuthError(503, "temporarily_unavailable", words, _later()) from None

    def _give(self, fields: dict[str, str]) -> Response:
        """Return the answer with a token. Raises FailedError, UnknownError."""
        providers, now = self._knowledge.providers(), self._clock.now()
        seconds = now.timestamp()
        assertion = assertions.read(fields["client_assertion"], audiences=self._audiences, now=seconds)
        if fields.get("client_id", assertion.client) != assertion.client:
            raise FailedError(Failed.ASSERTION_WRONG, "client_id is not the client of the assertion. Leave it out.")
        credential = assertions.signed_by(assertion, providers.credentials.get(assertion.client))
        caller = stands(credential, providers, now)
        try:
            first = self._replays.is_first(credential.id, assertion.jti, until=assertion.until, now=seconds)
        except TooManyError:
            words = "Too many tokens were asked for in the last minutes. Use each one until it expires."
            raise FailedError(Failed.ASSERTIONS_TOO_MANY, words, credential.id) from None
        if not first:
            words = "The assertion was used before. Make a new one, with another jti, for each request."
            raise FailedError(Failed.ASSERTION_REPEATED, words, credential.id)
        self._given.labels(caller.name).inc()
        token = self._tokens.give(credential.id, credential.keys[assertion.key].thumbprint, seconds)
        return _answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": self._tokens.seconds})

    def _failed(self, error: FailedError, request: Request) -> Response:
        seconds = self._failures.note(error, request)
        if seconds or error.kind is Failed.ASSERTIONS_TOO_MANY:
            words = error.words if not seconds else "Too many requests that failed. Stay away as Retry-After says."
            headers = {"Retry-After": str(seconds or 60)}
            return _answer(429, {"error": "temporarily_unavailable", "error_description": words}, headers)
        # RFC 6749, 5.2: the challenge goes with a client that tried by the Authorization header; it harms nobody else
        document = {"error": "invalid_client", "error_description": error.words}
        return _answer(401, document, {"WWW-Authenticate": CHALLENGE})


def _fields(request: Request, body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, strict_parsing=True)
    except ValueError:  # UnicodeDecodeError is one
        raise _invalid_request("The body must be form-encoded (name=value&name=value).") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _invalid_request("A parameter is there twice.")
    grant = fields.get("grant_type")
    if grant is None:
        raise _invalid_request(f"grant_type is missing: send grant_type={GRANT}.")
    if grant != GRANT:
        raise _OAuthError(400, "unsupported_grant_type", f"grant_type must be {GRANT}.")
    if "authorization" in request.headers or "client_secret" in fields:
        words = "A client proves who it is by client_assertion, and in no other way."
        raise _OAuthError(401, "invalid_client", words, {"WWW-Authenticate": CHALLENGE})
    if fields.get("client_assertion_type") != ASSERTION_TYPE:
        raise _invalid_request(f"client_assertion_type must be {ASSERTION_TYPE}.")
    if not fields.get("client_assertion"):
        raise _invalid_request("client_assertion is missing.")
    return fields


def _invalid_request(words: str, headers: dict[str, str] | None = None) -> _OAuthError:
    return _OAuthError(400, "invalid_request", words, headers)


def _later() -> dict[str, str]:
    return {"Retry-After": str(retry_after())}


def _answer(status: int, document: Mapping[str, str | int], headers: dict[str, str] | None = None) -> Response:
    return Response(
        orjson.dumps(document), status, headers={**_NO_STORE, **(headers or {})}, media_type="application/json"
    )
