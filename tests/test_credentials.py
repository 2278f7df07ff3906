"""The real service with credentials: who gets in, who does not, and that no secret shows."""

import asyncio
import datetime as dt
import json
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from certificates import self_signed
from edge_database import EdgeDatabase
from edge_ingest import OTHER, OWN, event, registering, start_ingest
from pcare_common import api_keys
from system import System

pytestmark = pytest.mark.integration

SINGLE = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SIGNING_KEY, ANOTHER_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
async def database(system: System) -> AsyncIterator[EdgeDatabase]:
    async with registering(system) as database:
        yield database


def assertion(client: str, url: str, *, key: Any = SIGNING_KEY, **claims: Any) -> str:
    whole = {"iss": client, "sub": client, "aud": url, "exp": time.time() + 60, "jti": str(uuid.uuid4()), **claims}
    return jwt.encode(whole, key, "ES256", {"kid": "k1"})


def form(text: str) -> dict[str, str]:
    return {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": text}


def key_set() -> str:
    return json.dumps({"keys": [{**json.loads(ECAlgorithm.to_jwk(SIGNING_KEY.public_key())), "kid": "k1"}]})


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.1)


async def says(http: httpx.AsyncClient, words: str) -> bool:
    """Whether its readiness says this."""
    try:
        return words in (await http.get("/health/ready")).text
    except httpx.TransportError:
        return False


async def test_a_provider_gets_in_by_key_and_by_signature_and_its_events_are_recorded(
    system: System, database: EdgeDatabase
) -> None:
    key, client = await database.add_key(OWN), await database.add_client(OTHER, key_set())
    ingest = start_ingest(system, database)
    await ingest.ready()
    await system.start("recorder")
    url = f"{ingest.address}/oauth2/token"
    async with httpx.AsyncClient(base_url=ingest.address, trust_env=False, timeout=60) as http:
        by_key = await http.post("/events", content=event(), headers={**SINGLE, "X-API-Key": key.text})
        token = (await http.post("/oauth2/token", data=form(assertion(client, url)))).json()["access_token"]
        bearer = {**SINGLE, "Authorization": f"Bearer {token}"}
        by_token = await http.post("/events", content=event(OTHER), headers=bearer)
        of_another = await http.post("/events", content=event(OWN), headers=bearer)
        await database.revoke(client)

        async def is_refused() -> bool:
            return (await http.post("/events", content=event(OTHER), headers=bearer)).status_code == 401

        await until(is_refused)

    assert (by_key.status_code, by_token.status_code, of_another.status_code) == (202, 202, 403)

    async def both_are_recorded() -> bool:
        return {row["source"] for row in await system.fetch("SELECT source FROM pcare.interventions")} == {OWN, OTHER}

    await until(both_are_recorded)


async def test_no_secret_shows_whatever_fails(system: System, database: EdgeDatabase) -> None:
    now = dt.datetime.now(dt.UTC)
    good, expired = await database.add_key(OWN), await database.add_key(OWN, expires_at=now - dt.timedelta(days=1))
    revoked, client = await database.add_key(OWN), await database.add_client(OWN, key_set())
    await database.revoke(revoked.id)
    ingest = start_ingest(system, database, PCARE_LOG_LEVEL="debug")
    await ingest.ready()
    url = f"{ingest.address}/oauth2/token"
    strangers = api_keys.new()
    sent = [good.text, expired.text, revoked.text, strangers.text, f"pcare_{good.id}_{strangers.secret}"]
    assertions = [
        assertion(client, url),
        assertion(client, url, key=ANOTHER_KEY),
        assertion("nobodyknows", url),
        assertion(client, "https://elsewhere.example"),
        assertion(client, url, exp=time.time() - 3600),
        assertion(client, url, exp=time.time() + 36000),
        "not.an.assertion",
    ]
    seen = ""
    async with httpx.AsyncClient(base_url=ingest.address, trust_env=False, timeout=60) as http:
        for text in [*assertions, assertions[0]]:
            answer = await http.post("/oauth2/token", data=form(text))
            if answer.status_code == 200:
                sent.append(answer.json()["access_token"])
            else:
                seen += answer.text + str(answer.headers)
        sent += [sent[-1][:-6] + "AAAAAA", *assertions, "Basic-secret-of-somebody"]
        # each once to begin with: what fails from one address beyond the thirtieth time is not logged
        ways = [{"Authorization": f"Bearer {text}"} for text in sent]
        ways += [{"X-API-Key": text} for text in sent] + [{"Authorization": f"Basic {text}"} for text in sent]
        for headers in [{}, *ways]:
            answer = await http.post("/events", content=event(OTHER), headers=SINGLE | headers)
            seen += answer.text + str(answer.headers)
        for headers in ways:
            answer = await http.post("/events", content=b"{", headers=BATCH | headers)
            seen += answer.text + str(answer.headers)
        for text in sent:
            await http.get(f"/nowhere?key={text}", headers={"Authorization": f"Bearer {text}"})
        seen += (await http.get("/metrics")).text + (await http.get("/openapi.json")).text
    ingest.terminate()
    said = system.logs() + seen

    assert len(sent) == 15, "a token was given, so every kind was tried"
    kinds = "missing malformed key_unknown token_unknown expired assertion_wrong assertion_untrusted assertion_repeated"
    for kind in kinds.split():
        assert f'"kind": "{kind}"' in system.logs(), f"{kind} was not provoked"
    secrets = [key.secret for key in (good, expired, revoked, strangers)]
    secrets += [text.rsplit(".", 1)[1] for text in [*sent, *assertions] if text.count(".") == 2 and "not." not in text]
    secrets += [text for text in sent if text != "not.an.assertion"]
    key_file = (system.directory / "token-key").read_text().strip().split(":")[1]
    secrets += [database.password, database.edge_dsn, key_file, bytes.fromhex(key_file).hex(" ")]
    for secret in secrets:
        assert secret not in said


async def test_it_speaks_tls_with_a_certificate_of_ours(system: System, database: EdgeDatabase, tmp_path: Path) -> None:
    certificate, private = self_signed(tmp_path)
    key = await database.add_key(OWN)
    tls = {"PCARE_INGEST_TLS_CERTIFICATE": str(certificate), "PCARE_INGEST_TLS_KEY": str(private)}
    ingest = start_ingest(system, database, **tls)
    address = ingest.address.replace("http:", "https:")
    context = ssl.create_default_context(cafile=str(certificate))
    async with httpx.AsyncClient(base_url=address, trust_env=False, verify=context) as http:
        await until(lambda: says(http, '"ok"'))
        answer = await http.post("/events", content=event(), headers={**SINGLE, "X-API-Key": key.text})

    assert answer.status_code == 202
    assert ingest.terminate() == 0


async def test_without_the_database_it_starts_says_what_is_missing_and_lets_nobody_in(
    system: System, database: EdgeDatabase
) -> None:
    key = await database.add_key(OWN)
    await database.connection.execute(f"ALTER ROLE {database.login} NOLOGIN")
    ingest = start_ingest(system, database)
    async with httpx.AsyncClient(base_url=ingest.address, trust_env=False, timeout=60) as http:
        await until(lambda: says(http, "Check user and password in PCARE_POSTGRES_DSN"))
        refused = await http.post("/events", content=event(), headers={**SINGLE, "X-API-Key": key.text})
        await database.connection.execute(f"ALTER ROLE {database.login} LOGIN")
        await ingest.ready()
        taken = await http.post("/events", content=event(), headers={**SINGLE, "X-API-Key": key.text})

    assert (refused.status_code, refused.json()["reason"]) == (503, "register_unavailable")
    assert taken.status_code == 202
