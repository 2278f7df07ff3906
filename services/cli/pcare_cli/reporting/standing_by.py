"""What stands beside a replay and vouches for the record: the newest signed checkpoint, and the last of the acts."""

from dataclasses import dataclass

import asyncpg

from pcare_audit.sealed.verifying import Result, Verification
from pcare_audit.signed_note import Verifier
from pcare_cli.proving.verification import snapshot
from pcare_cli.reporting.document import ActsHead, Checkpoint
from pcare_kpi_aggregator.wording import counted
from pcare_kpi_aggregator.years import instant_of, iso

NOT_SEALED = "nothing has been sealed yet"
NO_ACTS = "nobody has done anything yet"
NO_KEY = "the log's public key was not given (--log-public-key), so nothing can be said of it"
LISTED = 50


@dataclass(frozen=True, slots=True)
class Standby:
    """What was found, or why it was not."""

    checkpoint: Checkpoint | None = None
    checkpoint_why_not: str | None = NOT_SEALED
    acts: ActsHead | None = None
    acts_why_not: str | None = NO_ACTS


async def read(connection: asyncpg.Connection, key: Verifier | None) -> Standby:
    """Return what the database holds, and verify with the log's public key what it says was sealed."""
    acts = await connection.fetchrow("SELECT position, hash FROM pcare.acts_chain ORDER BY position DESC LIMIT 1")
    newest = await connection.fetchrow(
        "SELECT size, made_at, note FROM pcare.checkpoints ORDER BY size DESC, made_at DESC LIMIT 1"
    )
    head = None if acts is None else ActsHead(acts["position"], acts["hash"].hex())
    sealed = None
    if newest is not None:
        verified, words, findings = (None, NO_KEY, []) if key is None else judged(await _verify(connection, key))
        made_at = iso(instant_of(newest["made_at"]))
        sealed = Checkpoint(newest["note"], newest["size"], made_at, verified, words, findings)
    return Standby(
        checkpoint=sealed,
        checkpoint_why_not=None if sealed else NOT_SEALED,
        acts=head,
        acts_why_not=None if head else NO_ACTS,
    )


def judged(result: Result) -> tuple[bool, str, list[str]]:
    """Return what a verification of the database comes to: whether all holds, in words, and what was found. Pure."""
    leaves = counted(result.leaves, "sealed text")
    checkpoints = counted(result.checkpoints, "signed checkpoint")
    if result.whole:
        held = f"{leaves} of the database and {checkpoints} fit together"
        return True, f"{held}: none was altered, reordered or removed.", []
    found = [str(finding) for finding in result.findings[:LISTED]]
    if result.total > LISTED:
        found.append(f"and {result.total - LISTED:,} more")
    return False, f"{leaves} of the database were held against {checkpoints}, and do not fit.", found


async def _verify(connection: asyncpg.Connection, key: Verifier) -> Result:
    verification = Verification(key)
    async with snapshot(connection) as rows:
        async for items in rows.items():
            for item in items:
                verification.take(item)
    return verification.finish()
