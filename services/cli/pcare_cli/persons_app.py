"""`pcare persons`: what an operator puts right about people."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli.operator_options import Who, Why

app = typer.Typer(help="Put right what is known of people.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep the subcommand's name, though there is one only."""


@app.command()
def merge(
    *,
    file: Annotated[
        Path | None,
        typer.Option(help="A file with the two NHS numbers, a line each; default: you are asked. Destroy it after."),
    ] = None,
    ingest: Annotated[str, typer.Option(help="Base address of ingest.")] = "http://127.0.0.1:8080",
    who: Who = None,
    why: Why = None,
) -> None:
    """Make one person of two NHS numbers, who counts once from now on, in past years too. It cannot be undone.

    The numbers go to ingest, which makes pseudonyms of them (an API key: PCARE_API_KEY), and nowhere else.
    Needs PCARE_POSTGRES_DSN, and a recorder that runs.
    """
    from pcare_cli import merging
    from pcare_cli.console import fail
    from pcare_cli.operators import who_and_why

    name, reason = who_and_why(who, why)
    if file is None:
        numbers = [
            typer.prompt("The NHS number that is kept", hide_input=True),
            typer.prompt("The NHS number that is gone", hide_input=True),
        ]
    else:
        try:
            numbers = file.read_text().split("\n")
        except (OSError, UnicodeDecodeError) as error:
            fail(f"{file} cannot be read: {type(error).__name__}.", status=2)
    numbers = [number.strip() for number in numbers if number.strip()]
    if len(numbers) != 2:
        fail("Two NHS numbers are needed, a line each: the one that is kept, then the one that is gone.", status=2)
    kept, gone = merging.pseudonyms_of(numbers, ingest.rstrip("/"))
    merging.told(kept, gone)
    if file is None:
        typer.confirm("This cannot be undone. Are they one person?", abort=True)
    merging.merge(kept, gone, name, reason)
