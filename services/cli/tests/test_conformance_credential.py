"""Who the kit says it is: an API key as it stands, or a key pair that signs for tokens."""

import datetime as dt
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pcare_cli.conformance.credential import NOBODY, Bearer, Pair, Signing, UnusableCredentialError, bearer_of
from pcare_common.clock import FixedClock

NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def pem(key: Any) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "private.pem"
    path.write_bytes(pem(KEY))
    return path


def test_a_credential_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("pcare_rke_secret\n")
    assert bearer_of(file, {}) == Bearer("pcare_rke_secret")
    assert bearer_of(None, {"PCARE_API_KEY": "x"}) == Bearer("x")
    assert bearer_of(None, {}) == NOBODY
    file.write_text("two words")
    with pytest.raises(UnusableCredentialError, match="one line"):
        bearer_of(file, {})
    with pytest.raises(UnusableCredentialError, match="cannot be read"):
        bearer_of(tmp_path / "none", {})


async def test_it_signs_for_a_token_and_for_another_before_that_expires(file: Path) -> None:
    asked: list[dict[str, Any]] = []

    def give(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/base/oauth2/token"
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        assert form["grant_type"] == "client_credentials"
        audience = "http://test/base/oauth2/token"
        options: Any = {"verify_exp": False, "verify_iat": False}
        claims = jwt.decode(form["client_assertion"], KEY.public_key(), ["ES256"], audience=audience, options=options)
        asked.append(claims)
        return httpx.Response(200, json={"access_token": f"token-{len(asked)}", "expires_in": 600})

    clock = FixedClock(NOW)
    async with httpx.AsyncClient(transport=httpx.MockTransport(give), base_url="http://test/base") as client:
        caller = Signing(client, Pair("client", "kid", file), clock)
        assert await caller.headers() == {"authorization": "Bearer token-1"}
        clock.advance(dt.timedelta(seconds=500))
        assert await caller.headers() == {"authorization": "Bearer token-1"}
        clock.advance(dt.timedelta(seconds=41))
        assert await caller.headers() == {"authorization": "Bearer token-2"}
    assert {claims["iss"] for claims in asked} == {"client"}
    assert len({claims["jti"] for claims in asked}) == 2
    assert asked[0]["exp"] - asked[0]["iat"] == 60


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(401, json={"error": "invalid_client", "error_description": "no such key"}), "no such key"),
        (httpx.Response(502, text="a proxy"), "gives no token: a proxy"),
        (httpx.Response(200, json={"access_token": "x"}), "gives no token"),
    ],
)
async def test_why_there_is_no_token_is_said(file: Path, answer: httpx.Response, words: str) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer), base_url="http://test") as client:
        with pytest.raises(UnusableCredentialError, match=words):
            await Signing(client, Pair("client", "kid", file), FixedClock(NOW)).headers()


async def test_a_key_that_cannot_sign_is_said(tmp_path: Path) -> None:
    file = tmp_path / "private.pem"
    async with httpx.AsyncClient(base_url="http://test") as client:
        for content, words in ((b"nothing", "no private key"), (pem(ed25519.Ed25519PrivateKey.generate()), "must be")):
            file.write_bytes(content)
            with pytest.raises(UnusableCredentialError, match=words):
                Signing(client, Pair("client", "kid", file), FixedClock(NOW))
