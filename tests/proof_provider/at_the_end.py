"""What must hold of the whole afternoon."""

from proof_provider.checks import Checks
from proof_provider.stage import Stage

ACTS = {"provider-added", "api-key-made", "kafka-user-added"}


async def play(stage: Stage, checks: Checks) -> None:
    """Count, compare, and look for what must not be anywhere."""
    await stage.settled()
    async with stage.auditor() as auditor:
        report = await auditor.report(())
    checks.that("every event that was sent is accounted for", report.accounting.exact, report.accounting)
    unlike = [row for row in report.kpis if not row.exact]
    checks.that("stream, SQL and replay count the same", report.kpis and not unlike, unlike[:3])
    acts = await stage.acts()
    checks.that("what the operator did is written down", acts >= ACTS, acts)
    logs = stage.logs()
    found = [secret[:6] + "..." for secret in stage.secrets if secret in logs]
    checks.that("no secret is in a log", len(logs) > 1_000 and not found, found)
    scan = await stage.pcare("audit", "identifiers", str(stage.directory / "logs"))
    checks.that("no NHS number is in a topic, a table or a log", scan.status == 0, scan.output[-1000:])
