"""HTTP, CloudEvents: every mode in which an event may come."""

import gzip
import json

import httpx

from events import pam, referral, retraction
from proof_provider.checks import Checks
from proof_provider.joining import TRUST
from proof_provider.stage import MANY, ONE, Stage, receipt_of, source_of


async def play(stage: Stage, checks: Checks) -> None:
    """Send the same kinds of event in every mode, and see each recorded."""
    source = source_of(TRUST)
    sent: list[str] = []

    def note(event: dict[str, object]) -> dict[str, object]:
        sent.append(str(event["id"]))
        return event

    async with stage.client(stage.keys[TRUST]) as client:
        answer = await client.post("/events", json=note(referral()), headers=ONE)
        checks.answer("structured", answer, 202)
        checks.that("it says where its receipt is", answer.headers.get("Location", "").startswith("/events/"))

        event = note(pam())
        headers = {f"ce-{name}": str(value) for name, value in event.items() if name != "data"}
        answer = await client.post(
            "/events", json=event["data"], headers={**headers, "content-type": "application/json"}
        )
        checks.answer("binary, attributes in ce- headers", answer, 202)

        batch = [note(referral(f"batch-{n}")) for n in range(20)]
        answer = await client.post("/events", json=batch, headers=MANY)
        checks.answer("a batch", answer, 202)
        checks.equal("one verdict an event", [item["status"] for item in answer.json()], ["accepted"] * 20)

        wrong = {**referral(), "data": {"borough": "E09000007"}}
        answer = await client.post("/events", json=[note(pam()), wrong, note(pam())], headers=MANY)
        checks.answer("a batch of which one is wrong", answer, 207)
        checks.equal(
            "the others are accepted", [i["status"] for i in answer.json()], ["accepted", "rejected", "accepted"]
        )

        packed = gzip.compress(json.dumps([note(referral("gz"))]).encode())
        answer = await client.post("/events", content=packed, headers={**MANY, "content-encoding": "gzip"})
        checks.answer("gzip", answer, 202)

        answer = await client.post("/events", json=note(referral("min")), headers={**ONE, "prefer": "return=minimal"})
        checks.answer("Prefer: return=minimal", answer, 204)
        checks.equal("has no body", answer.content, b"")

        with_key = {**ONE, "x-api-key": stage.keys[TRUST]}
        async with stage.client(None) as other_header:
            answer = await other_header.post("/events", json=note(referral("x")), headers=with_key)
            checks.answer("the key as X-API-Key", answer, 202)

        only_checked = referral("checked")
        answer = await client.post("/events/check", json=only_checked, headers=ONE)
        checks.answer("POST /events/check finds it right", answer, httpx.codes.OK)
        answer = await client.post("/events/check", json=wrong, headers=ONE)
        checks.answer("and says what is wrong", answer, 422, "invalid_data")

        checks.that(f"all {len(sent)} are recorded", await stage.is_recorded(source, *sent))
        answer = await client.get(receipt_of(source, only_checked["id"]))
        checks.answer("what was only checked is nowhere", answer, 404)
        answer = await client.post("/events", json=retraction(pam(id=sent[1])), headers=ONE)
        checks.answer("a retraction", answer, 202)
