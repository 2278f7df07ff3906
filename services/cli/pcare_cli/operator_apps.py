"""`pcare breaker` and `pcare gap`: the recorder has stopped before something, and a person decides."""

from typing import Annotated

import typer

from pcare_cli.operator_options import DryRun, Who, Why

breaker_app = typer.Typer(help="Let through what made the recorder's circuit breaker open.", no_args_is_help=True)
gap_app = typer.Typer(help="Go on past what retention deleted before it was recorded.", no_args_is_help=True)


@breaker_app.callback()
@gap_app.callback()
def _group() -> None:
    """Keep the subcommand's name, though there is one only."""


@breaker_app.command()
def release(
    topic: Annotated[str, typer.Argument(help="The topic that the recorder reads no further.")],
    *,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Let everything pass that waits in a topic now, rejected or not. The breaker counts anew after it."""
    from pcare_cli import breaker
    from pcare_cli.operators import who_and_why

    breaker.release(topic, *(("", "") if dry_run else who_and_why(who, why)), dry_run=dry_run)


@gap_app.command()
def accept(
    partition: Annotated[str, typer.Argument(metavar="TOPIC/PARTITION", help="As the recorder's message has it.")],
    first: Annotated[int, typer.Argument(min=0, help="The first offset that is lost.")],
    last: Annotated[int, typer.Argument(min=0, help="The last offset that is lost.")],
    *,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Let the recorder go on after offsets that are lost. Ask their provider to send those events again."""
    from pcare_cli import gap
    from pcare_cli.operators import who_and_why

    asked = gap.parse_partition(partition)
    gap.accept(asked, first, last, *(("", "") if dry_run else who_and_why(who, why)), dry_run=dry_run)
