"""Credentials are rotated without a break: the new one beside the old, then the old one opens nothing."""

import asyncio
import datetime as dt

from events import referral
from proof_provider import hands
from proof_provider.checks import Checks
from proof_provider.joining import OTHER
from proof_provider.stage import ONE, Stage, source_of

SECONDS_OF_LIFE = 6
ACTS = {"credential-revoked", "signing-keys-added", "signing-key-removed"}


async def play(stage: Stage, checks: Checks) -> None:
    """Rotate an API key, then a key pair."""
    old = stage.keys[OTHER]
    new = await hands.give_key(stage, OTHER)
    checks.that("the new key opens", await hands.answers(stage, new, 200))
    checks.that("and the old one still does", await hands.answers(stage, old, 200))
    await hands.revoke(stage, hands.id_of(old))
    checks.that("revoked, the old one opens nothing within seconds", await hands.answers(stage, old, 401))
    await _send(stage, checks, "the new one goes on", new, 202)
    await _expiring(stage, checks)
    await _key_pair(stage, checks)
    acts = await stage.acts()
    checks.that("all of it is written down", acts >= ACTS, acts)


async def _send(stage: Stage, checks: Checks, what: str, credential: str, status: int) -> None:
    async with stage.client(credential) as client:
        answer = await client.post(
            "/events", json=referral(what.replace(" ", "-"), source=source_of(OTHER)), headers=ONE
        )
        checks.answer(what, answer, status)


async def _expiring(stage: Stage, checks: Checks) -> None:
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=SECONDS_OF_LIFE)
    kept = stage.keys[OTHER]
    key = await hands.give_key(stage, OTHER, "--expires", until.isoformat())
    stage.keys[OTHER] = kept
    checks.that("a key that expires opens before", await hands.answers(stage, key, 200))
    checks.that("and not after", await hands.answers(stage, key, 401, within=SECONDS_OF_LIFE + 5))


async def _key_pair(stage: Stage, checks: Checks) -> None:
    first, second, file = hands.SigningKey("first"), hands.SigningKey("second"), stage.directory / "rotating.json"
    audience = f"{stage.ingest}/oauth2/token"
    client = await hands.add_keys(stage, OTHER, file, first)
    assertion = first.assertion(client, audience)
    answer = await hands.token(stage, assertion)
    if not checks.answer("a signed assertion gives a token", answer, 200):
        return
    token = answer.json()["access_token"]
    stage.secrets.append(token)
    await _send(stage, checks, "which opens", token, 202)
    checks.answer("the assertion can be used once", await hands.token(stage, assertion), 401)
    for what, wrong in (
        ("for another address", first.assertion(client, "https://elsewhere.example/token")),
        ("that has expired", first.assertion(client, audience, exp=1)),
        ("of another client", first.assertion("bcdfghjkmnpq", audience)),
        ("by a key that is not registered", second.assertion(client, audience)),
        ("unsigned", _unsigned(first.assertion(client, audience))),
    ):
        checks.answer(f"an assertion {what} gives none", await hands.token(stage, wrong), 401)
    await hands.add_keys(stage, OTHER, file, second)
    checks.answer("with both keys, the new one", await hands.token(stage, second.assertion(client, audience)), 200)
    checks.answer("and the old one still", await hands.token(stage, first.assertion(client, audience)), 200)
    await hands.remove_key(stage, OTHER, first)
    checks.answer("without the old key it gives none", await hands.token(stage, first.assertion(client, audience)), 401)
    await _send(stage, checks, "and its token opens nothing", token, 401)
    await hands.revoke(stage, client)
    await asyncio.sleep(hands.SECONDS_UNTIL_KNOWN)
    checks.answer("revoked, no key gives one", await hands.token(stage, second.assertion(client, audience)), 401)


def _unsigned(assertion: str) -> str:
    return assertion.rpartition(".")[0] + "."
