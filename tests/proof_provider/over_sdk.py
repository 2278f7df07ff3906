"""The SDK: both clients, with an API key and with a signed JWT."""

import asyncio
import datetime as dt

from pcare_client import ApiKey, AsyncClient, Client, ClientCredentials, RefusedError
from proof_provider import hands
from proof_provider.checks import Checks
from proof_provider.joining import TRUST
from proof_provider.stage import Stage, source_of

NHS_NUMBER = "9990000026"
CAMDEN = "E09000007"


async def play(stage: Stage, checks: Checks) -> None:
    """Build events from keyword arguments, send them, and ask what became of them."""
    await asyncio.to_thread(_synchronous, stage, checks)
    key = hands.SigningKey("proof-sdk-1")
    client_id = await hands.add_keys(stage, TRUST, stage.directory / "jwks.json", key)
    audience = f"{stage.ingest}/oauth2/token"
    credentials = ClientCredentials(client_id, key.pem(), "proof-sdk-1", audience=audience)
    async with AsyncClient(stage.ingest, source=TRUST, credentials=credentials) as client:
        events = [
            client.events.pam_scored(
                time=_now(),
                borough=CAMDEN,
                score=50.0,
                level=2,
                instrument="PAM-13",
                cut_points="classic",
                nhs_number=NHS_NUMBER,
            )
            for _ in range(250)
        ]
        verdicts = [verdict async for verdict in client.send_many(events, batch=100)]
        checks.equal("the async client, by a signed JWT, in batches", sum(v.accepted for v in verdicts), 250)
        pseudonyms = await client.pseudonyms([NHS_NUMBER, "9990000018"])
        named = [one.subject[:8] for one in pseudonyms]
        checks.equal("it asks for pseudonyms", named, ["person:k"] * 2)
    checks.that("all are recorded", await stage.is_recorded(source_of(TRUST), *(str(one.id) for one in events)))


def _synchronous(stage: Stage, checks: Checks) -> None:
    with Client(stage.ingest, source=TRUST, credentials=ApiKey(stage.keys[TRUST]), compress=True) as client:
        event = client.events.sp_referral(
            time=_now(),
            borough=CAMDEN,
            referral_ref="sdk-1",
            referrer="gp",
            reasons=["mental_health"],
            nhs_number=NHS_NUMBER,
        )
        verdict = client.send(event)
        checks.that("the synchronous client, by an API key, in gzip", verdict.accepted, verdict)
        found = client.receipt(verdict)
        checks.that("it asks for the receipt", found is not None and found.status in {"accepted", "recorded"}, found)
        document = event.document()
        document["data"]["borough"] = "E09000001"
        wrong = next(iter(client.check([type(event)(document)])))
        checks.that(
            "it says what is wrong", wrong.problem is not None and wrong.problem.reason == "unknown_code", wrong
        )
    with Client(stage.ingest, source=TRUST, credentials=ApiKey("pcare_bcdfghjkmnpq_" + "a" * 45)) as client:
        try:
            client.send(event)
            checks.that("a wrong key is an error that says so", False, "it was sent")
        except RefusedError as error:
            checks.that("a wrong key is an error that says so", "unauthenticated" in str(error), error)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
