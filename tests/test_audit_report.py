"""The report of a real system: replayed, sealed, verified, drawn and signed, by an auditor's login."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from pcare_audit.signed_note import Signer
from pcare_cli.demo.supervisor import Service, Supervisor
from pcare_cli.reporting.document import Report, from_json
from pcare_local import processes
from pcare_schemas.kpis.areas import NCL

pytestmark = pytest.mark.integration


async def test_a_real_system_is_reported_equal_and_a_changed_one_is_not(system: Any, tmp_path: Path) -> None:
    await system.start("kpi-aggregator", "recorder", "ingest")
    ledger = await system.simulate(300, seed=23)
    assert (await system.report(ledger)).exact
    public = await seal(system, tmp_path)
    signer = Signer.new(tmp_path / "key.pem", "audit.example")
    (tmp_path / "key.pem.pub").write_text(f"{signer.verifier}\n")

    status, whole = await report(system, tmp_path, public)
    assert status == 0
    assert whole.replay.equal
    assert whole.replay.scope.whole
    numbers = {(one.kpi, one.year): one for one in whole.numbers if one.area == NCL}
    assert len(numbers) > 10
    assert all(one.replay == one.sql == one.stream for one in numbers.values())
    for course in whole.courses:  # drawn from the database, and they end in the number that was compared
        told = numbers[course.kpi, course.year].replay
        assert told is not None
        assert course.points[-1].value == told.value
    assert whole.checkpoint is not None
    assert whole.checkpoint.verified, whole.checkpoint.findings
    assert whole.acts is not None
    (act,) = await system.fetch("SELECT position FROM pcare.acts_chain ORDER BY position DESC LIMIT 1")
    assert whole.acts.position == act["position"]
    what = [row["what"] for row in await system.fetch("SELECT what FROM pcare.acts ORDER BY number")]
    assert what[-2:] == ["audit-replay", "audit-report"]
    await checks(system, tmp_path)

    await system.fetch(
        "UPDATE pcare.published SET published = replace(published::text, 'specversion', 'specVersion')::json "
        "WHERE ctid = (SELECT min(ctid) FROM pcare.published)"
    )
    status, changed = await report(system, tmp_path, public)
    assert status == 1
    assert "text-differs" in {one.kind for one in changed.replay.differences}
    assert changed.checkpoint is not None
    assert changed.checkpoint.verified is False
    assert any(finding.startswith("ALTERED") for finding in changed.checkpoint.findings)
    page = (tmp_path / "report.html").read_text()
    assert all(one.event.id in page for one in changed.replay.differences if one.event is not None)


async def seal(system: Any, directory: Path) -> Path:
    """Make a checkpoint, and return the log's public key."""
    sealer = Signer.new(directory / "log.pem", "log.example")
    public = directory / "log.pub"
    public.write_text(f"{sealer.verifier}\n")
    environment = system.environment | {
        "PCARE_POSTGRES_DSN": system.logins["sealer"],
        "PCARE_SEAL_KEY_FILE": str(directory / "log.pem"),
        "PCARE_SEAL_NAME": "log.example",
    }
    words = ["-m", "pcare_cli", "audit", "seal", "--once"]
    await Supervisor(environment).run_to_end(Service("seal", words, system.layout.log("seal")))
    return public


async def report(system: Any, directory: Path, public: Path) -> tuple[int, Report]:
    """Replay and report as an auditor; return the exit status and the report."""
    out = directory / "report.html"
    status = await typed(
        system,
        "report",
        *("--out", str(out), "--aggregator", system.one("kpi-aggregator").address, "--group", system.group),
        *("--key", str(directory / "key.pem"), "--log-public-key", str(public)),
    )
    return status, from_json(out.with_suffix(".json").read_bytes())


async def checks(system: Any, directory: Path) -> None:
    """See that the report is as signed, and is not once a letter is another."""
    page, public = directory / "report.html", directory / "key.pem.pub"
    assert await typed(system, "check-report", str(page), "--public-key", str(public)) == 0
    page.write_text(page.read_text().replace("Equal: everything", "Equal, everything", 1))
    assert await typed(system, "check-report", str(page), "--public-key", str(public)) == 1


async def typed(system: Any, *words: str) -> int:
    """Run a command of `pcare audit` as an auditor."""
    environment = system.environment | {"PCARE_POSTGRES_DSN": system.logins["auditor"]}
    log = system.layout.log(f"audit-{words[0]}")
    command = [sys.executable, "-m", "pcare_cli", "audit", *words]
    popen = await asyncio.to_thread(processes.spawn, command, log=log, environment=environment)
    status = await asyncio.to_thread(popen.wait, 300)
    assert status in {0, 1}, processes.last_lines(log, 30)
    return status
