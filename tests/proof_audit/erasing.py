"""A person is erased: the log, the proofs and every count stay, and nothing brings the link back."""

from events import pam
from proof_audit.replaying import equal
from proof_audit.stage import Stage
from proof_audit.untouched import VERIFIED
from proof_provider.checks import Checks
from sealed import until_recorded
from test_persons_merge import GONE, KEPT, send

LINKS = "SELECT count(*) AS links FROM pcare.subjects"


async def play(stage: Stage, checks: Checks) -> None:
    """Erased by the command; then verified, replayed, and met again, when a new event begins a new subject."""
    system = stage.system
    file = stage.directory / "number.txt"
    file.write_text(f"{KEPT}\n")
    before = await stage.one(LINKS)
    arguments = ("--file", file, "--ingest", system.one("ingest").address, "--who", "a proof", "--why", "a proof")
    said = await stage.audit("erase", *arguments, login="operator")
    checks.that("the command erases the person", said.status == 0 and said.says("^Erased: 2 links"), said.output)
    checks.that("it says no number", KEPT not in said.output)
    after = await stage.one(LINKS)
    checks.equal("both links are gone: the person had two numbers", before["links"] - after["links"], 2)
    proofs = await stage.verify()
    checks.that("what was sealed is verified", proofs.status == 0 and proofs.says(VERIFIED), proofs.output)
    await equal(stage, checks)
    event = pam(50.0, subject=f"nhs-number:{GONE}")
    await send(system, event)
    await until_recorded(system)
    seen = await stage.one(
        "SELECT count(*) FROM pcare.interventions AS a JOIN pcare.interventions AS b USING (subject) WHERE a.id = $1",
        event["id"],
    )
    checks.equal("a new event begins somebody new", seen[0], 1)
    act = await stage.one("SELECT count(*) FROM pcare.acts WHERE what = 'person-erased'")
    checks.equal("it is an act of the audit trail", act[0], 1)
    trail = await stage.audit("trail", "--verify")
    checks.that("and the trail is whole", trail.status == 0, trail.output)
