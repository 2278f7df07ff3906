"""`pcare audit identifiers`."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli.operator_options import Who, WhyIfAny


def identifiers(
    logs: Annotated[list[Path] | None, typer.Argument(help="Log files, and directories of them.")] = None,
    *,
    topics: Annotated[bool, typer.Option(help="Look through all topics of Kafka.")] = True,
    tables: Annotated[bool, typer.Option(help="Look through all tables of PostgreSQL.")] = True,
    register: Annotated[Path | None, typer.Option(help="A file of further providers, as the services have it.")] = None,
    who: Who = None,
    why: WhyIfAny = None,
) -> None:
    """Look for NHS numbers in topics, tables and logs. Says where one stands, never which; exit 1 if there is any."""
    from pcare_cli.console import fail
    from pcare_cli.identifying.command import Where, look

    if not (logs or topics or tables):
        fail("Nothing is left to look through.", status=2)
    look(Where(logs or (), topics, tables, register), who, why)
