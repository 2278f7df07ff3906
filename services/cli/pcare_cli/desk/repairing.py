"""`pcare rejected repair`: one rejected event, mended by a person, goes in again in place of what was rejected."""

import sys
from pathlib import Path

import asyncpg
import typer

from pcare_cli.console import fail
from pcare_cli.desk import mending, redriving, rejections, showing
from pcare_cli.desk.editor import EditorError, edited
from pcare_cli.desk.looking import not_there
from pcare_cli.desk.mending import Refused, Sendable
from pcare_cli.desk.redriving import Act, Redriver
from pcare_cli.desk.rejections import Entry
from pcare_cli.desk.running import with_redriver
from pcare_cli.operators import with_database
from pcare_cli.rules_in_force import rules_in_force
from pcare_common.clock import SystemClock
from pcare_schemas.origin import Origin
from pcare_schemas.rejections import Reason
from pcare_schemas.rules import Rules

STANDARD_INPUT = Path("-")

_TAKEN = Refused(
    str(Reason.id_reused),
    "An event with this source and id is recorded already. Give the mended event an id of its own; to correct what is "
    "recorded, retract it too.",
)

_ARRIVED = Refused(
    "recorded",
    "An event with this source and id is recorded: the redrive that was interrupted had arrived, or its provider has "
    "sent it. Nothing is left to do; do not send it under another id, or it counts twice.",
)


def repair(origin: Origin, file: Path | None, who: str, why: str) -> None:
    """Send the mended event in; ends with status 1 when it may not go in, and nothing is sent then."""
    rules = rules_in_force()
    entry = with_database(lambda connection: rejections.one(connection, origin))
    if entry is None:
        fail(not_there(origin))
    settled = mending.already(entry)
    if settled is not None:
        fail(settled.words)
    event = _from_editor(entry, rules) if file is None else _from_file(entry, file, rules)
    if not event.changed:
        fail("Nothing was changed, so nothing is sent. To send it in as it is: `pcare rejected redrive ID`.")
    act = Act(who, "rejected-repaired", why, {"rejection": str(origin)})

    async def send(connection: asyncpg.Connection, redriver: Redriver) -> Origin | Refused:
        why_not = await _refused(connection, origin, event)
        if why_not is not None:
            return why_not
        (sent,) = await redriver.send([(entry, event)])
        return sent

    sent = with_redriver(act, send)
    if isinstance(sent, Refused):
        fail(sent.words)
    typer.echo(f"Sent in again as {event.event_id}, to {sent}. `pcare rejected show {origin}` says what becomes of it.")


async def _refused(connection: asyncpg.Connection, origin: Origin, event: Sendable) -> Refused | None:
    """Return why it may not go in as things stand now: somebody may have been faster, or interrupted."""
    entry = await rejections.one(connection, origin)
    if entry is None:
        return Refused("gone", not_there(origin))
    settled = mending.already(entry)
    if settled is not None:
        return settled
    doubts = await redriving.in_doubt(connection, [entry])
    twice = redriving.would_count_twice(doubts, entry, event)
    if twice is not None:
        return twice
    if await redriving.is_recorded(connection, event) and not await redriving.was_announced(connection, entry, event):
        return _ARRIVED if doubts else _TAKEN
    return None


def _from_file(entry: Entry, file: Path, rules: Rules) -> Sendable:
    try:
        value = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.", status=2)
    found = mending.mended(entry, value, rules, SystemClock().now())
    if isinstance(found, Refused):
        fail(f"{showing.refusal(found)}\nNothing was sent.")
    return found


def _from_editor(entry: Entry, rules: Rules) -> Sendable:
    """Let a person edit until it passes the checks or they give up; only then is what they wrote forgotten."""
    kept = mending.bytes_kept(entry)
    if isinstance(kept, Refused):
        fail(kept.words)
    value = kept
    while True:
        try:
            changed = edited(value)
        except EditorError as error:
            fail(str(error))
        if changed == value:
            fail("Nothing was changed, so nothing is sent. To send it in as it is: `pcare rejected redrive ID`.")
        value = changed
        found = mending.mended(entry, value, rules, SystemClock().now())
        if isinstance(found, Sendable):
            return found
        typer.echo(showing.refusal(found), err=True)
        if not (sys.stdin.isatty() and typer.confirm("Nothing was sent. Edit it again?", default=True, err=True)):
            fail("Nothing was sent.")
