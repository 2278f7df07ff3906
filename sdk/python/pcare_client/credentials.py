"""Who calls: an API key, or OAuth 2 client credentials with a signed JWT (RFC 7523, private_key_jwt)."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pcare_client.errors import NotUnderstoodError, RefusedError
from pcare_client.exchange import Flow, Lost, Reply, Request, ask
from pcare_client.results import problem_in

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
RENEW_BEFORE_SECONDS = 30.0
_OK = 200
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384"}


class Credentials(Protocol):
    """Makes the headers that say who calls."""

    def headers(self, now: Callable[[], float]) -> Flow[dict[str, str] | Reply | Lost]:
        """Return the headers; or the outcome that stands in the way for now. Raises RefusedError."""
        ...

    def renew(self) -> bool:
        """Take note that the service refused the last headers; return whether others may do better."""
        ...


class Anyone:
    """No credentials, for a service that is open: on one machine, or behind a gateway."""

    def headers(self, now: Callable[[], float]) -> Flow[dict[str, str] | Reply | Lost]:  # noqa: ARG002
        """Return no header."""
        yield from ()
        return {}

    def renew(self) -> bool:
        """Say that there is nothing to renew."""
        return False


class ApiKey:
    """An API key, as the programme gave it to you. Raises ValueError for what cannot be one."""

    def __init__(self, key: str) -> None:
        self._key = key.strip()
        if not self._key.isascii() or not self._key.isprintable() or " " in self._key or not self._key:
            raise ValueError("This is no API key: one line of letters, digits and underscores.")

    @classmethod
    def from_env(cls, variable: str = "PCARE_API_KEY") -> "ApiKey":
        """Read it from a variable of the environment; raises KeyError if that is not set."""
        return cls(os.environ[variable])

    def headers(self, now: Callable[[], float]) -> Flow[dict[str, str] | Reply | Lost]:  # noqa: ARG002
        """Return the key as a bearer token."""
        yield from ()
        return {"Authorization": f"Bearer {self._key}"}

    def renew(self) -> bool:
        """Say that a key which is refused stays refused."""
        return False

    def __repr__(self) -> str:
        return "ApiKey(...)"


class ClientCredentials:
    """OAuth 2 client credentials: a JWT signed with your private key is exchanged for a short-lived token.

    `private_key` is PEM; its public half, under the same `key_id`, is in the JWKS that the programme has of you.
    `audience` is the full address of the token endpoint, as the service knows itself.
    """

    def __init__(
        self,
        client_id: str,
        private_key: bytes | str,
        key_id: str,
        *,
        audience: str,
        token_path: str = "/oauth2/token",  # noqa: S107 - a path, no secret
        algorithm: str | None = None,
    ) -> None:
        pem = private_key.encode() if isinstance(private_key, str) else private_key
        self._key = load_pem_private_key(pem, password=None)
        self._algorithm = algorithm or _algorithm_of(self._key)
        self._client_id = client_id
        self._key_id = key_id
        self._audience = audience
        self._path = token_path
        self._token = ""
        self._until = 0.0

    @classmethod
    def from_file(cls, client_id: str, file: Path | str, key_id: str, *, audience: str) -> "ClientCredentials":
        """Read the private key from a PEM file."""
        return cls(client_id, Path(file).read_bytes(), key_id, audience=audience)

    def headers(self, now: Callable[[], float]) -> Flow[dict[str, str] | Reply | Lost]:
        """Return the token that still holds, or fetch one."""
        if now() >= self._until:
            outcome = yield from ask(self._request(now()))
            if isinstance(outcome, Lost) or outcome.status != _OK:
                return _in_the_way(outcome)
            self._keep(outcome, now())
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        """Forget the token: it was revoked, or the clocks differ."""
        self._until = 0.0
        return True

    def __repr__(self) -> str:
        return f"ClientCredentials(client_id={self._client_id!r}, key_id={self._key_id!r})"

    def _request(self, now: float) -> Request:
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._audience,
            "jti": str(uuid.uuid4()),
            "iat": int(now),
            "exp": int(now) + ASSERTION_SECONDS,
        }
        assertion = jwt.encode(claims, self._key, self._algorithm, headers={"kid": self._key_id})  # type: ignore[arg-type]
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", self._path, headers, urlencode(form).encode())

    def _keep(self, reply: Reply, now: float) -> None:
        document = reply.mapping()
        token, holds = document.get("access_token"), document.get("expires_in", 0)
        if not isinstance(token, str) or not isinstance(holds, (int, float)):
            raise NotUnderstoodError("The answer of the token endpoint holds no token.")
        self._token = token
        # A token that holds for less than a minute is used for half of its time.
        self._until = now + max(holds - RENEW_BEFORE_SECONDS, holds / 2)


def _in_the_way(outcome: Reply | Lost) -> Reply | Lost:
    if isinstance(outcome, Reply) and outcome.status in {400, 401, 403}:
        document = outcome.json()
        if isinstance(document, dict) and isinstance(document.get("error"), str):  # RFC 6749, section 5.2
            said = {"reason": document["error"], "title": "The credentials are refused"}
            document = {**said, "detail": str(document.get("error_description", "")), **document}
        raise RefusedError(problem_in(document, outcome.status))
    return outcome


def _algorithm_of(key: object) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS512"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    raise ValueError("The private key is neither RSA nor of the curves P-256 and P-384.")
