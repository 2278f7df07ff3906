"""Ingest that asks who calls: the same load as `measure_ingest`, as ratios to the same without credentials."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from pcare_common import api_keys
from pcare_ingest import token_keys
from results import Figure
from stand import Stand, in_a_process_of_its_own

SECONDS = 4.0
SOURCE = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
WITHOUT_LIMIT = 1_000_000
HALF_OF_THE_BUDGET = 1_250
KEY, CLIENT = api_keys.new(), api_keys.new_id()
SIGNING_KEY = ec.generate_private_key(ec.SECP256R1())
LOGIN = "pcare_bench_edge"


async def measure(stand: Stand, run: int) -> list[Figure]:
    """Measure once. What is compared runs one right after the other."""
    environment = await _register(stand, run)
    async with stand.running("ingest"):
        free_single, free_batch = load(stand, "single", None), load(stand, "batch", None)
    async with stand.running("ingest", **environment):
        token = await _token(stand)
        load(stand, "single", token, "--seconds", "1")
        key_single, key_batch = load(stand, "single", KEY.text), load(stand, "batch", KEY.text)
        token_single, token_batch = load(stand, "single", token), load(stand, "batch", token)
        calm = load(stand, "single", token, "--rate", str(HALF_OF_THE_BUDGET))
    return [
        *_figures("single", "requests", free_single, key_single, token_single),
        Figure("credentials", "single, token, p99 at 1,250/s", "ms", calm["p99_ms"]),
        *_figures("batches of 100", "events", free_batch, key_batch, token_batch),
    ]


def _figures(
    form: str, what: str, free: dict[str, float], key: dict[str, float], token: dict[str, float]
) -> Iterator[Figure]:
    """Speed, which whatever else runs takes part of; and processor time, in which a ratio above 1 is what it costs."""
    for unit, figure in ((f"{what}/s", "accepted_events_per_second"), ("µs of processor", "processor_us")):
        yield Figure("credentials", f"{form}, nobody asked", unit, free[figure])
        yield Figure("credentials", f"{form}, API key", unit, key[figure], free[figure])
        yield Figure("credentials", f"{form}, token", unit, token[figure], free[figure])


def load(stand: Stand, form: str, bearer: str | None, *more: str) -> dict[str, float]:
    """Send for some seconds; return what came of it, with ingest's processor time an event."""
    connections = ("--connections", "64") if form == "single" else ("--connections", "8", "--batch-size", "100")
    proof = () if bearer is None else ("--bearer", bearer)
    command = ("load_http.py", "--url", f"{stand.layout.ingest}/events", "--form", form, "--seconds", str(SECONDS))
    before = stand.processor_seconds("ingest")
    result = in_a_process_of_its_own(*command, *connections, *proof, *more)
    spent = stand.processor_seconds("ingest") - before
    result["processor_us"] = 1e6 * spent / max(1.0, result["accepted_events_per_second"] * SECONDS)
    return result


async def _register(stand: Stand, run: int) -> dict[str, str]:
    """Register the provider and both credentials at the first run. Return what ingest is told."""
    file = Path(stand.layout.key).with_name("token-key")
    if run == 0:
        token_keys.new(file)
        keys = json.dumps({"keys": [{**json.loads(ECAlgorithm.to_jwk(SIGNING_KEY.public_key())), "kid": "k1"}]})
        connection = await asyncpg.connect(stand.dsn)
        act = await connection.fetchval(
            "INSERT INTO pcare.acts (who, what, why) VALUES ('bench', 'bench', 'bench') RETURNING number"
        )
        await connection.execute(
            "INSERT INTO pcare.register (source, name, kind, events_per_second, act) VALUES ($1, $1, 'trust', $2, $3)",
            SOURCE,
            WITHOUT_LIMIT,
            act,
        )
        statement = (
            "INSERT INTO pcare.credentials (id, source, form, secret_sha256, jwks, act) VALUES ($1, $2, $3, $4, $5, $6)"
        )
        await connection.execute(statement, KEY.id, SOURCE, "api_key", api_keys.sha256(KEY.secret), None, act)
        await connection.execute(statement, CLIENT, SOURCE, "private_key_jwt", None, keys, act)
        await connection.execute(f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{LOGIN}' IN ROLE pcare_edge")
        await connection.close()
    parts = urlsplit(stand.dsn)
    return {
        "PCARE_INGEST_CREDENTIALS": "register",
        "PCARE_INGEST_TOKEN_KEY_FILE": str(file),
        "PCARE_POSTGRES_DSN": urlunsplit(parts._replace(netloc=f"{LOGIN}:{LOGIN}@{parts.hostname}:{parts.port}")),
    }


async def _token(stand: Stand) -> str:
    url = f"{stand.layout.ingest}/oauth2/token"
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": url, "exp": time.time() + 60, "jti": str(uuid.uuid4())}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, SIGNING_KEY, "ES256", {"kid": "k1"}),
    }
    async with httpx.AsyncClient(trust_env=False) as client:
        token: str = (await client.post(url, data=form)).raise_for_status().json()["access_token"]
    return token
