"""By what the kit says who it is. Secrets come from a file or the environment, never from the command line."""

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pcare_common.clock import Clock

VARIABLE = "PCARE_API_KEY"
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - an address
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
RENEWED_BEFORE_SECONDS = 60
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384"}


class UnusableCredentialError(ValueError):
    """The credential cannot be read, or gives no access token; the message says why."""


class Caller(Protocol):
    """Somebody who calls."""

    async def headers(self) -> dict[str, str]:
        """Return the headers that say who it is. Raises UnusableCredentialError."""
        ...


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who sends an API key or an access token as it is; None: who says nothing of himself."""

    secret: str | None

    async def headers(self) -> dict[str, str]:
        """Return the header, or none."""
        return {} if self.secret is None else {"authorization": f"Bearer {self.secret}"}


NOBODY: Final = Bearer(None)


@dataclass(frozen=True, slots=True)
class Pair:
    """A key pair, in place of an API key. `audience` is how the token endpoint names itself; None: as it is reached."""

    client_id: str
    key_id: str
    private_key: Path
    audience: str | None = None


class Signing:
    """Who signs for access tokens (RFC 7523), and asks for another before one expires."""

    def __init__(self, client: httpx.AsyncClient, pair: Pair, clock: Clock) -> None:
        try:
            self._key = load_pem_private_key(pair.private_key.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise UnusableCredentialError(
                f"--private-key: {pair.private_key} holds no private key in PEM without a password."
            ) from error
        self._algorithm = _algorithm_of(self._key)
        self._client = client
        self._pair = pair
        self._clock = clock
        self._token = Bearer(None)
        self._until = float("-inf")

    async def headers(self) -> dict[str, str]:
        """Return the header with a token that is still valid."""
        if self._clock.monotonic() >= self._until:
            await self._ask()
        return await self._token.headers()

    async def _ask(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": self._assertion(),
        }
        try:
            answer = await self._client.post(TOKEN_PATH, data=form)
            document = answer.json()
            token, seconds = document["access_token"], float(document["expires_in"])
        except httpx.TransportError as error:
            raise UnusableCredentialError(f"POST {TOKEN_PATH} does not answer: {type(error).__name__}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UnusableCredentialError(f"POST {TOKEN_PATH} gives no token: {answer.text[:500]}") from error
        self._token = Bearer(str(token))
        self._until = self._clock.monotonic() + seconds - RENEWED_BEFORE_SECONDS

    def _assertion(self) -> str:
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": self._pair.client_id,
            "sub": self._pair.client_id,
            "aud": self._pair.audience or f"{str(self._client.base_url).rstrip('/')}{TOKEN_PATH}",
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        return jwt.encode(claims, self._key, self._algorithm, headers={"kid": self._pair.key_id})  # type: ignore[arg-type]


def bearer_of(file: Path | None, environment: Mapping[str, str] = os.environ) -> Bearer:
    """Return who sends what stands in a file, as one line; without a file in PCARE_API_KEY; else nobody.

    Raises UnusableCredentialError.
    """
    if file is None:
        return Bearer(environment.get(VARIABLE, "").strip() or None)
    try:
        secret = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableCredentialError(f"--credential: {file} cannot be read as text.") from error
    if len(secret.split()) != 1:
        raise UnusableCredentialError(f"--credential: {file} must hold one line, the API key or an access token.")
    return Bearer(secret)


def _algorithm_of(key: object) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS512"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    raise UnusableCredentialError("--private-key must be RSA, or EC on P-256 or P-384.")
