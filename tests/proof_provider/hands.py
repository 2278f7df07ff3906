"""What the operator types. The only place of the proof that knows the options of `pcare providers` and `pcare keys`."""

import asyncio
import json
import re
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proof_provider.stage import WHY, Stage, source_of

SECONDS_TO_SPREAD = 15.0
SECONDS_UNTIL_KNOWN = 1.5  # ingest looks every half second here
API_KEY = re.compile(r"pcare_[a-z]{12}_[A-Za-z]{45}")
CLIENT = re.compile(r"signs as client (\S+), by")
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def register(stage: Stage, code: str, *more: str) -> None:
    """Enter a provider into the register."""
    await stage.must("providers", "add", _named(code), *more, *WHY)


async def give_key(stage: Stage, code: str, *more: str) -> str:
    """Give a provider an API key, and return it. It may take moments until ingest knows it."""
    output = await stage.must("providers", "key", "new", _named(code), *more, *WHY)
    found = API_KEY.search(output)
    assert found is not None, f"no API key is shown in: {output}"
    stage.secrets.append(found[0])
    stage.keys[code] = found[0]
    return found[0]


async def revoke(stage: Stage, credential: str) -> None:
    """Revoke a credential, by its public id."""
    await stage.must("providers", "revoke", credential, *WHY)


def id_of(key: str) -> str:
    """Return the public part of an API key."""
    return key.split("_")[1]


async def answers(stage: Stage, key: str | None, status: int, within: float = SECONDS_TO_SPREAD) -> bool:
    """Wait until a check with this credential is answered with a status other than, or equal to, 401 as asked."""
    async with stage.client(key) as client:
        for _ in range(int(within / 0.1)):
            answer = await client.post("/events/check", content=b"?", headers={"content-type": "application/json"})
            if (answer.status_code == 401) == (status == 401):
                return True
            await asyncio.sleep(0.1)
    return False


class SigningKey:
    """A provider's own key pair, of which the programme is given the public half."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        self.private = ec.generate_private_key(ec.SECP384R1())

    def public(self) -> dict[str, Any]:
        """Return the public half as a JSON Web Key."""
        found = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key()))
        return {**found, "kid": self.key_id, "alg": "ES384", "use": "sig"}

    def pem(self) -> bytes:
        """Return the private half, for a client that reads it."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def assertion(self, client: str, audience: str, **other: Any) -> str:
        """Return a signed assertion; `other` claims stand in place of the right ones."""
        now = int(time.time())
        claims = {"iss": client, "sub": client, "aud": audience, "jti": str(uuid.uuid4()), "iat": now, "exp": now + 60}
        return jwt.encode({**claims, **other}, self.private, "ES384", headers={"kid": self.key_id})


async def add_keys(stage: Stage, code: str, file: Path, *keys: SigningKey) -> str:
    """Add public keys of a provider, and return its client id."""
    await asyncio.to_thread(file.write_text, json.dumps({"keys": [key.public() for key in keys]}))
    output = await stage.must("providers", "jwks", "add", _named(code), "--file", str(file), *WHY)
    found = CLIENT.search(output)
    assert found is not None, f"no client id is shown in: {output}"
    await asyncio.sleep(SECONDS_UNTIL_KNOWN)
    return found[1]


async def remove_key(stage: Stage, code: str, key: SigningKey) -> None:
    """Accept a public key no longer."""
    await stage.must("providers", "jwks", "remove", _named(code), key.key_id, *WHY)
    await asyncio.sleep(SECONDS_UNTIL_KNOWN)


async def token(stage: Stage, assertion: str) -> httpx.Response:
    """Ask for an access token."""
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "client_assertion": assertion}
    async with stage.client(None) as client:
        return await client.post("/oauth2/token", data=form)


def _named(code: str) -> str:
    return code if code.isupper() else source_of(code)
