"""`pcare audit`: what an auditor asks of the whole system."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Look through everything that is kept.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep the subcommand's name, though there is one only."""


@app.command()
def identifiers(
    logs: Annotated[list[Path] | None, typer.Argument(help="Log files, and directories of them.")] = None,
    *,
    topics: Annotated[bool, typer.Option(help="Look through all topics of Kafka.")] = True,
    tables: Annotated[bool, typer.Option(help="Look through all tables of PostgreSQL.")] = True,
    register: Annotated[Path | None, typer.Option(help="A file of further providers, as the services have it.")] = None,
) -> None:
    """Look for NHS numbers in topics, tables and logs. Says where one stands, never which; exit 1 if there is any."""
    from pcare_cli.console import fail
    from pcare_cli.identifying.command import look

    if not (logs or topics or tables):
        fail("Nothing is left to look through.", status=2)
    look(logs or (), in_topics=topics, in_tables=tables, register=register)
