"""What a verification found, for a person and for a program."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import typer

from pcare_audit.checkpoint import Checkpoint
from pcare_audit.sealed.verifying import DATABASE, Result
from pcare_cli.desk.showing import safe

SHOWN = 50
SOURCES = {DATABASE: "The database", "log": "The log"}


def show(results: Sequence[Result]) -> bool:
    """Print what was found, and whether everything holds."""
    for result in results:
        typer.echo(f"{SOURCES.get(result.source, 'What was given')}: {_sum(result)}")
        for finding in result.findings[:SHOWN]:
            typer.echo(f"  {safe(str(finding))}")  # a file from elsewhere could tell a terminal to hide the rest
        if result.total > SHOWN:
            typer.echo(f"  and {result.total - SHOWN:,} more: --json FILE lists a thousand")
    whole = holds(results)
    unproven = max((result.unproven_merges for result in results), default=0)
    if unproven:
        typer.echo(
            f"{unproven:,} merges of persons are sealed by no checkpoint yet: that events are about whom they say is "
            "not proven. Verify again after the next checkpoint, in five minutes or so."
        )
    waiting = max((result.waiting for result in results), default=0)
    if waiting:
        typer.echo(
            f"{waiting:,} records of the log wait for the next checkpoint: nothing is proven of them yet. If they "
            "still wait when it is made, ask who wrote them."
        )
    for beyond in (result.beyond for result in results if result.beyond is not None):
        typer.echo(
            f"The log goes on to the checkpoint {beyond}, made after the database was exported: what is new in it was "
            "not looked at. Export the database again, and then the log, to verify that too."
        )
    if whole:
        newest = results[0].newest
        typer.echo(f"VERIFIED: nothing was altered, reordered or removed up to the checkpoint {newest}.")
    elif results[0].newest is None and not any(result.total for result in results):
        typer.echo("NOTHING TO VERIFY: there is no checkpoint yet. `pcare audit seal` makes them.")
    else:
        typer.echo("NOT VERIFIED: see above. docs/tamper-evidence.md says what to do.")
    return whole


def holds(results: Sequence[Result]) -> bool:
    """Whether everything that was looked at is as it was sealed."""
    return results[0].newest is not None and not any(result.total for result in results)


def write(results: Sequence[Result], file: Path) -> None:
    """Write what was found as JSON. Raises OSError."""
    document = {"verified": holds(results), "sources": [_document(result) for result in results]}
    file.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


def _sum(result: Result) -> str:
    proven = "no checkpoint is proven" if result.proven is None else f"proven up to the checkpoint {result.proven}"
    found = "nothing is amiss" if not result.total else f"{result.total:,} findings"
    return f"{result.leaves:,} leaves, {result.checkpoints:,} checkpoints; {proven}; {found}"


def _document(result: Result) -> dict[str, Any]:
    return {
        "source": result.source,
        "leaves": result.leaves,
        "checkpoints": result.checkpoints,
        "newest": _checkpoint(result.newest),
        "proven": _checkpoint(result.proven),
        "unproven_merges": result.unproven_merges,
        "records_waiting": result.waiting,
        "log_goes_on_to": _checkpoint(result.beyond),
        "findings": [finding.document() for finding in result.findings],
        "findings_total": result.total,
    }


def _checkpoint(one: Checkpoint | None) -> dict[str, Any] | None:
    return None if one is None else {"size": one.size, "time": one.time}
