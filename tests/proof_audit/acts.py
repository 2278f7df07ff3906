"""The audit trail: an act altered, removed, or the chain made anew; and a sealer that signs no contradiction."""

from proof_audit.rows import TEXT
from proof_audit.sealed_event import in_the_middle
from proof_audit.stage import Stage
from proof_provider.checks import Checks

SEALED = "(SELECT min(position) FROM pcare.acts_chain)"
ACT = f"(SELECT act FROM pcare.acts_chain WHERE position = {SEALED})"
REMOVED = f"DELETE FROM pcare.acts WHERE number = {ACT}"
ALTERED = f"UPDATE pcare.acts SET why = why || '.' WHERE number = {ACT}"
MADE_ANEW = """
DO $$
DECLARE
    link pcare.acts_chain;
    before bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR link IN SELECT * FROM pcare.acts_chain ORDER BY position LOOP
        UPDATE pcare.acts_chain SET previous = before,
            hash = (SELECT pcare.act_hash(before, link.position, a) FROM pcare.acts AS a WHERE a.number = link.act)
        WHERE position = link.position RETURNING hash INTO before;
    END LOOP;
END
$$
"""


async def play(stage: Stage, checks: Checks) -> None:
    """An act of before the last checkpoint: each is found and named, and put right the trail is whole."""
    act = (await stage.one(f"SELECT {ACT} AS act"))["act"]
    tampers = {
        "an act altered": ((ALTERED,), rf"act {act} .* was altered"),
        "an act removed": ((REMOVED,), rf"act {act}, at position .* was removed"),
        "an act altered, and the chain made anew": ((ALTERED, MADE_ANEW), "had another hash when .* was made"),
    }
    for what, (statements, pattern) in tampers.items():
        async with stage.tampered(*statements, acts_too=True):
            found = await stage.audit("trail", "--verify")
            proofs = await stage.verify()
        checks.that(f"{what}: found and named", found.status == 1 and found.says(pattern), found.output)
        named = f"(ALTERED|REMOVED): from the audit trail: {pattern}"
        if MADE_ANEW in statements:
            named = "ALTERED: checkpoint .*: an act of the audit trail, at position"
        checks.that(f"{what}: by a verification too", proofs.status == 1 and proofs.says(named), proofs.output)
    whole = await stage.audit("trail", "--verify")
    checks.that("put right, the trail is whole", whole.status == 0, whole.output)


async def refused(stage: Stage, checks: Checks) -> None:
    """With a row changed below what was sealed the sealer signs nothing; put right, it goes on."""
    event = await in_the_middle(stage)
    number = "SELECT count(*) FROM pcare.checkpoints"
    before = await stage.one(number)
    async with stage.tampered(TEXT.format(here=event.here)):
        said = await stage.process("audit", "seal", "--once", login="sealer")
    place = f"{event.topic}/{event.partition}/{event.offset}"
    checks.that("it ends with a status that says so", said.status != 0, said.output)
    checks.that("it says which event", place in said.output, said.output)
    checks.equal("and made no checkpoint", await stage.one(number), before)
    said = await stage.process("audit", "seal", "--once", login="sealer")
    checks.that("put right, it makes one", said.status == 0, said.output)
    checks.that("and that is verified", (await stage.verify()).status == 0)
