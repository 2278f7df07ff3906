"""The key of the pseudonyms is changed: who was known stays known, a late retry is a duplicate, and no KPI moves."""

from typing import Any

import httpx

from events import pam, referral
from pcare_schemas.pseudonym import KEY_FILE_VARIABLE, PREVIOUS_KEY_FILE_VARIABLE
from proof_provider.checks import Checks
from proof_provider.joining import TRUST
from proof_provider.stage import ONE, WHY, Stage, receipt

PERSONS = ("9990000018", "9990000026", "9990000034")


async def play(stage: Stage, checks: Checks) -> None:
    """Rotate, with events that are sent again before, between and after."""
    before_it = [pam(subject=f"nhs-number:{number}") for number in PERSONS]
    await _send(stage, checks, "before", before_it, "recorded")
    await stage.settled()
    counted = await _kpis(stage)
    old, new = stage.directory / "pseudonym.key", stage.directory / "pseudonym-2.key"
    await stage.must("keys", "rotate", str(new), *WHY)
    await _restart(stage, {KEY_FILE_VARIABLE: str(new), PREVIOUS_KEY_FILE_VARIABLE: str(old)})
    unfinished = await stage.pcare("keys", "rotate", "--finish", *WHY)
    checks.that("it is not ended while somebody has not been seen", unfinished.status == 1, unfinished.output)
    await _send(stage, checks, "between, a late retry", before_it, "duplicate")
    await stage.settled()
    checks.equal("between, every KPI stays as it was", await _kpis(stage), counted)
    finished = await stage.pcare("keys", "rotate", "--finish", *WHY)
    if not checks.equal("when all have been seen it is ended", finished.status, 0):
        checks.that("and says why not", False, finished.output)
        return
    await _restart(stage, {KEY_FILE_VARIABLE: str(new)})
    await _send(stage, checks, "after, a late retry", before_it, "duplicate")
    await stage.settled()
    checks.equal("after, every KPI stays as it was", await _kpis(stage), counted)
    acts = await stage.acts()
    checks.that("both are written down", acts >= {"keys-rotated", "keys-rotation-finished"}, acts)
    persons = await stage.fetch(
        "SELECT count(DISTINCT subject) FROM pcare.interventions WHERE id = ANY($1::text[])",
        [one["id"] for one in before_it],
    )
    checks.equal("three persons are three", persons[0]["count"], len(PERSONS))
    same = referral("after-rotation", subject=f"nhs-number:{PERSONS[0]}")
    await _send(stage, checks, "after, a new event", [same], "recorded")
    both = await stage.fetch(
        "SELECT DISTINCT subject FROM pcare.interventions WHERE id = ANY($1::text[])", [same["id"], before_it[0]["id"]]
    )
    checks.equal("is of the person who was known before", len(both), 1)


async def _send(stage: Stage, checks: Checks, when: str, events: list[dict[str, Any]], state: str) -> None:
    async with stage.client(stage.keys[TRUST]) as client:
        for event in events:
            answer = await client.post("/events", json=event, headers=ONE)
            if checks.answer(f"{when}: accepted", answer, 202):
                found = await receipt(client, answer.headers["Location"])
                checks.equal(f"{when}: {state}", found.get("status"), state)


async def _kpis(stage: Stage) -> Any:
    """Return every KPI of every year and area as the aggregator shows it, but no line or forecast: those move."""
    async with httpx.AsyncClient(base_url=stage.services["kpi-aggregator"].address, trust_env=False, timeout=30) as one:
        answer = await one.get("/kpis")
        answer.raise_for_status()
        document = answer.json()
    return {
        (row["kpi"], row["borough"], row["year"]): (row["numerator"], row["denominator"]) for row in document["kpis"]
    }


async def _restart(stage: Stage, keys: dict[str, str]) -> None:
    ingest = stage.services["ingest"]
    status = ingest.terminate()
    assert status == 0, f"ingest ended with {status}: {ingest.tail()}"
    for name in (KEY_FILE_VARIABLE, PREVIOUS_KEY_FILE_VARIABLE):
        ingest.environment.pop(name, None)
    ingest.environment |= keys
    ingest.start()
    await ingest.ready()
