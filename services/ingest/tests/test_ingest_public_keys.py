"""Which keys of a key set are fit."""

import json
from typing import Any

import pytest
from credential_support import RSA_KEY, SIGNING_KEY, jwk, jwks
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, HMACAlgorithm

from pcare_ingest.public_keys import ALGORITHMS, public_keys

P384 = ec.generate_private_key(ec.SECP384R1())
P521 = ec.generate_private_key(ec.SECP521R1())
SHORT = rsa.generate_private_key(65_537, 1_024)  # noqa: S505 - to be refused


def test_each_key_is_good_for_its_own_algorithms() -> None:
    keys = public_keys(jwks(jwk(SIGNING_KEY, "a"), jwk(P384, "b"), jwk(RSA_KEY, "c"), jwk(RSA_KEY, "d", alg="PS512")))

    assert {name: sorted(key.algorithms) for name, key in keys.items()} == {
        "a": ["ES256"],
        "b": ["ES384"],
        "c": ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"],
        "d": ["PS512"],
    }
    assert set(ALGORITHMS) == {one for key in keys.values() for one in key.algorithms}


@pytest.mark.parametrize(
    "unfit",
    [
        jwk(SHORT, "x"),
        jwk(P521, "x"),
        jwk(RSA_KEY, "x", alg="HS256"),
        jwk(RSA_KEY, "x", alg="none"),
        jwk(SIGNING_KEY, "x", use="enc"),
        {name: value for name, value in jwk(SIGNING_KEY, "x").items() if name != "kid"},
        {**jwk(SIGNING_KEY, "x"), "x": "AAAA"},
        {**jwk(RSA_KEY, "x"), "n": 7},
        {"kty": "oct", "kid": "x", "k": HMACAlgorithm.to_jwk(b"secret", as_dict=True)["k"]},
        {"kty": "OKP", "kid": "x", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        "not a key",
    ],
)
def test_what_is_no_fit_key_is_left_out_and_the_others_stay(unfit: Any) -> None:
    assert public_keys(jwks(unfit, jwk(SIGNING_KEY, "good"))).keys() == {"good"}


def test_a_key_has_the_thumbprint_of_rfc_7638_under_whatever_name() -> None:
    modulus = (  # the example of the RFC, 3.1
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
        "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
        "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
        "nqDKgw"
    )
    example = {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256"}
    keys = public_keys(jwks({**example, "kid": "2011-04-29"}, {**example, "kid": "b"}, jwk(P384, "c"), jwk(P384, "d")))

    assert keys["2011-04-29"].thumbprint == keys["b"].thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert keys["c"].thumbprint == keys["d"].thumbprint != keys["b"].thumbprint


def test_of_a_private_key_the_public_part_is_read() -> None:
    private = {**json.loads(ECAlgorithm.to_jwk(SIGNING_KEY)), "kid": "k1"}

    assert isinstance(public_keys(jwks(private))["k1"].key, ec.EllipticCurvePublicKey)


MEMBERS = ["kty", "kid", "n", "e", "x", "y", "crv", "alg", "use"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["keys", *MEMBERS]), inner, max_size=3),
    max_leaves=6,
)


@given(JSON, st.text(max_size=20))
def test_what_is_no_key_set_has_no_keys(document: Any, text: str) -> None:
    assert public_keys(json.dumps(document)) == {}
    assert public_keys(text) == {}


@given(st.sampled_from([SIGNING_KEY, RSA_KEY]), st.dictionaries(st.sampled_from(MEMBERS), JSON, min_size=1, max_size=3))
def test_a_key_that_was_spoiled_breaks_nothing(key: Any, spoiled: dict[str, Any]) -> None:
    found = public_keys(jwks({**jwk(key, "k1"), **spoiled}))

    assert all(one.algorithms <= set(ALGORITHMS) for one in found.values())
