"""`pcare audit erase`."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli.operator_options import DryRun, Who, Why


def erase(
    *,
    file: Annotated[
        Path | None, typer.Option(help="A file with the NHS number; default: you are asked. Destroy it after.")
    ] = None,
    ingest: Annotated[str, typer.Option(help="Base address of ingest.")] = "http://127.0.0.1:8080",
    keep_submitted: Annotated[
        bool,
        typer.Option(
            "--keep-submitted",
            help="Delete nothing of the topics of submitted events: their retention does, in 90 days at most.",
        ),
    ] = False,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Erase a person: nobody can tell any more who they are in the log. The log and every count stay. Administrators'.

    The number goes to ingest, which makes pseudonyms of it (an API key: PCARE_API_KEY), and nowhere else. It cannot be
    undone; it may be run again. Needs PCARE_POSTGRES_DSN, and where events are on their way a recorder that runs.
    """
    from pcare_cli.console import fail
    from pcare_cli.erasing import command
    from pcare_cli.operators import said_if_any, who_and_why

    name, reason = said_if_any(who, why) if dry_run else who_and_why(who, why)
    if file is None:
        number = typer.prompt("The NHS number of the person", hide_input=True)
    else:
        try:
            number = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            fail(f"{file} cannot be read: {type(error).__name__}.", status=2)
    numbers = number.split()
    if len(numbers) != 1:
        fail("One NHS number is needed, ten digits without spaces, and nothing else.", status=2)
    command.run(
        numbers[0],
        ingest.rstrip("/"),
        name or "",
        reason or "",
        keep_submitted=keep_submitted,
        dry_run=dry_run,
        ask=file is None,
    )
