"""Access tokens: signed JSON Web Tokens that name a credential, and are valid for minutes.

A token says who its bearer was when it was given. Whether the credential still stands is looked up at each request, so
what is revoked ends at once.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import jwt
import orjson

from pcare_ingest.token_keys import TokenKeys

ALGORITHM: Final = "HS256"
AUDIENCE: Final = "pcare-ingest"
TYPE: Final = "at+jwt"  # RFC 9068
MAX_BYTES: Final = 2_048
MOST_REMEMBERED: Final = 10_000

_JWS = jwt.PyJWS(algorithms=[ALGORITHM])


@dataclass(frozen=True, slots=True)
class Access:
    """What a token states: the credential, the thumbprint of the key that signed for it, and until when (seconds)."""

    credential: str
    key: str
    expires: float


class AccessTokens:
    """Gives tokens and reads them. Times are seconds since 1970.

    Of up to 10,000 tokens it remembers what they state, by their SHA-256: a provider sends the same one for minutes.
    """

    def __init__(self, keys: TokenKeys, *, seconds: int) -> None:
        self._keys = keys
        self.seconds = seconds
        self._read: dict[bytes, Access] = {}

    def give(self, credential: str, key: str, now: float) -> str:
        """Return a token for a credential, one of whose keys, of the thumbprint `key`, has just signed."""
        claims = {
            "iss": AUDIENCE,
            "aud": AUDIENCE,
            "sub": credential,
            "key": key,
            "iat": int(now),
            "exp": int(now) + self.seconds,
        }
        headers = {"typ": TYPE, "kid": self._keys.signing}
        return _JWS.encode(orjson.dumps(claims), self._keys.secrets[self._keys.signing], ALGORITHM, headers)

    def read(self, token: str) -> Access | None:
        """Return what a token states, or None when it is none of ours. Whether it has expired is for the caller."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._read.get(digest)
        if known is None:
            known = self._verify(token)
            if known is not None:
                if len(self._read) >= MOST_REMEMBERED:
                    del self._read[next(iter(self._read))]
                self._read[digest] = known
        return known

    def _verify(self, token: str) -> Access | None:
        if len(token) > MAX_BYTES or not token.isascii():
            return None
        try:
            header = jwt.get_unverified_header(token)
            secret = self._keys.secrets.get(header.get("kid", ""))
            if secret is None or header.get("typ") != TYPE:
                return None
            claims = orjson.loads(_JWS.decode(token, secret, [ALGORITHM]))
        except (jwt.InvalidTokenError, orjson.JSONDecodeError):
            return None
        if claims["aud"] != AUDIENCE:
            return None
        return Access(claims["sub"], claims["key"], claims["exp"])
