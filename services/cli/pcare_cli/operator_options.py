"""The options of commands that change the record by hand."""

from typing import Annotated

import typer

Who = Annotated[str | None, typer.Option("--who", help="Who does it, for the audit trail; default your login name.")]
Why = Annotated[str | None, typer.Option("--why", help="Why, for the audit trail. Must be given.")]
WhyIfAny = Annotated[str | None, typer.Option("--why", help="Why, for the audit trail; what it is by default.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
