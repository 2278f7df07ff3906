"""The conformance kit against the running system: what it says of good and sloppy systems, and what it leaves."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

import provider_systems
from pcare_local.ports import LOOPBACK, free_ports
from system import SECONDS_TO_START, System

pytestmark = pytest.mark.integration
RKE = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
SLOPPY = {"own-repeat", "own-waits", "own-lost", "own-refused", "own-correction", "own-late", "own-care-plan-agreed"}


class Kit:
    """Runs the kit in a directory, against a system."""

    def __init__(self, system: System, directory: Path) -> None:
        self._system = system
        self._directory = directory

    async def play(self, name: str, *more: str) -> tuple[int, dict[str, Any]]:
        arguments = ["--as", "RKE", "--url", self._system.one("ingest").address, "--report", name, *more]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pcare_cli", "conformance", *arguments, cwd=self._directory,
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        status = await process.wait()
        return status, json.loads((self._directory / f"{name}.json").read_text())

    async def listen(self, name: str, plays: Any, minutes: str) -> tuple[int, dict[str, Any]]:
        port = str(free_ports(1)[0])
        kinds = ["--kinds", "sp-referral,care-plan-agreed", "--listen", port, "--minutes", minutes]
        playing = asyncio.create_task(self.play(name, *kinds))
        address = f"http://{LOOPBACK}:{port}"
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(SECONDS_TO_START):
            while not playing.done():
                try:
                    await client.get(f"{address}/health/ready")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        await asyncio.to_thread(plays, address, RKE)
        return await playing


async def test_the_kit_tells_good_from_sloppy_and_leaves_nothing(system: System, tmp_path: Path):
    await system.start("recorder", "ingest")
    kit = Kit(system, tmp_path)

    status, report = await kit.play("connection")
    assert [step for step in report["steps"] if step["outcome"] == "failed"] == []
    assert status == 0
    assert report["verdict"].startswith("connection ready, except for what could not be shown here")
    assert len(report["kinds"]) == 19

    file = tmp_path / "events.ndjson"
    file.write_text("".join(json.dumps(one) + "\n" for one in provider_systems.exemplary(RKE)))
    status, report = await kit.play("file", "--kinds", "sp-referral,care-plan-agreed", "--events", str(file))
    assert (status, report["verdict"].partition(",")[0]) == (0, "ready")

    status, report = await kit.listen("good", provider_systems.good, "2")
    assert [step for step in report["steps"] if step["outcome"] == "failed"] == []
    assert (status, report["verdict"].partition(",")[0]) == (0, "ready")

    status, report = await kit.listen("sloppy", provider_systems.sloppy, "0.2")
    assert (status, report["ready"]) == (1, False)
    assert {step["step"] for step in report["steps"] if step["outcome"] == "failed"} >= SLOPPY

    rows = await system.fetch("SELECT id FROM edge.recorded WHERE kind <> 'event-retracted' AND NOT retracted")
    assert [row["id"] for row in rows] == []
