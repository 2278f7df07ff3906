"""From nothing to the first recorded event: the operator registers, the provider sends."""

import httpx

from events import referral
from proof_provider import hands
from proof_provider.checks import Checks
from proof_provider.stage import ONE, Stage, receipt, source_of

SURGERY = "proof-surgery"
TRUST = "RKE"
SLOW = "proof-slow"
OTHER = "RRV"
MENTAL_HEALTH = "G6V2S"
SURGERY_KINDS = "sp-referral,care-plan-agreed,event-retracted"


async def play(stage: Stage, checks: Checks) -> None:
    """Register five providers, and send the first event of one."""
    event = referral(source=source_of(SURGERY))
    async with stage.client(None) as nobody:
        checks.answer(
            "before it is registered nobody gets in", await nobody.post("/events", json=event, headers=ONE), 401
        )
    await hands.register(stage, SURGERY, "--name", "Proof Surgery", "--kind", "gp_practice", "--kinds", SURGERY_KINDS)
    await hands.register(stage, TRUST)
    await hands.register(stage, OTHER)
    await hands.register(stage, MENTAL_HEALTH)
    await hands.register(stage, SLOW, "--name", "Slow", "--kind", "voluntary_sector", "--events-per-second", "1")
    for code in (SURGERY, TRUST, OTHER, MENTAL_HEALTH, SLOW):
        key = await hands.give_key(stage, code)
        checks.that(f"{code}'s key opens within seconds", await hands.answers(stage, key, 200))
    async with stage.client(stage.keys[SURGERY]) as client:
        answer = await client.post("/events", json=event, headers=ONE)
        if checks.answer("its first event is accepted", answer, 202):
            checks.equal("and recorded", (await receipt(client, answer.headers["Location"]))["status"], "recorded")
        checks.answer("the page for people answers", await client.get("/docs"), httpx.codes.OK)
        checks.answer("the OpenAPI document too", await client.get("/openapi.json"), httpx.codes.OK)
