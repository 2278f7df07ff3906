"""Two NHS numbers turn out to be one person's: from then on the person is one, whichever number events come under."""

import asyncio

from events import pam
from proof_provider.checks import Checks
from proof_provider.joining import TRUST
from proof_provider.stage import ONE, WHY, Stage, receipt

NUMBERS = ("9990000042", "9990000050")
SUBJECTS = "SELECT DISTINCT subject FROM pcare.interventions WHERE id = ANY($1::text[])"


async def play(stage: Stage, checks: Checks) -> None:
    """Merge, and send under both numbers again. That stream, SQL and replay agree on it is looked at in the end."""
    before = [pam(subject=f"nhs-number:{number}") for number in NUMBERS]
    await _send(stage, checks, before)
    checks.equal("before, they are two", len(await _subjects(stage, before)), 2)
    file = stage.directory / "two-numbers"
    await asyncio.to_thread(file.write_text, "\n".join(NUMBERS))
    merged = await stage.pcare(
        "persons",
        "merge",
        "--file",
        str(file),
        "--ingest",
        stage.ingest,
        *WHY,
        PCARE_API_KEY=stage.keys[TRUST],
    )
    if not checks.that("they are merged", merged.status == 0, merged.output):
        return
    await stage.settled()
    after = [pam(subject=f"nhs-number:{number}") for number in NUMBERS]
    await _send(stage, checks, after)
    subjects = await _subjects(stage, after)
    checks.equal("what comes under either number is of one person", len(subjects), 1)
    checks.that("who was there before", subjects <= await _subjects(stage, before), subjects)


async def _send(stage: Stage, checks: Checks, events: list[dict[str, object]]) -> None:
    async with stage.client(stage.keys[TRUST]) as client:
        for event in events:
            answer = await client.post("/events", json=event, headers=ONE)
            if checks.answer("accepted", answer, 202):
                checks.equal("recorded", (await receipt(client, answer.headers["Location"])).get("status"), "recorded")


async def _subjects(stage: Stage, events: list[dict[str, object]]) -> set[str]:
    return {str(row["subject"]) for row in await stage.fetch(SUBJECTS, [event["id"] for event in events])}
