"""`pcare demo` on a terminal or without one: what it prints, and with which status it ends."""

import asyncio
import sys

import typer
from rich.console import Console

from pcare_cli.console import fail
from pcare_cli.demo.run import Demo, run
from pcare_local.directory_lock import DirectoryInUseError
from pcare_local.jars import KafkaUnavailableError
from pcare_local.java import JavaNotFoundError
from pcare_local.processes import ProcessError

PLAIN_WIDTH = 120


def run_demo(demo: Demo) -> None:
    """Run the demo and end with its status; the verdict, if there is one, is the last line."""
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
    try:
        outcome = asyncio.run(run(demo, console))
    except (KafkaUnavailableError, JavaNotFoundError, DirectoryInUseError, ProcessError) as error:
        fail(str(error))
    if outcome.verdict is not None:
        typer.echo(outcome.verdict)
    raise typer.Exit(outcome.status)
