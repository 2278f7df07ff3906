"""Public keys that a provider hands over: what is accepted, and why the rest is not. The keys are of RFC 7517."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_cli.providers import public_keys
from pcare_cli.providers.words import RefusedError

RSA = {
    "kty": "RSA",
    "kid": "2026-01",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
    "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu"
    "6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa"
    "pJzKnqDKgw",
    "e": "AQAB",
}
EC = {
    "kty": "EC",
    "kid": "2026-02",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}


def text(number: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(number)).decode().rstrip("=")


EC384 = {
    "kty": "EC",
    "kid": "base-point",
    "crv": "P-384",
    "x": text("AA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7"),
    "y": text("3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F"),
}


def read(*keys: Any) -> tuple[public_keys.PublicKey, ...]:
    return public_keys.read(json.dumps({"keys": keys}).encode())


def test_public_keys_are_kept_with_what_verifying_needs_and_nothing_else() -> None:
    found = read(RSA | {"x5c": ["MIIC"], "alg": "PS256"}, EC | {"use": "sig", "key_ops": ["verify"]}, EC384)
    assert [key.kid for key in found] == ["2026-01", "2026-02", "base-point"]
    assert [key.document for key in found] == [
        RSA | {"use": "sig", "alg": "PS256"},
        EC | {"use": "sig"},
        EC384 | {"use": "sig"},
    ]


def test_a_single_key_is_a_set_of_one() -> None:
    assert [key.kid for key in public_keys.read(json.dumps(EC).encode())] == ["2026-02"]


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_may_name_its_algorithm(algorithm: str) -> None:
    assert read(RSA | {"alg": algorithm})[0].document["alg"] == algorithm


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES256"), (EC384, "ES384")])
def test_a_curve_has_one_algorithm(key: dict[str, str], algorithm: str) -> None:
    assert read(key | {"alg": algorithm})[0].document["alg"] == algorithm
    other = "ES384" if algorithm == "ES256" else "ES256"
    with pytest.raises(RefusedError, match=f"must be one of {algorithm}, or be left out"):
        read(key | {"alg": other})


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
@pytest.mark.parametrize("key", [RSA, EC])
def test_a_private_key_is_refused_and_given_up_for_lost(key: dict[str, str], member: str) -> None:
    with pytest.raises(RefusedError, match=r"private key.*make a new pair") as refused:
        read(key | {member: "AQAB"})
    assert "AQAB" not in str(refused.value)


def _bits(bits: int) -> str:
    return text(f"{(1 << (bits - 1)) + 1:0{(bits + 7) // 8 * 2}x}")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (RSA | {"n": _bits(2047)}, "is of 2047 bits"),
        (RSA | {"n": _bits(1024)}, "2048 at least"),
        (RSA | {"n": _bits(8200)}, "8192 at most"),
        (RSA | {"n": text(f"{1 << 2047:x}")}, "no RSA key"),
        (RSA | {"e": "Aw"}, "exponent"),
        (RSA | {"e": "AQAA"}, "exponent"),
        (RSA | {"n": RSA["n"] + "=="}, "`n` is missing, or no base64url"),
        (RSA | {"n": RSA["n"].replace("-", "+")}, "`n` is missing, or no base64url"),
        ({"kty": "RSA", "kid": "a", "n": RSA["n"]}, "`e` is missing"),
        (RSA | {"alg": "none"}, "must be one of RS256"),
        (RSA | {"alg": "HS256"}, "must be one of RS256"),
        (RSA | {"alg": "ES256"}, "must be one of RS256"),
        (RSA | {"use": "enc"}, "not for signatures"),
        (RSA | {"key_ops": ["sign", "verify"]}, "not for signatures"),
        (RSA | {"kid": None}, "no `kid`"),
        (RSA | {"kid": "two words"}, "no `kid`"),
        (RSA | {"kid": "key-9434765919"}, "and no NHS number"),
        ({"kty": "oct", "kid": "a"}, "must be an RSA key, or one on the curve"),
        ({"kty": "OKP", "kid": "a", "crv": "Ed25519", "x": EC["x"]}, "P-256 or P-384"),
        (EC | {"crv": "P-521"}, "P-256 or P-384"),
        (EC | {"crv": ["P-256"]}, "P-256 or P-384"),
        (EC | {"crv": "P-384"}, "no point of P-384"),
        (EC | {"y": EC["x"]}, "no point of P-256"),
        (EC | {"x": "AAAA" + EC["x"]}, "no point of P-256"),
    ],
)
def test_what_is_weak_or_no_key_is_refused_with_what_is_wrong(key: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        read(key)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"-----BEGIN PUBLIC KEY-----\nMIIB", "is not JSON.*from PEM"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nMIIB", "holds a private key"),
        (b"[" * 60_000, "is not JSON"),
        (b"[]", "no JSON Web Key Set"),
        (b'{"keys": []}', "no JSON Web Key Set"),
        (b'{"keys": {}}', "no JSON Web Key Set"),
        (b'{"keys": ["a"]}', "no JSON Web Key Set"),
        (b" " * 70_000, "too large"),
    ],
)
def test_a_file_that_is_no_set_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(RefusedError, match=f"(?s){said}"):
        public_keys.read(content)


def test_two_keys_with_one_id_and_too_many_keys_are_refused() -> None:
    with pytest.raises(RefusedError, match="one `kid`"):
        read(RSA, EC | {"kid": RSA["kid"]})
    with pytest.raises(RefusedError, match="11 keys"):
        read(*(RSA | {"kid": str(number)} for number in range(11)))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*RSA, *EC, "keys", "alg"]), inner),
)


@given(_JSON)
def test_whatever_a_file_holds_it_is_read_or_refused(document: Any) -> None:
    for value in (document, {"keys": [document]}):
        try:
            public_keys.read(json.dumps(value).encode())
        except RefusedError as refused:
            assert str(refused)  # noqa: PT017 - the only error there may be
