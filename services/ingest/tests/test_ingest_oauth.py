"""POST /oauth2/token, and what its tokens are good for."""

import asyncio
import base64
import datetime as dt
import json
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from credential_support import (
    ANOTHER_KEY,
    CLIENT,
    RAL,
    RSA_KEY,
    SIGNING_KEY,
    TOKEN_KEYS,
    TOKEN_URL,
    Guarded,
    assertion,
    by_signature,
    guarded,
    jwk,
    jwks,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_support import turns

from pcare_ingest import token_endpoint
from pcare_ingest.public_keys import public_keys
from pcare_ingest.token_endpoint import ASSERTION_TYPE

KEYS = jwks(jwk(SIGNING_KEY, "k1"), jwk(RSA_KEY, "r1"))
THUMBPRINT = public_keys(KEYS)["k1"].thumbprint


@pytest.fixture
def edge() -> Guarded:
    made = guarded()
    made.knows(by_signature(KEYS))
    return made


async def test_a_signed_assertion_gives_a_token_that_lets_events_in(edge: Guarded, event: dict[str, Any]) -> None:
    given_ = await edge.ask()

    assert given_.status_code == 200
    assert given_.headers["cache-control"] == "no-store"
    answer = given_.json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
    assert (await edge.send(event, authorization=f"Bearer {answer['access_token']}")).status_code == 202
    assert (
        await edge.send(event | {"source": RAL}, authorization=f"Bearer {answer['access_token']}")
    ).status_code == 403
    assert edge.service.registry.get_sample_value("pcare_ingest_tokens_total", {"provider": "RKE"}) == 1


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
async def test_each_algorithm_of_an_rsa_key_is_taken(edge: Guarded, algorithm: str) -> None:
    signed = assertion(edge.clock.now(), key=RSA_KEY, kid="r1", algorithm=algorithm)

    assert (await edge.ask(signed)).status_code == 200


async def test_audience_may_be_a_list_and_client_id_may_be_named(edge: Guarded) -> None:
    signed = assertion(edge.clock.now(), aud=["https://elsewhere.example", TOKEN_URL])

    assert (await edge.ask(signed, client_id=CLIENT, scope="whatever")).status_code == 200


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": "https://elsewhere.example/oauth2/token"}, f"aud must be {TOKEN_URL}"),
        ({"aud": None}, "aud must be"),
        ({"iss": "somebody"}, "iss and sub"),
        ({"sub": None}, "iss and sub"),
        ({"iss": 1, "sub": 1}, "iss and sub"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": "x" * 129}, "jti"),
        ({"jti": 7}, "jti"),
        ({"exp": None}, "exp must be"),
        ({"exp": "soon"}, "exp must be"),
        ({"exp": True}, "exp must be"),
        ({"kid": None}, "kid"),
    ],
)
async def test_what_is_wrong_with_the_claims_is_told(edge: Guarded, claims: dict[str, Any], words: str) -> None:
    if "kid" in claims:
        signed = assertion(edge.clock.now(), kid=None)
    elif isinstance(claims.get("iss"), int) or isinstance(claims.get("jti"), int):
        signed = _signed_as_it_is({**_claims(edge), **claims})
    else:
        signed = assertion(edge.clock.now(), **claims)

    refused = await edge.ask(signed)

    assert refused.status_code == 401
    assert refused.headers["cache-control"] == "no-store"
    assert refused.headers["www-authenticate"] == 'Bearer realm="pcare"'
    assert refused.json()["error"] == "invalid_client"
    assert words in refused.json()["error_description"]
    assert edge.failures("assertion_wrong") == 1


@pytest.mark.parametrize(
    ("claim", "seconds", "status"),
    [
        ("exp", 300, 200),
        ("exp", 330, 200),  # the client's clock may be half a minute off
        ("exp", 331, 401),
        ("exp", 3600, 401),
        ("exp", -29, 200),
        ("exp", -30, 401),
        ("iat", 30, 200),
        ("iat", 31, 401),
        ("nbf", 30, 200),
        ("nbf", 31, 401),
    ],
)
async def test_an_assertion_has_its_time(edge: Guarded, claim: str, seconds: int, status: int) -> None:
    signed = assertion(edge.clock.now(), **{claim: edge.clock.now().timestamp() + seconds})

    assert (await edge.ask(signed)).status_code == status


async def test_who_is_not_known_and_who_signed_by_another_key_are_answered_alike(edge: Guarded) -> None:
    now = edge.clock.now()
    answers = [
        await edge.ask(assertion(now, iss="nobody", sub="nobody")),
        await edge.ask(assertion(now, kid="k2")),
        await edge.ask(assertion(now, key=ANOTHER_KEY)),
        await edge.ask(assertion(now, kid="r1")),  # a key that cannot have signed by that algorithm
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert edge.failures("assertion_untrusted") == 4


async def test_an_unsigned_assertion_and_one_signed_by_the_public_key_are_refused(edge: Guarded) -> None:
    public = json.dumps(jwk(SIGNING_KEY, "k1"))
    for header, key in (({"alg": "none", "kid": "k1"}, None), ({"alg": "HS256", "kid": "k1"}, public)):
        signed = _signed_as_it_is(_claims(edge), header, key)
        refused = await edge.ask(signed)
        assert refused.status_code == 401
        assert "alg must be one of ES256, ES384, PS256" in refused.json()["error_description"]


async def test_a_key_is_good_for_the_algorithm_that_it_names(edge: Guarded) -> None:
    edge.knows(by_signature(jwks(jwk(RSA_KEY, "r1", alg="PS256"), jwk(SIGNING_KEY, "k1", use="enc"))))

    named = await edge.ask(assertion(edge.clock.now(), key=RSA_KEY, kid="r1", algorithm="PS256"))
    another = await edge.ask(assertion(edge.clock.now(), key=RSA_KEY, kid="r1", algorithm="RS256", jti="2"))
    for_another_use = await edge.ask(assertion(edge.clock.now(), jti="3"))

    assert [one.status_code for one in (named, another, for_another_use)] == [200, 401, 401]


async def test_an_assertion_is_taken_once(edge: Guarded) -> None:
    signed = assertion(edge.clock.now())

    first, second = await edge.ask(signed), await edge.ask(signed)

    assert (first.status_code, second.status_code) == (200, 401)
    assert "used before" in second.json()["error_description"]
    assert edge.failures("assertion_repeated") == 1


async def test_a_client_that_asks_for_a_token_each_time_is_told_to_stop(edge: Guarded) -> None:
    statuses = [(await edge.ask(assertion(edge.clock.now(), jti=str(number)))).status_code for number in range(1_001)]

    assert statuses == [200] * 1_000 + [429]
    edge.clock.advance(dt.timedelta(minutes=6))
    assert (await edge.ask()).status_code == 200


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, "unsupported_grant_type"),
        ({"client_assertion_type": "x"}, "invalid_request"),
        ({"client_assertion": ""}, "invalid_request"),
    ],
)
async def test_another_grant_is_told_as_the_rfc_has_it(edge: Guarded, form: dict[str, str], code: str) -> None:
    refused = await edge.ask(**form)

    assert (refused.status_code, refused.json()["error"]) == (400, code)
    assert refused.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{}", "application/json", 400, "invalid_request"),
        (b"", "application/x-www-form-urlencoded", 400, "invalid_request"),
        (b"grant_type", "application/x-www-form-urlencoded", 400, "invalid_request"),
        (
            b"grant_type=client_credentials&grant_type=client_credentials",
            "application/x-www-form-urlencoded",
            400,
            "invalid_request",
        ),
        (b"scope=x", "application/x-www-form-urlencoded", 400, "invalid_request"),
        ("grant_type=ä".encode(), "application/x-www-form-urlencoded", 400, "invalid_request"),
        (b"a=" + b"x" * 20_000, "application/x-www-form-urlencoded", 400, "invalid_request"),
        (b"&".join(b"a%d=1" % n for n in range(50)), "application/x-www-form-urlencoded", 400, "invalid_request"),
        (
            b"grant_type=client_credentials&client_id=a&client_secret=b",
            "application/x-www-form-urlencoded",
            401,
            "invalid_client",
        ),
    ],
)
async def test_what_is_no_request_for_a_token(
    edge: Guarded, content: bytes, content_type: str, status: int, code: str
) -> None:
    answer = await edge.service.client.post("/oauth2/token", content=content, headers={"content-type": content_type})

    assert (answer.status_code, answer.json()["error"]) == (status, code)


async def test_a_token_ends_with_its_time_its_key_and_its_credential(edge: Guarded, event: dict[str, Any]) -> None:
    bearer = f"Bearer {(await edge.ask()).json()['access_token']}"
    assert (await edge.send(event, authorization=bearer)).status_code == 202

    edge.knows(by_signature(jwks(jwk(RSA_KEY, "r1"))))
    without_key = await edge.send(event, authorization=bearer)
    edge.knows()
    revoked = await edge.send(event, authorization=bearer)
    edge.knows(by_signature(KEYS))
    again = await edge.send(event, authorization=bearer)
    edge.clock.advance(dt.timedelta(seconds=600))
    expired = await edge.send(event, authorization=bearer)

    assert [one.status_code for one in (without_key, revoked, again, expired)] == [401, 401, 202, 401]
    assert (edge.failures("revoked"), edge.failures("token_expired")) == (2, 1)


async def test_a_token_of_a_lost_key_does_not_come_back_by_another_key_of_the_same_name(
    edge: Guarded, event: dict[str, Any]
) -> None:
    bearer = f"Bearer {(await edge.ask()).json()['access_token']}"
    edge.knows(by_signature(jwks(jwk(RSA_KEY, "r1"))))
    edge.knows(by_signature(jwks(jwk(RSA_KEY, "r1"), jwk(ANOTHER_KEY, "k1"))))

    of_the_lost_one = await edge.send(event, authorization=bearer)
    anew = await edge.ask(assertion(edge.clock.now(), key=ANOTHER_KEY, jti="2"))
    of_the_other = await edge.send(event, authorization=f"Bearer {anew.json()['access_token']}")
    edge.knows(by_signature(jwks(jwk(SIGNING_KEY, "another-name"))))
    renamed = await edge.send(event, authorization=bearer)

    assert [one.status_code for one in (of_the_lost_one, of_the_other, renamed)] == [401, 202, 202]
    assert edge.failures("revoked") == 1


async def test_a_token_of_nobody_is_no_token(edge: Guarded, event: dict[str, Any]) -> None:
    token = (await edge.ask()).json()["access_token"]
    header, claims, signature = token.split(".")
    forged_claims = (
        base64.urlsafe_b64encode(
            json.dumps(jwt.decode(token, options={"verify_signature": False}) | {"exp": 9e9}).encode()
        )
        .decode()
        .rstrip("=")
    )
    forged = [
        f"{header}.{forged_claims}.{signature}",
        f"{header}.{claims}.",
        f"{header}.{claims}.{signature[::-1]}",
        assertion(edge.clock.now()),
        jwt.encode(
            {"sub": CLIENT, "key": THUMBPRINT, "aud": "pcare-ingest", "exp": 9e9},
            "x" * 32,
            "HS256",
            {"kid": "t1", "typ": "at+jwt"},
        ),
        token + "a" * 3_000,
    ]

    for one in forged:
        assert (await edge.send(event, authorization=f"Bearer {one}")).status_code == 401, one
    assert edge.failures("token_unknown") == len(forged)


async def test_a_text_of_another_type_is_no_token_though_our_key_signed_it(
    edge: Guarded, event: dict[str, Any]
) -> None:
    claims = {"sub": CLIENT, "key": THUMBPRINT, "aud": "pcare-ingest", "exp": 9e9}
    for kind, status in (("at+jwt", 202), ("JWT", 401)):
        token = jwt.encode(claims, TOKEN_KEYS.secrets["t1"], "HS256", {"kid": "t1", "typ": kind})
        assert (await edge.send(event, authorization=f"Bearer {token}")).status_code == status


async def test_a_parameter_that_is_there_twice_is_not_guessed_at(edge: Guarded) -> None:
    fields = f"grant_type=client_credentials&client_assertion_type={quote(ASSERTION_TYPE)}&client_assertion="
    once = fields + assertion(edge.clock.now())
    headers = {"content-type": "application/x-www-form-urlencoded"}

    twice = await edge.service.client.post("/oauth2/token", content=f"{once}&client_assertion=x", headers=headers)
    good = await edge.service.client.post("/oauth2/token", content=once, headers=headers)

    assert (twice.status_code, twice.json()["error_description"]) == (400, "A parameter is there twice.")
    assert good.status_code == 200


async def test_a_client_of_another_time_gets_no_token(edge: Guarded) -> None:
    edge.knows(by_signature(KEYS, expires_at=edge.clock.now()))

    refused = await edge.ask()

    assert refused.status_code == 401
    assert "expired" in refused.json()["error_description"]


class Slow:
    """A client, known to nobody, that sends nearly all that it may and then nothing more."""

    def __init__(self, edge: Guarded) -> None:
        self._app = edge.service.app
        self._sent = False
        self.answer: list[Any] = []
        self.all_taken = asyncio.Event()

    async def ask(self) -> None:
        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        request = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/oauth2/token", "headers": headers}
        await self._app({**request, "query_string": b"", "client": ("10.0.0.1", 1)}, self._receive, self._send)

    async def _receive(self) -> Any:
        if self._sent:
            self.all_taken.set()
            await asyncio.Event().wait()
        self._sent = True
        return {"type": "http.request", "body": b"x" * (token_endpoint.MAX_BYTES - 1), "more_body": True}

    async def _send(self, message: Any) -> None:
        self.answer.append(message)


async def test_connections_that_send_slowly_keep_nobody_from_a_token(edge: Guarded) -> None:
    slow = [Slow(edge) for _ in range(1_000)]
    tasks = [asyncio.create_task(one.ask()) for one in slow]
    await turns()
    assert all(one.all_taken.is_set() for one in slow)

    answer = await edge.ask()

    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert answer.status_code == 200


async def test_a_body_has_its_time_which_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_endpoint, "READ_WITHIN_SECONDS", 0.0)
    slow = Slow(guarded(ingest_read_within_seconds=60))

    async with asyncio.timeout(5):
        await slow.ask()

    assert slow.answer[0]["status"] == 400
    assert b"did not come in time" in slow.answer[1]["body"]


async def test_while_the_register_is_not_known_a_client_is_to_come_back() -> None:
    answer = await guarded().ask()

    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_without_credentials_there_are_no_tokens(service: Any) -> None:
    assert (await service.client.post("/oauth2/token")).status_code == 404


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)


@settings(max_examples=200)
@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5u"]), VALUES, max_size=4),
    claims=st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "jti", "iat", "nbf"]), VALUES),
    well=st.booleans(),
)
async def test_whatever_an_assertion_holds_is_answered_as_refused(
    header: dict[str, Any], claims: dict[str, Any], well: bool
) -> None:
    edge = guarded()
    edge.knows(by_signature(KEYS))
    start = {"alg": "ES256", "kid": "k1"} if well else {}

    answer = await edge.ask(_signed_as_it_is(claims, start | header))

    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"


def _claims(edge: Guarded) -> dict[str, Any]:
    seconds = edge.clock.now().timestamp()
    return {"iss": CLIENT, "sub": CLIENT, "aud": TOKEN_URL, "exp": seconds + 60, "jti": "1"}


def _signed_as_it_is(claims: Any, header: Any = None, key: str | None = "secret") -> str:
    """Write what a client library would not."""
    import hashlib
    import hmac

    parts = [header or {"alg": "ES256", "kid": "k1"}, claims]
    text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = b"" if key is None else hmac.new(key.encode(), text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()
