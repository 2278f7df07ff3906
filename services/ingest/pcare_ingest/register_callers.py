"""Callers by the credentials of the register: API keys, and access tokens that were given for signed assertions."""

import datetime as dt
import hmac
from dataclasses import replace
from typing import Final

from starlette.requests import HTTPConnection

from pcare_common import api_keys
from pcare_common.clock import Clock
from pcare_ingest import problems
from pcare_ingest.access_tokens import AccessTokens
from pcare_ingest.callers import Caller
from pcare_ingest.failures import Failed, FailedError, Failures
from pcare_ingest.knowledge import Knowledge, UnknownError
from pcare_ingest.providers import Credential, Providers
from pcare_ingest.refusal import RefusedError

CHALLENGE: Final = 'Bearer realm="pcare"'
_NOBODY: Final = bytes(32)

_HOW: Final = "Send `Authorization: Bearer` and an API key or an access token (an API key also as `X-API-Key`)."
_WORDS: Final = {
    Failed.MISSING: f"No credential was sent. {_HOW}",
    Failed.MALFORMED: f"The credential is not in a form that is taken here. {_HOW}",
    Failed.KEY_UNKNOWN: "The API key is not valid: it is incomplete, it was revoked, or it was never given out.",
    Failed.TOKEN_UNKNOWN: "The access token is not one of ours. Ask for one at POST /oauth2/token.",
    Failed.TOKEN_EXPIRED: "The access token has expired. Ask for another at POST /oauth2/token.",
    Failed.REVOKED: "The credential, its key or its provider was taken out of the register. Ask the operator.",
    Failed.NOT_YET_VALID: "The credential is not valid yet.",
    Failed.EXPIRED: "The credential has expired. Ask the operator for a new one.",
}


class RegisterCallers:
    """Identifies by the `Authorization` or the `X-API-Key` header."""

    def __init__(self, knowledge: Knowledge, tokens: AccessTokens, failures: Failures, clock: Clock) -> None:
        self._knowledge = knowledge
        self._tokens = tokens
        self._failures = failures
        self._clock = clock

    async def identify(self, connection: HTTPConnection) -> Caller:
        """See the protocol."""
        try:
            return self._caller(connection, self._knowledge.providers())
        except UnknownError:
            raise RefusedError(problems.REGISTER_UNKNOWN) from None
        except FailedError as error:
            seconds = self._failures.note(error, connection)
            if seconds:
                raise RefusedError(problems.TOO_MANY_FAILURES, {"Retry-After": str(seconds)}) from None
            trouble = replace(problems.UNAUTHENTICATED, detail=error.words)
            raise RefusedError(trouble, {"WWW-Authenticate": _challenge(error)}) from None

    def _caller(self, connection: HTTPConnection, providers: Providers) -> Caller:
        sent, now = _sent(connection), self._clock.now()
        parsed = api_keys.parse(sent)
        if parsed is not None:
            credential = _of_key(*parsed, providers)
        elif sent.count(".") == 2:
            credential = self._of_token(sent, providers, now)
        elif sent.startswith("pcare_"):
            raise _failed(Failed.KEY_UNKNOWN)
        else:
            raise _failed(Failed.MALFORMED)
        return stands(credential, providers, now)

    def _of_token(self, token: str, providers: Providers, now: dt.datetime) -> Credential:
        access = self._tokens.read(token)
        if access is None:
            raise _failed(Failed.TOKEN_UNKNOWN)
        if access.expires <= now.timestamp():
            raise _failed(Failed.TOKEN_EXPIRED, access.credential)
        credential = providers.credentials.get(access.credential)
        # a token of a key that was taken out of the set, because it was lost, is of no more use than the key; nor does
        # it become so by another key under the same name
        if credential is None or all(key.thumbprint != access.key for key in credential.keys.values()):
            raise _failed(Failed.REVOKED, access.credential)
        return credential


def stands(credential: Credential, providers: Providers, now: dt.datetime) -> Caller:
    """Return who calls with a credential that was proven. Raises FailedError where it is not of this time."""
    if not credential.has_begun(now):
        raise _failed(Failed.NOT_YET_VALID, credential.id)
    if credential.has_ended(now):
        raise _failed(Failed.EXPIRED, credential.id)
    caller = providers.caller(credential, now)
    if caller is None:
        raise _failed(Failed.REVOKED, credential.id)
    return caller


def _of_key(public: str, secret: str, providers: Providers) -> Credential:
    credential = providers.credentials.get(public)
    kept = credential.secret_sha256 if credential is not None else None
    # compared in any case, so that the time does not tell whether the id exists
    same = hmac.compare_digest(api_keys.sha256(secret), kept or _NOBODY)
    if credential is None or kept is None or not same:
        raise _failed(Failed.KEY_UNKNOWN)
    return credential


def _sent(connection: HTTPConnection) -> str:
    """Return the credential that the headers hold. The same one in both is one."""
    found = {value.strip() for value in connection.headers.getlist("x-api-key")}
    for value in connection.headers.getlist("authorization"):
        scheme, _, credential = value.partition(" ")
        if scheme.lower() != "bearer":
            raise _failed(Failed.MALFORMED)
        found.add(credential.strip())
    if not found:
        raise _failed(Failed.MISSING)
    if len(found) > 1:
        raise FailedError(Failed.MALFORMED, "More than one credential was sent. Send one.")
    return found.pop()


def _failed(kind: Failed, credential: str | None = None) -> FailedError:
    return FailedError(kind, _WORDS[kind], credential)


def _challenge(error: FailedError) -> str:
    if error.kind is Failed.MISSING:  # RFC 6750, 3.1: no error code where nothing was tried
        return CHALLENGE
    return f'{CHALLENGE}, error="invalid_token", error_description="{error.words}"'
