"""The conformance kit: a good system is ready, a sloppy one is not, and both read why."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx

from events import referral
from pcare_client import ApiKey, Client, Event
from pcare_local.ports import LOOPBACK, free_ports
from proof_provider.checks import Checks
from proof_provider.joining import SURGERY
from proof_provider.stage import Ran, Stage, source_of
from provider_systems import SECONDS_UNTIL_A_PERSON_LOOKS, exemplary, good, sloppy

KINDS = "sp-referral,care-plan-agreed"
SECONDS_TO_LISTEN = 60.0


async def play(stage: Stage, checks: Checks) -> None:
    """Play the kit without, with a file, and with a good and a sloppy system."""
    key = stage.directory / "surgery.key"
    key.write_text(stage.keys[SURGERY])

    ran = await _kit(stage, "connection", key)
    checks.equal("our own examples: exit status", ran.status, 0)
    checks.that(
        "the connection is ready", _verdict(stage, "connection").startswith("connection ready"), ran.output[-800:]
    )
    page = (stage.directory / "connection.html").read_text()
    checks.that("the page needs nothing from elsewhere", "http-equiv" not in page and "src=" not in page)

    file = stage.directory / "events.ndjson"
    file.write_text("".join(json.dumps(one) + "\n" for one in exemplary(source_of(SURGERY))))
    ran = await _kit(stage, "file", key, "--events", str(file))
    checks.that(
        "a file of a good system", ran.status == 0 and _verdict(stage, "file").startswith("ready"), ran.output[-800:]
    )

    file.write_text(json.dumps({**referral(source=source_of(SURGERY)), "subject": "nhs-number:9434765919"}))
    ran = await _kit(stage, "real", key, "--events", str(file))
    checks.that("a person who may be real is not played", ran.status == 2 and "may be real" in ran.output, ran.output)

    for name, system in (("good", good), ("sdk", _by_sdk)):
        ran = await _with_a_system(stage, name, key, system)
        is_ready = ran.status == 0 and _verdict(stage, name).startswith("ready")
        checks.that(f"a good system ({name}) is ready", is_ready, ran.output[-1500:])
    ran = await _with_a_system(stage, "sloppy", key, sloppy)
    checks.equal("a sloppy system: exit status", ran.status, 1)
    failed = {step["step"] for step in _document(stage, "sloppy")["steps"] if step["outcome"] == "failed"}
    wanted = {
        "own-repeat",
        "own-waits",
        "own-lost",
        "own-refused",
        "own-correction",
        "own-late",
        "own-care-plan-agreed",
    }
    checks.that("and all that it does wrong is said", wanted <= failed, sorted(failed))

    (stage.directory / "wrong.key").write_text("pcare_bcdfghjkmnpq_" + "a" * 45)
    ran = await _kit(stage, "refused", stage.directory / "wrong.key")
    checks.equal("a wrong key: exit status", ran.status, 1)
    left = await stage.fetch(
        "SELECT id FROM edge.recorded WHERE id LIKE 'conformance-%' AND kind <> 'event-retracted' AND NOT retracted"
    )
    checks.equal("nothing of the kit's is left in the record", [row["id"] for row in left], [])


async def _kit(stage: Stage, name: str, key: Path, *more: str) -> Ran:
    arguments = ["--as", SURGERY, "--url", stage.ingest, "--credential", str(key), "--kinds", KINDS]
    return await stage.pcare("conformance", *arguments, "--report", str(stage.directory / name), *more)


def _document(stage: Stage, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((stage.directory / f"{name}.json").read_text())
    return document


def _verdict(stage: Stage, name: str) -> str:
    return str(_document(stage, name)["verdict"])


async def _with_a_system(stage: Stage, name: str, key: Path, system: Any) -> Ran:
    port = free_ports(1)[0]
    minutes = "0.3" if system is sloppy else "1.5"
    playing = asyncio.create_task(_kit(stage, name, key, "--listen", str(port), "--minutes", minutes))
    address = f"http://{LOOPBACK}:{port}"
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(SECONDS_TO_LISTEN):
        while True:
            if playing.done():
                return playing.result()
            try:
                await client.get(f"{address}/health/ready")
                break
            except httpx.TransportError:
                await asyncio.sleep(0.2)
    await asyncio.to_thread(system, address, source_of(SURGERY), stage.keys[SURGERY])
    return await playing


def _by_sdk(address: str, source: str, key: str) -> None:
    """Send by the SDK, as it is: it waits when asked, sends again with the same id, and goes on after a refusal."""
    with Client(address, source=source, credentials=ApiKey(key)) as client:
        aside = [one for one in map(Event, exemplary(source)) if not client.send(one).accepted]
        if aside:
            time.sleep(SECONDS_UNTIL_A_PERSON_LOOKS)
        for one in aside:  # a person has looked at it, and found nothing wrong
            client.send(one)
