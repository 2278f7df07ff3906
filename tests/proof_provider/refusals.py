"""Everything that must be refused over HTTP, each with its status and reason. Nothing of it may be recorded."""

from typing import Any

import httpx

from events import event, pam, referral
from proof_provider.checks import Checks
from proof_provider.joining import OTHER, SLOW, SURGERY, TRUST
from proof_provider.stage import MANY, ONE, Stage, source_of

MADE_UP = "pcare_bcdfghjkmnpq_" + "a" * 45
LARGE = 262_145


def _cases() -> list[tuple[str, Any, int, str]]:
    """Return what is wrong, the event, the status, and the reason."""
    right = referral()
    phb = event("phb-issued", {"budget_ref": "b", "cohorts": ["adult_chc"], "management": ["notional"]})
    return [
        ("a misspelt field", {**right, "data": {**right["data"], "referer": "gp"}}, 422, "invalid_data"),
        ("an unknown code", {**right, "data": {**right["data"], "borough": "E09000001"}}, 422, "unknown_code"),
        ("an unknown kind", {**right, "type": "uk.nhs.ncl.personalised-care.nothing.v1"}, 422, "unknown_type"),
        ("a wrong check digit", {**right, "subject": "nhs-number:9990000019"}, 422, "invalid_data"),
        ("an NHS number in the data", referral("9990000018"), 422, "identifiable_data"),
        ("a time in the future", {**right, "time": "2099-01-01T00:00:00Z"}, 422, "time_out_of_range"),
        ("before 2015", {**right, "time": "2014-12-31T23:00:00Z"}, 422, "time_out_of_range"),
        ("a PAM level that does not fit its score", pam(52.9, 4), 422, "invalid_data"),
        ("no CloudEvent", {"hello": "world"}, 400, "not_cloudevent"),
        ("another's source", {**phb, "source": source_of(OTHER)}, 403, "source_not_allowed"),
        ("nobody's source", {**right, "source": "urn:ncl:provider:nobody-at-all"}, 403, "source_not_allowed"),
    ]


async def play(stage: Stage, checks: Checks) -> None:
    """Send each wrong thing."""
    before = (await stage.fetch("SELECT count(*) FROM pcare.interventions"))[0]["count"]
    async with stage.client(stage.keys[TRUST]) as client:
        for what, body, status, reason in _cases():
            checks.answer(what, await client.post("/events", json=body, headers=ONE), status, reason)
            answer = await client.post("/events/check", json=body, headers=ONE)
            checks.answer(f"{what}, when checked", answer, status, reason)
        checks.answer("no JSON", await client.post("/events", content=b"{", headers=ONE), 400, "not_json")
        large = await client.post("/events", content=b" " * LARGE, headers=ONE)
        checks.answer("too large", large, 413, "too_large")
        plain = await client.post("/events", content=b"{}", headers={"content-type": "text/plain"})
        checks.answer("another content type", plain, 415, "unsupported_media_type")
        bad = await client.post("/events", content=b"no gzip", headers={**ONE, "content-encoding": "gzip"})
        checks.answer("gzip that is none", bad, 400)
    async with stage.client(stage.keys[SURGERY]) as surgery:
        answer = await surgery.post("/events", json=pam(source=source_of(SURGERY)), headers=ONE)
        checks.answer("a kind that its entry does not have", answer, 403, "kind_not_allowed")
    await _without_a_credential(stage, checks)
    await _too_fast(stage, checks)
    after = (await stage.fetch("SELECT count(*) FROM pcare.interventions WHERE source <> $1", source_of(SLOW)))[0][
        "count"
    ]
    checks.equal("nothing of it is recorded", after, before)


async def _without_a_credential(stage: Stage, checks: Checks) -> None:
    changed = stage.keys[TRUST][:-1] + ("a" if stage.keys[TRUST][-1] != "a" else "b")
    for what, credential in (
        ("no credential", None),
        ("a made-up key", MADE_UP),
        ("a key with a letter changed", changed),
    ):
        async with stage.client(credential) as client:
            answer = await client.post("/events", json=referral(), headers=ONE)
            checks.answer(what, answer, 401)
            checks.that(f"{what}: WWW-Authenticate says what is asked for", "www-authenticate" in answer.headers)
            checks.answer(f"{what}: no check", await client.post("/events/check", json=referral(), headers=ONE), 401)
            checks.answer(f"{what}: no pseudonyms", await client.post("/pseudonyms", json={}), 401)
            checks.answer(f"{what}: no FHIR", await client.post("/fhir", json={}), 401)


async def _too_fast(stage: Stage, checks: Checks) -> None:
    async with stage.client(stage.keys[SLOW]) as client:
        answers: list[httpx.Response] = []
        for number in range(8):
            batch = [referral(f"fast-{number}-{n}", source=source_of(SLOW)) for n in range(10)]
            answers.append(await client.post("/events", json=batch, headers=MANY))
        limited = [answer for answer in answers if answer.status_code == 429]
        if checks.that("who sends too fast is told 429", limited, [answer.status_code for answer in answers]):
            checks.that("and how long to wait", limited[0].headers.get("retry-after", "").isdigit(), limited[0].headers)
    async with stage.client(stage.keys[TRUST]) as client:
        answer = await client.post("/events/check", json=referral(), headers=ONE)
        checks.answer("and nobody else is held up", answer, 200)
