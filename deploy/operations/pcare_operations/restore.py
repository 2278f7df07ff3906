"""`make restore FILE=…` and `make rebuild`: PostgreSQL from a backup, or from nothing, and the rest from the log.

A backup is restored beside the running database and counted before anything is touched. Then it takes its place in one
transaction; the database that was there is kept under another name, until somebody drops it.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pcare_operations import backup, statements, trail
from pcare_operations.deployments import MIGRATE, Deployment
from pcare_operations.errors import OperationError
from pcare_operations.trail import By

RESTORING = "pcare_restoring"
KEPT_BEFORE = "pcare_before_"
LISTED = 20

Say = Callable[[str], None]


def restore(
    deployment: Deployment, path: Path, *, now: dt.datetime, say: Say, log: bool = True, by: By | None = None
) -> None:
    """Put a backup in the database's place, restore from the log what is newer, and let the recorders go on.

    Without a `log`, because it is lost too, the schema is brought up to date and nothing is started.

    Raises OperationError where a step failed; until the backup is in place, nothing that runs has noticed.
    """
    deployment.before()
    server = deployment.server
    about = backup.check(server, path)
    say(f"{path} is whole: made at {about['made_at']}, migration {about['migration']:04d}")
    backup.restore_into(server, path, RESTORING)
    say(f"restored beside the running database and counted: {about['rows']['interventions']:,} events")
    said = by or By("a backup was put in place")
    took = Taking(RESTORING, about["newest_act"], {"backup": path.name, "made_at": about["made_at"]}, said)
    _take_the_place(deployment, took, now=now, say=say, log=log)


def go_back(deployment: Deployment, kept: str, *, now: dt.datetime, say: Say, by: By | None = None) -> None:
    """Put a database that a restore kept in the place again, complete it from the log, and let the recorders go on."""
    deployment.before()
    server = deployment.server
    if not kept.startswith(KEPT_BEFORE) or not statements.exists(server, kept):
        raise OperationError(
            f"There is no database {kept} that a restore has kept: its name begins with {KEPT_BEFORE}."
        )
    statements.let_in(server, kept)
    newest = server.query("SELECT max(at) FROM pcare.acts", database=kept)
    said = by or By("a database that was kept was put in place")
    _take_the_place(deployment, Taking(kept, newest or None, {"database": kept}, said), now=now, say=say)


def rebuild(deployment: Deployment, *, say: Say, by: By | None = None) -> None:
    """Bring the schema up to date, restore from the log what the database lacks, and let the recorders go on."""
    deployment.before()
    deployment.stop_recorders()
    advice = "the database is as it was, and may be completed by `make rebuild` again"
    _complete(deployment, by or By("what the database lacks is restored from the log"), say, advice)


@dataclass(frozen=True, slots=True)
class Taking:
    """A database that takes the place, with its newest act; what it is, for the audit trail, and who puts it there."""

    new: str
    newest_act: str | None
    details: dict[str, str]
    by: By


def _take_the_place(deployment: Deployment, taking: Taking, *, now: dt.datetime, say: Say, log: bool = True) -> None:
    server = deployment.server
    kept = f"{KEPT_BEFORE}{now:%Y%m%d_%H%M%S}"
    deployment.stop_recorders()
    replaced = statements.put_in_place(server, taking.new, kept)
    undone: list[str] = []
    told: dict[str, object] = dict(taking.details)
    if replaced:
        undone = statements.acts_since(server, kept, taking.newest_act)  # now that nobody adds one
        # whoever verifies the trail finds that it goes on from an earlier end, and here by which act
        told |= {"kept": kept, "trail_ended_with": trail.head(server, kept), "undone": len(undone)}
    trail.put_down(server, taking.by, "database-restored", told, say=say)
    if replaced:
        say(f"in place. What was there is kept as the database {kept}")
        advice = f'to go back: make restore ARGS="--kept {kept}"; to try on: make rebuild'
    else:
        say("in place. There was no database")
        advice = "to try on: make rebuild"
    try:
        if log:
            _complete(deployment, taking.by, say, advice)
        else:
            deployment.pcare(MIGRATE)
            say("the recorders are stopped: now make the log anew, `pcare republish`; see docs/disaster-recovery.md")
    finally:  # whoever completes it by `make rebuild` is not told again
        _say_what_is_undone(undone, kept, say)
    if replaced:
        say(f"when all is well, and nobody needs it any more, drop the database {kept}")


def _complete(deployment: Deployment, by: By, say: Say, advice: str) -> None:
    try:
        deployment.pcare(MIGRATE)
        deployment.pcare("rebuild", "--who", by.who, "--why", by.why)
    except OperationError as error:
        raise OperationError(f"{error} The recorders are stopped, nothing is lost; {advice}.") from error
    deployment.start_recorders()
    say("the database agrees with the log")


def _say_what_is_undone(undone: list[str], kept: str, say: Say) -> None:
    if not undone:
        return
    say(
        f"{len(undone)} acts are newer than the backup and are undone: a credential that was revoked is good again, a "
        f"provider that was added is unknown. Look at each in {kept}.pcare.acts, and do again what is needed:"
    )
    for line in undone[-LISTED:]:
        say(f"    {line}")
