"""Who calls: keys and tokens, fetched once, renewed when they have to be, shown never."""

from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sdk_support import accepted, an_event, carry_out, context, reply

from pcare_client import ApiKey, ClientCredentials, NotUnderstoodError, RefusedError, UnavailableError
from pcare_client.exchange import Request
from pcare_client.operations import SEND, deliver

TOKEN = {"access_token": "first", "token_type": "Bearer", "expires_in": 300}
AUDIENCE = "https://ingest.example/oauth2/token"


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def credentials(rsa_key):
    return ClientCredentials("rke-client", pem(rsa_key), "rke-1", audience=AUDIENCE)


def sending(event, who, now=lambda: 1_700_000_000.0):
    return deliver([event], context(credentials=who, now=now), path=SEND, compress=False)


def test_an_api_key_goes_as_a_bearer_and_is_never_shown(monkeypatch):
    monkeypatch.setenv("PCARE_API_KEY", "pcare_abc_secret\n")
    key, event = ApiKey.from_env(), an_event()
    _, requests, _ = carry_out(sending(event, key), [accepted(event)])
    assert requests[0].headers["Authorization"] == "Bearer pcare_abc_secret"
    assert "secret" not in repr(key) + repr(requests[0])


def test_a_refused_key_is_not_tried_again():
    error, requests, _ = carry_out(sending(an_event(), ApiKey("k")), [reply(401, {"reason": "unauthenticated"})])
    assert isinstance(error, RefusedError)
    assert len(requests) == 1


def test_the_assertion_is_what_the_token_endpoint_needs(credentials, rsa_key):
    event = an_event()
    _, requests, _ = carry_out(sending(event, credentials), [reply(200, TOKEN), accepted(event)])
    assert [request.path for request in requests] == ["/oauth2/token", "/events"]
    form = {name: values[0] for name, values in parse_qs(requests[0].content.decode()).items()}
    assert form["grant_type"] == "client_credentials"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assertion = form["client_assertion"]
    assert jwt.get_unverified_header(assertion) == {"alg": "RS512", "kid": "rke-1", "typ": "JWT"}
    claims = jwt.decode(assertion, rsa_key.public_key(), ["RS512"], audience=AUDIENCE, options={"verify_exp": False})
    assert claims["iss"] == claims["sub"] == "rke-client"
    assert claims["exp"] - claims["iat"] <= 300
    assert requests[1].headers["Authorization"] == "Bearer first"


def test_no_assertion_is_used_twice(credentials, rsa_key):
    event = an_event()
    outcomes = [reply(503), reply(200, TOKEN), accepted(event)]
    _, requests, _ = carry_out(sending(event, credentials), outcomes)
    assert requests[0].content != requests[1].content


def test_a_token_is_kept_until_shortly_before_its_end(credentials):
    event, time = an_event(), [1_000.0]
    now = lambda: time[0]  # noqa: E731
    carry_out(sending(event, credentials, now), [reply(200, TOKEN), accepted(event)])
    time[0] += 269
    assert [r.path for r in carry_out(sending(event, credentials, now), [accepted(event)])[1]] == ["/events"]
    time[0] += 2
    outcomes = [reply(200, {**TOKEN, "access_token": "second"}), accepted(event)]
    requests = carry_out(sending(event, credentials, now), outcomes)[1]
    assert requests[1].headers["Authorization"] == "Bearer second"


def test_a_refused_token_is_renewed_once(credentials):
    event, no = an_event(), reply(401, {"reason": "unauthenticated"})
    outcomes = [reply(200, TOKEN), no, reply(200, {**TOKEN, "access_token": "second"}), accepted(event)]
    verdicts, requests, waits = carry_out(sending(event, credentials), outcomes)
    assert verdicts[0].accepted
    assert requests[3].headers["Authorization"] == "Bearer second"
    assert not waits
    outcomes = [no, reply(200, TOKEN), no]
    assert isinstance(carry_out(sending(event, credentials), outcomes)[0], RefusedError)


def test_a_token_endpoint_that_is_away_is_waited_for_but_not_for_ever(credentials):
    event = an_event()
    verdicts, _, waits = carry_out(sending(event, credentials), [reply(503), reply(200, TOKEN), accepted(event)])
    assert verdicts[0].accepted
    assert len(waits) == 1
    credentials.renew()
    error, _, _ = carry_out(sending(event, credentials), [reply(503)] * 8)
    assert isinstance(error, UnavailableError)
    assert error.events == (event,)


def test_credentials_that_are_refused_are_said_to_be(credentials):
    refusal = reply(401, {"error": "invalid_client", "error_description": "unknown kid"})
    error, requests, _ = carry_out(sending(an_event(), credentials), [refusal])
    assert isinstance(error, RefusedError)
    assert (error.problem.reason, error.problem.detail) == ("invalid_client", "unknown kid")
    assert len(requests) == 1


def test_an_answer_without_a_token_is_no_token(credentials):
    error, _, _ = carry_out(sending(an_event(), credentials), [reply(200, {"expires_in": 3})])
    assert isinstance(error, NotUnderstoodError)


@pytest.mark.parametrize(
    ("make", "algorithm"),
    [
        (lambda: ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (lambda: ec.generate_private_key(ec.SECP384R1()), "ES384"),
    ],
)
def test_the_algorithm_follows_from_the_key(make, algorithm, tmp_path):
    file = tmp_path / "key.pem"
    file.write_bytes(pem(make()))
    credentials = ClientCredentials.from_file("c", file, "kid", audience=AUDIENCE)
    event = an_event()
    request: Request = carry_out(sending(event, credentials), [reply(200, TOKEN), accepted(event)])[1][0]
    assertion = parse_qs(request.content.decode())["client_assertion"][0]
    assert jwt.get_unverified_header(assertion)["alg"] == algorithm
    assert "PRIVATE" not in repr(credentials)


def test_a_key_that_the_service_does_not_take_is_refused_at_once():
    with pytest.raises(ValueError, match="P-256"):
        ClientCredentials("c", pem(ed25519.Ed25519PrivateKey.generate()), "kid", audience=AUDIENCE)


@pytest.mark.parametrize("text", ["", " ", "two lines\nof it", "clé", "a b"])
def test_what_cannot_be_an_api_key_is_refused_and_not_repeated(text):
    with pytest.raises(ValueError, match="no API key") as caught:
        ApiKey(text)
    assert not text.strip() or text not in str(caught.value)
