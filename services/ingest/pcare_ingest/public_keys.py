"""The public keys of a provider (a JSON Web Key Set), and which signatures are accepted by each."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_BY_CURVE: Final = {"secp256r1": frozenset({"ES256"}), "secp384r1": frozenset({"ES384"})}

ALGORITHMS: Final = tuple(sorted({*_RSA, "ES256", "ES384"}))
"""Never `none`, and never HS*: by them a public key would be the secret."""

MIN_RSA_BITS: Final = 2_048


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, the algorithms of the signatures that are accepted by it, and its thumbprint (RFC 7638).

    The thumbprint says which key it is. A `kid` does not: another key may be registered under the same one later.
    """

    key: RSAPublicKey | EllipticCurvePublicKey = field(repr=False)
    algorithms: frozenset[str]
    thumbprint: str


def public_keys(jwks: str | None) -> dict[str, PublicKey]:
    """Return the keys of a key set by their `kid`. What is no fit key, or has no `kid`, is left out."""
    if jwks is None:
        return {}
    return dict(_fit(jwks))


def _fit(jwks: str) -> Iterator[tuple[str, PublicKey]]:
    try:
        document = orjson.loads(jwks)
    except orjson.JSONDecodeError:
        return
    keys = document.get("keys") if isinstance(document, dict) else None
    for one in keys if isinstance(keys, list) else ():
        if isinstance(one, dict) and isinstance(one.get("kid"), str) and one.get("use", "sig") == "sig":
            key = _public_key(one)
            if key is not None:
                yield one["kid"], key


def _public_key(one: Mapping[str, Any]) -> PublicKey | None:
    # of the members that say what the key is, and no others: a private key that was given by mistake is read as public
    public = {name: one[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in one}
    try:
        key = (RSAAlgorithm if one.get("kty") == "RSA" else ECAlgorithm).from_jwk(public)
    except (jwt.InvalidKeyError, ValueError, TypeError):
        return None
    algorithms: frozenset[str] = frozenset()
    if isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
        algorithms = _RSA
    elif isinstance(key, EllipticCurvePublicKey):
        algorithms = _BY_CURVE.get(key.curve.name, algorithms)
    else:
        return None
    named = one.get("alg")
    algorithms = frozenset(name for name in algorithms if named is None or named == name)
    return PublicKey(key, algorithms, _thumbprint(key)) if algorithms else None


def _thumbprint(key: RSAPublicKey | EllipticCurvePublicKey) -> str:
    """Return the SHA-256 of the members that make a key what it is, however these were written when it was given."""
    names: tuple[str, ...] = ("e", "kty", "n")
    if isinstance(key, RSAPublicKey):
        members: dict[str, Any] = RSAAlgorithm.to_jwk(key, as_dict=True)
    else:
        members = ECAlgorithm.to_jwk(key, as_dict=True)
        names = ("crv", "kty", "x", "y")
    digest = hashlib.sha256(orjson.dumps({name: members[name] for name in names})).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
