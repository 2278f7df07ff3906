"""Providers with credentials, and clients that sign, for tests."""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from ingest_support import RULES, Service, build
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from prometheus_client import CollectorRegistry

from pcare_common import api_keys
from pcare_common.clock import FixedClock
from pcare_ingest.credentials import by_register
from pcare_ingest.knowledge import Knowledge
from pcare_ingest.providers import Credential, Providers
from pcare_ingest.public_keys import public_keys
from pcare_ingest.rate_limit import Granted
from pcare_ingest.settings import IngestSettings
from pcare_ingest.token_keys import TokenKeys
from pcare_schemas.examples import RECEIVED
from pcare_schemas.register import ODS_SOURCE, Register

RKE, RAL, RAP = (ODS_SOURCE + code for code in ("RKE", "RAL", "RAP"))
TOKEN_URL = "http://127.0.0.1:8080/oauth2/token"
LONG_AGO = dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
TOKEN_KEYS = TokenKeys("t1", {"t1": bytes(range(32))})
SIGNING_KEY = ec.generate_private_key(ec.SECP256R1())
ANOTHER_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65_537, 2_048)
CLIENT = "bcdfghjkmnpq"


def jwk(key: Any, kid: str, **more: str) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    public: dict[str, Any] = json.loads(algorithm.to_jwk(key.public_key()))
    return {**public, "kid": kid, "use": "sig", **more}


def jwks(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": list(keys)})


def by_key(key: api_keys.ApiKey, source: str = RKE, **more: Any) -> Credential:
    sha256 = api_keys.sha256(key.secret)
    return Credential(key.id, source, "api_key", sha256, {}, more.get("valid_from", LONG_AGO), more.get("expires_at"))


def by_signature(keys: str, source: str = RKE, client: str = CLIENT, **more: Any) -> Credential:
    begins = more.get("valid_from", LONG_AGO)
    return Credential(client, source, "private_key_jwt", None, public_keys(keys), begins, more.get("expires_at"))


def providers(*credentials: Credential, register: Register = RULES.register, **rates: int) -> Providers:
    known = {credential.id: credential for credential in credentials}
    by_source = {ODS_SOURCE + code: rate for code, rate in rates.items()}
    return Providers(register, known, by_source, Granted(5_000, 10))


def assertion(
    now: dt.datetime, *, key: Any = SIGNING_KEY, kid: str | None = "k1", algorithm: str = "ES256", **claims: Any
) -> str:
    """Sign an assertion that is well; a claim that is None is left out."""
    seconds = now.timestamp()
    whole = {"iss": CLIENT, "sub": CLIENT, "aud": TOKEN_URL, "exp": seconds + 240, "jti": f"j{seconds}", **claims}
    stated = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(stated, key, algorithm, None if kid is None else {"kid": kid})


@dataclass
class Guarded:
    """The service with credentials, and what it knows."""

    service: Service
    knowledge: Knowledge
    clock: FixedClock

    def knows(self, *credentials: Credential, **rates: int) -> None:
        self.knowledge.learn(RULES, providers(*credentials, **rates))

    async def send(self, event: Any, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.service.client.post(
            "/events",
            content=json.dumps(event).encode(),
            headers={"content-type": "application/cloudevents+json", **named},
        )

    async def ask(self, text: str | None = None, **form: str) -> Any:
        fields = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion(self.clock.now()) if text is None else text,
            **form,
        }
        return await self.service.client.post("/oauth2/token", data=fields)

    def failures(self, kind: str) -> float:
        found = self.service.registry.get_sample_value("pcare_ingest_callers_refused_total", {"kind": kind})
        return found or 0.0


def guarded(**settings: Any) -> Guarded:
    clock, registry = FixedClock(RECEIVED), CollectorRegistry()
    configured = IngestSettings(**settings)
    knowledge = Knowledge(RULES, clock, stale=configured.ingest_register_stale)
    known = by_register(configured, knowledge, TOKEN_KEYS, clock=clock, registry=registry)
    return Guarded(build(known=known, clock=clock, registry=registry, **settings), knowledge, clock)
