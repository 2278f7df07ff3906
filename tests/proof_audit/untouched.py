"""Nothing was done yet: every way to verify says so, and proofs of one event and between checkpoints hold."""

from proof_audit.sealed_event import in_the_middle
from proof_audit.stage import Stage
from proof_provider.checks import Checks

VERIFIED = r"^VERIFIED: nothing was altered, reordered or removed up to the checkpoint of [0-9,]+ leaves"


async def verified(stage: Stage, checks: Checks) -> None:
    """The system as it is, and exports of database and log, each alone and both together, with kept checkpoints."""
    notes = await stage.system.fetch("SELECT note FROM pcare.checkpoints ORDER BY size, made_at")
    kept = []
    for number, note in enumerate(notes):
        file = stage.directory / f"kept-{number}.txt"
        file.write_text(note["note"])
        kept += ["--checkpoint", file]
    checks.that("there are two checkpoints at least", len(notes) >= 2, len(notes))
    now = await stage.verify(*kept)
    checks.that("the running system, and what was kept", now.status == 0 and now.says(VERIFIED), now.output)
    alone = await stage.verify("--from-log")
    checks.that("the log by itself", alone.status == 0 and alone.says(VERIFIED), alone.output)
    database, log = stage.directory / "database.gz", stage.directory / "log.gz"
    for file, *options in ((database,), (log, "--from-log")):
        file.unlink(missing_ok=True)
        made = await stage.audit("export", file, *options)
        checks.that(f"an export of the {file.stem}", made.status == 0, made.output)
        read = await stage.verify(file, *kept)
        checks.that(f"that, verified by the public key alone ({file.stem})", read.status == 0, read.output)
    both = await stage.verify(database, "--log", log)
    checks.that("the one held against the other", both.status == 0 and both.says(VERIFIED), both.output)


async def proven(stage: Stage, checks: Checks) -> None:
    """An inclusion proof and a consistency proof, each checked by the public key alone; changed, they prove nothing."""
    event = await in_the_middle(stage)
    sizes = [
        row[0]
        for row in await stage.system.fetch("SELECT DISTINCT size FROM pcare.checkpoints WHERE size > 0 ORDER BY size")
    ]
    asked = {
        "one event is in the newest checkpoint": ("--event", event.source, event.id),
        "one event is in the oldest checkpoint": ("--event", event.source, event.id, "--size", sizes[0]),
        "the oldest checkpoint is the beginning of the newest": ("--between", sizes[0], sizes[-1]),
    }
    for number, (what, arguments) in enumerate(asked.items()):
        file = stage.directory / f"proof-{number}.json"
        made = await stage.audit("prove", *arguments, "--out", file)
        checks.that(f"a proof that {what}", made.status == 0, made.output)
        shown = await stage.audit("check-proof", file, "--public-key", stage.public_key)
        checks.that(f"it proves that {what}", shown.status == 0 and shown.says("^PROVEN: "), shown.output)
        text = file.read_text()
        at = text.index('"path"') + 20
        file.write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])
        shown = await stage.audit("check-proof", file, "--public-key", stage.public_key)
        checks.that("one letter of it changed, it proves nothing", shown.status == 1, shown.output)
    unknown = await stage.audit("prove", "--event", event.source, "no-such-event", "--out", stage.directory / "none")
    checks.that("what was never recorded is not proven", unknown.status == 1, unknown.output)
