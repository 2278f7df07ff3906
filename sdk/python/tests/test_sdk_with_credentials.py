"""The client package against ingest with credentials on: a key, a signed assertion, checks and gzip."""

import pytest
from credential_support import CLIENT, RSA_KEY, TOKEN_URL, by_key, by_signature, guarded, jwk, jwks
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sdk_support import an_event

from pcare_client import ApiKey, AsyncClient, ClientCredentials, RefusedError
from pcare_common import api_keys


def client(service, credentials, **options) -> AsyncClient:
    made = AsyncClient("http://ingest", source="RKE", http=service.service.client, credentials=credentials, **options)
    object.__setattr__(made._context, "now", lambda: service.clock.now().timestamp())
    return made


async def test_a_key_lets_its_provider_in_and_nobody_else():
    service, key = guarded(), api_keys.new()
    service.knows(by_key(key))
    assert (await client(service, ApiKey(key.text)).send(an_event())).accepted
    for wrong in (ApiKey(key.text[:-1]), None):
        with pytest.raises(RefusedError) as caught:
            await client(service, wrong).send(an_event())
        assert caught.value.problem.reason == "unauthenticated"
        assert key.secret not in str(caught.value)


async def test_a_signed_assertion_gets_a_token_that_is_used_again():
    service = guarded()
    service.knows(by_signature(jwks(jwk(RSA_KEY, "rke-1"))))
    pem = RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    sender = client(service, ClientCredentials(CLIENT, pem, "rke-1", audience=TOKEN_URL))
    assert (await sender.send(an_event())).accepted
    assert (await sender.send(an_event())).accepted
    another = client(service, ClientCredentials(CLIENT, pem, "rke-2", audience=TOKEN_URL))
    with pytest.raises(RefusedError) as caught:
        await another.send(an_event())
    assert caught.value.problem.reason == "invalid_client"


async def test_an_event_of_somebody_else_is_its_verdict_not_an_error():
    service, key = guarded(), api_keys.new()
    service.knows(by_key(key))
    from pcare_client import Events

    other = Events("RAL").sp_declined(nhs_number="9990000018", time="2024-04-19T10:00:00Z", borough="E09000019")
    mine = an_event()
    verdicts = [one async for one in client(service, ApiKey(key.text)).send_many([other, mine])]
    assert [one.accepted for one in verdicts] == [False, True]
    assert verdicts[0].problem.reason == "source_not_allowed"


async def test_a_check_stores_nothing_and_gzip_is_taken():
    service, key = guarded(), api_keys.new()
    service.knows(by_key(key))
    sender = client(service, ApiKey(key.text), compress=True)
    assert [one.accepted async for one in sender.check([an_event(), an_event()])] == [True, True]
    assert not service.service.publisher.records
    verdict = await sender.send(an_event())
    assert verdict.accepted
    assert verdict.receipt is not None
