"""`pcare audit trail`: what is typed."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from pcare_cli.operator_options import Who, WhyIfAny


def trail(
    *,
    since: Annotated[str | None, typer.Option(help="From this London day on: 2024-03-05.")] = None,
    what: Annotated[list[str] | None, typer.Option(help="Acts of this name alone; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compute the chain again, and say what was tampered.")
    ] = False,
    head: Annotated[
        list[str] | None,
        typer.Option(help='With --verify: "POSITION HASH", as an earlier --verify printed it; may be repeated.'),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="With --verify: the file of a checkpoint that you kept; may be repeated."),
    ] = None,
    public_key: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE.pub",
            help="With --verify: the log's public key, which must have signed the checkpoints; may be repeated.",
        ),
    ] = None,
    who: Who = None,
    why: WhyIfAny = None,
) -> None:
    """Show what people did by command, in the order in which it took effect; or --verify that nobody changed that."""
    from pcare_cli.console import fail
    from pcare_cli.trail import command

    if verify and (since or what):
        fail("--verify looks at the whole trail: leave out --since and --what.", status=2)
    if not verify and (head or checkpoint or public_key):
        fail("--head, --checkpoint and --public-key are for --verify.", status=2)
    if verify:
        command.verify(head or (), checkpoint or (), public_key or (), as_json=as_json, who=who, why=why)
    else:
        command.show(_day(since), what or (), as_json=as_json, who=who, why=why)


def _day(text: str | None) -> dt.date | None:
    from pcare_cli.console import fail

    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is no day: write it like 2024-03-05.", status=2)
