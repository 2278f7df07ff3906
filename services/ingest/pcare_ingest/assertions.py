"""Client assertions (RFC 7523): a JSON Web Token that a client signs to prove who it is.

The claims are looked at before the signature, because what is wrong with them can be told to anybody: they are the
sender's own words. Whether a client is known, has that key, or signed by it, is not told apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt
import orjson

from pcare_ingest.failures import Failed, FailedError
from pcare_ingest.providers import Credential
from pcare_ingest.public_keys import ALGORITHMS

MAX_BYTES: Final = 8_192
MAX_JTI: Final = 128
MAX_AHEAD_SECONDS: Final = 300
LEEWAY_SECONDS: Final = 30
"""How far a client's clock may be off."""

_JWS = jwt.PyJWS(algorithms=list(ALGORITHMS))


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an assertion says. `until` is when it can be used no more, in seconds since 1970."""

    client: str
    key: str
    algorithm: str
    jti: str
    until: float
    text: str


def read(text: str, *, audiences: Sequence[str], now: float) -> Assertion:
    """Return what an assertion says, not knowing yet who signed it. `now` is seconds since 1970.

    Raises FailedError that says what is wrong with it.
    """
    header, claims = _parts(text)
    algorithm, key = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise _wrong(f"alg must be one of {', '.join(ALGORITHMS)}")
    if not isinstance(key, str):
        raise _wrong("the header must name the key by kid")
    client, jti = claims.get("iss"), claims.get("jti")
    if not isinstance(client, str) or claims.get("sub") != client:
        raise _wrong("iss and sub must both be the client id")
    named = claims.get("aud")
    if not any(one in audiences for one in (named if isinstance(named, list) else [named])):
        raise _wrong(f"aud must be {' or '.join(audiences)}")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        raise _wrong(f"jti must be a text of 1 to {MAX_JTI} characters, another in each assertion")
    return Assertion(client, key, str(algorithm), jti, _until(claims, now), text)


def signed_by(assertion: Assertion, credential: Credential | None) -> Credential:
    """Return the credential if one of its keys signed. Raises FailedError, the same whatever is missing."""
    key = credential.keys.get(assertion.key) if credential is not None else None
    if credential is None or key is None or assertion.algorithm not in key.algorithms:
        raise _untrusted()
    try:
        _JWS.decode(assertion.text, key.key, [assertion.algorithm])
    except (jwt.InvalidTokenError, jwt.InvalidKeyError):
        raise _untrusted() from None
    return credential


def _parts(text: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if len(text) > MAX_BYTES or not text.isascii():
        raise _wrong(f"it must be a signed JSON Web Token of at most {MAX_BYTES} characters")
    try:
        parts = _JWS.decode_complete(text, options={"verify_signature": False})
        claims = orjson.loads(parts["payload"])
    except (jwt.InvalidTokenError, orjson.JSONDecodeError):
        raise _wrong("it must be a signed JSON Web Token") from None
    if not isinstance(claims, dict):
        raise _wrong("its claims must be a JSON object")
    return parts["header"], claims


def _until(claims: Mapping[str, Any], now: float) -> float:
    expires = _time(claims.get("exp"))
    if expires is None:
        raise _wrong("exp must be the seconds since 1970 at which it expires")
    if expires + LEEWAY_SECONDS <= now:
        raise _wrong("it has expired: make one for each request, and see that the clock is right")
    if expires > now + MAX_AHEAD_SECONDS + LEEWAY_SECONDS:
        raise _wrong(f"exp must be at most {MAX_AHEAD_SECONDS} seconds ahead")
    for name in ("iat", "nbf"):
        begins = _time(claims.get(name, now))
        if begins is None or begins > now + LEEWAY_SECONDS:
            raise _wrong(f"{name} must not be ahead of the time: see that the clock is right")
    return expires + LEEWAY_SECONDS


def _time(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _wrong(words: str) -> FailedError:
    return FailedError(Failed.ASSERTION_WRONG, f"The assertion cannot be taken: {words}.")


def _untrusted() -> FailedError:
    words = "The assertion is not signed by a key that is registered for its client under its kid."
    return FailedError(Failed.ASSERTION_UNTRUSTED, words)
