"""`pcare audit replay`."""

from pathlib import Path
from typing import Annotated

import typer

Who = Annotated[str | None, typer.Option("--who", help="Who asks, for the audit trail; default your login name.")]
Why = Annotated[str | None, typer.Option("--why", help="Why, for the audit trail.")]


def replay(
    *,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", help="A topic to read; may be repeated. Default: all there are.")
    ] = None,
    begin: Annotated[
        list[str] | None,
        typer.Option("--from", help="From where: a time, or topic/partition/offset, which may be repeated."),
    ] = None,
    end: Annotated[list[str] | None, typer.Option("--to", help="To before where, likewise.")] = None,
    copy_of_log: Annotated[
        str | None, typer.Option(help="Read this topic as the log: how it is shown that a record is missing in one.")
    ] = None,
    aggregator: Annotated[
        str | None, typer.Option(help="The address of a kpi-aggregator, to compare with what it counts.")
    ] = None,
    group: Annotated[str, typer.Option(help="The recorder's consumer group.")] = "pcare-recorder",
    workers: Annotated[int, typer.Option(min=1, max=16, help="How many processes read and compare.")] = 2,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all that was found to this file.")] = None,
    who: Who = None,
    why: Why = None,
) -> None:
    """Read the topics again, judge and count anew, and compare with every row and KPI. Exit 1 if anything differs."""
    from pcare_cli.replaying.command import Asked, run

    run(
        Asked(
            topics=tuple(topic or ()),
            begin=tuple(begin or ()),
            end=tuple(end or ()),
            copy_of_log=copy_of_log,
            aggregator=aggregator,
            group=group,
            workers=workers,
            json_file=json_file,
            who=who,
            why=why,
        )
    )
