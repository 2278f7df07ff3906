"""The command: the trail as people read it and as JSON, and what a verification says."""

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import typer

from pcare_audit.acts_chain import Act, Head, Verdict, heads_of_note, parse_head
from pcare_audit.london import midnight
from pcare_audit.signed_note import NoteError, Opens, Verifier, Verifiers
from pcare_cli.audit_reading import put_down, read
from pcare_cli.console import fail
from pcare_cli.desk.showing import moment, safe
from pcare_cli.trail import reading
from pcare_schemas.instants import utc_milliseconds

WHAT = "audit-trail"
CHECKPOINT_AT_MOST = 65_536


def show(since: dt.date | None, what: Sequence[str], *, as_json: bool, who: str | None, why: str | None) -> None:
    """Print the acts asked for, in the order in which they took effect; this look is itself the last of them."""
    put_down(WHAT, {"since": None if since is None else str(since), "what": list(what)}, who=who, why=why)

    async def work(connection: asyncpg.Connection) -> int:
        shown = 0
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            async for position, act in reading.acts(connection, None if since is None else midnight(since), what):
                typer.echo(json.dumps(document(position, act)) if as_json else line(position, act))
                shown += 1
        return shown

    if not read(work) and not as_json:
        typer.echo("Nothing of that was done.")


def verify(
    heads: Sequence[str],
    checkpoints: Sequence[Path],
    public_keys: Sequence[Path],
    *,
    as_json: bool,
    who: str | None,
    why: str | None,
) -> None:
    """Compute the chain again, compare it with the heads given and signed, and end with 1 where anything is found."""
    kept = [*map(_head, heads), *(head for path in checkpoints for head in _heads_of_file(path))]
    key = _key(public_keys)

    async def work(connection: asyncpg.Connection) -> tuple[Verdict, int]:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            verification, signed = await reading.look_through(connection, kept, key)
            return verification.verdict(), signed

    verdict, signed = read(work)
    told = {"verify": True, "whole": verdict.whole, "acts": verdict.acts, "head": _text(verdict), "checkpoints": signed}
    told["signatures_checked"] = key is not None
    number = put_down(WHAT, told, who=who, why=why)
    if as_json:
        found = {"findings": list(verdict.findings), "findings_total": verdict.number}
        typer.echo(json.dumps({**told, "kept": len(kept), **found, "act": number}, indent=2))
    else:
        for sentence in in_words(verdict, signed, len(kept), opened=key is not None):
            typer.echo(sentence)
    if not verdict.whole:
        raise typer.Exit(1)


def line(position: int | None, act: Act) -> str:
    """Return an act as a person reads it, in one line that is safe to print."""
    place = "-" if position is None else str(position)
    said = f"{place:>6}  {moment(act.at)}  {safe(act.what)}  by {safe(act.who)} ({safe(act.login)}): {safe(act.why)}"
    said += f"  [altered: {safe(act.odd)}]" if act.odd else ""
    details = json.dumps(json.loads(act.details), ensure_ascii=False)
    return said if details == "{}" else f"{said}  {safe(details)}"


def document(position: int | None, act: Act) -> dict[str, object]:
    """Return an act as JSON values."""
    return {
        "position": position,
        "number": act.number,
        "at": utc_milliseconds(act.at),
        "who": act.who,
        "login": act.login,
        "what": act.what,
        "why": act.why,
        "details": json.loads(act.details),
    }


def in_words(verdict: Verdict, signed: int, kept: int, *, opened: bool) -> list[str]:
    """Return what a verification says. The last line begins with `whole:` or `NOT WHOLE:`."""
    said = [f"FOUND  {safe(sentence)}" for sentence in verdict.findings]
    if verdict.number > len(verdict.findings):
        said.append(f"       and {verdict.number - len(verdict.findings):,} more")
    against = f"{signed:,} heads of {'signed ' if opened else ''}checkpoints and {kept:,} that you gave"
    if not verdict.whole:
        said.append(f"NOT WHOLE: {verdict.number:,} findings in {verdict.acts:,} acts, compared with {against}.")
        return said
    if verdict.head is not None:
        said.append(f"The trail ends with: {verdict.head}")
        said.append('Keep that line where nobody here can change it; another day: --verify --head "…" holds to it.')
    if not signed and not kept:
        said.append("It was compared with nothing kept elsewhere: an end that was cut off would not show.")
    if signed and not opened:
        said.append("Whether the log's key signed those checkpoints was not looked at: --public-key FILE.pub does.")
    said.append(f"whole: {verdict.acts:,} acts, each chained to the one before; compared with {against}.")
    return said


def _text(verdict: Verdict) -> str | None:
    return None if verdict.head is None else str(verdict.head)


def _key(files: Sequence[Path]) -> Opens | None:
    try:
        return Verifiers([Verifier.load(file) for file in files]) if files else None
    except NoteError as error:
        fail(str(error), status=2)


def _head(text: str) -> Head:
    try:
        return parse_head(text, "the head that you gave")
    except ValueError as error:
        fail(str(error), status=2)


def _heads_of_file(path: Path) -> list[Head]:
    try:
        with path.open("rb") as file:
            note = file.read(CHECKPOINT_AT_MOST).decode()
        return list(heads_of_note(note, f"the checkpoint in {path}"))
    except (OSError, ValueError) as error:
        fail(f"{path} is no checkpoint: {error}", status=2)
