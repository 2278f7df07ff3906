"""`pcare keys`: the keys of ingest are made, and the one for pseudonyms is changed for another."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli import console
from pcare_cli.operator_options import Who, Why

app = typer.Typer(
    help="Make the keys of ingest: for pseudonyms, and for access tokens; change the one for pseudonyms for another.",
    no_args_is_help=True,
)


@app.command()
def new(file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")]) -> None:
    """Make a pseudonym key that only its owner may read."""
    from pcare_ingest.keys import main as keys_main

    raise typer.Exit(keys_main(["new", str(file)]))


@app.command()
def token(file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")]) -> None:
    """Make a key that signs access tokens, the same for all copies of ingest, that only its owner may read."""
    from pcare_ingest.token_keys import main as token_keys_main

    raise typer.Exit(token_keys_main(["new", str(file)]))


@app.command()
def rotate(
    file: Annotated[Path | None, typer.Argument(help="The file to write the new key to; it must not exist.")] = None,
    *,
    finish: Annotated[bool, typer.Option("--finish", help="End it, if everybody is known under the new key.")] = False,
    leave_strangers: Annotated[
        bool, typer.Option("--leave-strangers", help="Leave the few who are known by made-up pseudonyms alone.")
    ] = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Begin to change the key for a new one, or --finish that. No KPI moves. Needs PCARE_POSTGRES_DSN."""
    from pcare_cli import key_rotation
    from pcare_cli.operators import who_and_why

    if finish == (file is not None):
        console.fail("Either a FILE for the new key, or --finish.", status=2)
    if file is None:
        key_rotation.finish(*who_and_why(who, why))
    else:
        key_rotation.rotate(file, *who_and_why(who, why), leave_strangers=leave_strangers)


@app.command()
def show() -> None:
    """Show how many persons are known by each key. Needs PCARE_POSTGRES_DSN, and no key."""
    from pcare_cli import key_rotation

    key_rotation.show()
