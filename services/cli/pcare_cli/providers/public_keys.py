"""Public keys from a JSON Web Key Set (RFC 7517), as a provider hands it over. Pure.

Only what signs a token asymmetrically and is strong enough passes; a private key is refused, because whoever could read
it on the way can speak for the provider.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pcare_cli.providers.words import RefusedError
from pcare_schemas import identifiers

LARGEST_FILE = 65_536
MOST_KEYS = 10
RSA_BITS = range(2048, 8193)

ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL = re.compile("[A-Za-z0-9_-]+")
_KEY_ID = re.compile(r"[A-Za-z0-9._:~+/=-]{1,128}")


@dataclass(frozen=True, slots=True)
class _Curve:
    """y² = x³ - 3x + b over the integers modulo p (FIPS 186-5)."""

    size: int
    p: int
    b: int

    def holds(self, x: int, y: int) -> bool:
        return x < self.p and y < self.p and (y * y - (x * x * x - 3 * x + self.b)) % self.p == 0


_CURVES = {
    "P-256": _Curve(
        32,
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    ),
    "P-384": _Curve(
        48,
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    ),
}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that passed: its id, and the members that are kept of it."""

    kid: str
    members: tuple[tuple[str, str], ...]

    @property
    def document(self) -> dict[str, str]:
        """The key as a JSON Web Key."""
        return dict(self.members)


def read(content: bytes) -> tuple[PublicKey, ...]:
    """Return the keys of a set, or of a single key. Raises RefusedError that says which key is wrong and how."""
    if len(content) > LARGEST_FILE:
        raise RefusedError("The file is too large for a set of public keys.")
    if b"PRIVATE KEY-----" in content:
        raise RefusedError(_IS_PRIVATE.format("The file"))
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise RefusedError(
            'The file is not JSON. A JSON Web Key Set is wanted: {"keys": [{"kty": "RSA", "kid": …}]}; from PEM or a '
            "certificate, the provider's library makes one."
        ) from None
    keys = document.get("keys", [document]) if isinstance(document, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise RefusedError("The file holds no JSON Web Key Set: an object whose `keys` is a list of keys.")
    if len(keys) > MOST_KEYS:
        raise RefusedError(f"The file holds {len(keys)} keys; {MOST_KEYS} at most make sense at a time.")
    found = tuple(_key(key, f"Key {number}") for number, key in enumerate(keys, start=1))
    if len({key.kid for key in found}) != len(found):
        raise RefusedError("Two keys have one `kid`: a token names its key by that. Give each its own.")
    return found


_IS_PRIVATE = (
    "{} holds a private key. Keep nothing of it: whoever saw it can speak for the provider. Have the provider make a "
    "new pair, and send the public keys only."
)


def _key(key: Mapping[str, Any], which: str) -> PublicKey:
    if _PRIVATE & key.keys():
        raise RefusedError(_IS_PRIVATE.format(which))
    kid = key.get("kid")
    if not isinstance(kid, str) or not _KEY_ID.fullmatch(kid) or identifiers.find(kid):
        raise RefusedError(
            f"{which} has no `kid`, by which tokens name it: one word of at most 128 characters, and no NHS number."
        )
    which = f"{which} ({kid})"
    if key.get("use", "sig") != "sig" or key.get("key_ops", ["verify"]) != ["verify"]:
        raise RefusedError(f"{which} is not for signatures: `use` must be sig, and `key_ops`, if there, verify.")
    family, members = _rsa(key, which) if key.get("kty") == "RSA" else _elliptic(key, which)
    algorithm = key.get("alg")
    if algorithm is not None and algorithm not in ALGORITHMS[family]:
        raise RefusedError(f"{which}: its `alg` must be one of {', '.join(ALGORITHMS[family])}, or be left out.")
    named = {"kid": kid, "use": "sig"} | ({} if algorithm is None else {"alg": str(algorithm)})
    return PublicKey(kid, tuple((members | named).items()))


def _rsa(key: Mapping[str, Any], which: str) -> tuple[str, dict[str, str]]:
    modulus, exponent = (int.from_bytes(_bytes(key, name, which)) for name in ("n", "e"))
    bits = modulus.bit_length()
    if bits not in RSA_BITS:
        raise RefusedError(f"{which} is of {bits} bits: an RSA key must have 2048 at least, and 8192 at most.")
    if modulus % 2 == 0 or exponent % 2 == 0 or not 2**16 < exponent < 2**256:
        raise RefusedError(f"{which} is no RSA key as they are made today (an odd exponent above 65536: 65537).")
    return "RSA", {"kty": "RSA", "n": key["n"], "e": key["e"]}


def _elliptic(key: Mapping[str, Any], which: str) -> tuple[str, dict[str, str]]:
    name = key.get("crv")
    if key.get("kty") != "EC" or not isinstance(name, str) or name not in _CURVES:
        raise RefusedError(f"{which} must be an RSA key, or one on the curve P-256 or P-384.")
    curve = _CURVES[name]
    x, y = (_bytes(key, coordinate, which) for coordinate in ("x", "y"))
    if len(x) != curve.size or len(y) != curve.size or not curve.holds(int.from_bytes(x), int.from_bytes(y)):
        raise RefusedError(f"{which} is no point of {name}: it was damaged on the way.")
    return name, {"kty": "EC", "crv": name, "x": key["x"], "y": key["y"]}


def _bytes(key: Mapping[str, Any], member: str, which: str) -> bytes:
    value = key.get(member)
    if not isinstance(value, str) or not _BASE64URL.fullmatch(value) or len(value) % 4 == 1:
        raise RefusedError(f"{which}: its `{member}` is missing, or no base64url without padding.")
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
