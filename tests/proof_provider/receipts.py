"""What became of an event, as its sender may ask."""

from events import pam, referral, retraction
from proof_provider.checks import Checks
from proof_provider.joining import OTHER, TRUST
from proof_provider.stage import ONE, Stage, receipt, receipt_of, source_of


async def play(stage: Stage, checks: Checks) -> None:
    """Bring every state about, and ask."""
    source = source_of(TRUST)
    async with stage.client(stage.keys[TRUST]) as client:

        async def send(event: dict[str, object]) -> str:
            answer = await client.post("/events", json=event, headers=ONE)
            assert answer.status_code == 202, answer.text
            return str(answer.headers["Location"])

        event = pam()
        first = await send(event)
        checks.equal("recorded", (await receipt(client, first))["status"], "recorded")
        again = await send(event)
        checks.equal("a repeat is a duplicate", (await receipt(client, again))["status"], "duplicate")
        checks.equal(
            "and its event is recorded", (await receipt(client, receipt_of(source, event["id"])))["status"], "recorded"
        )
        other = await send({**event, "time": referral()["time"]})
        document = await receipt(client, other)
        checks.equal("another content under its id is rejected", document["status"], "rejected")
        checks.equal("with the reason", (document.get("problem") or {}).get("reason"), "id_reused")
        taken_back = await send(retraction(event))
        await receipt(client, taken_back)
        checks.equal("retracted", (await receipt(client, first))["status"], "retracted")
        again = await send(retraction(retraction(event), id="back-again"))
        document = await receipt(client, again)
        checks.equal("a retraction of what never came waits", document["status"], "recorded")
        checks.answer("what was never sent has none", await client.get(receipt_of(source, "never-sent")), 404)
        answer = await client.get("/rejections")
        checks.answer("its rejections", answer, 200)
        checks.that("hold the one", event["id"] in answer.text, answer.text)
        at_somebodys = receipt_of(source_of(OTHER), event["id"])
        checks.answer("another's receipts are not told", await client.get(at_somebodys), 403, "source_not_allowed")
        answer = await client.get("/rejections", params={"source": source_of(OTHER)})
        checks.answer("nor another's rejections", answer, 403, "source_not_allowed")
    async with stage.client(None) as nobody:
        checks.answer("and nothing to nobody", await nobody.get(first), 401)
        checks.answer("no rejections either", await nobody.get("/rejections"), 401)
