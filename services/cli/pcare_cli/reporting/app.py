"""`pcare audit report`, and `pcare audit check-report` for whoever is handed one."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli.operator_options import Who, WhyIfAny

DEFAULT_SYSTEM = "Personalised Care Recorder, North Central London"


def report(
    *,
    out: Annotated[Path, typer.Option(help="The page to write, .html; its JSON and its note come beside it.")],
    from_file: Annotated[
        Path | None,
        typer.Option("--from", help="The result that `pcare audit replay --json FILE` wrote; without it, replay now."),
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", help="To replay now: a topic to read; may be repeated.")
    ] = None,
    begin: Annotated[
        list[str] | None,
        typer.Option("--replay-from", help="To replay now: from where, as `pcare audit replay --from`."),
    ] = None,
    end: Annotated[list[str] | None, typer.Option("--replay-to", help="To replay now: to before where.")] = None,
    aggregator: Annotated[
        str | None, typer.Option(help="To replay now: a kpi-aggregator's address, to compare with what it counts.")
    ] = None,
    group: Annotated[str, typer.Option(help="To replay now: the recorder's consumer group.")] = "pcare-recorder",
    workers: Annotated[int, typer.Option(min=1, max=16, help="To replay now: how many processes.")] = 2,
    key: Annotated[
        Path | None,
        typer.Option(help="Sign with this key of `pcare audit key new`; else PCARE_AUDIT_SIGNING_KEY_FILE."),
    ] = None,
    log_public_key: Annotated[
        Path | None, typer.Option(help="The log's public key, to verify with it what the database says was sealed.")
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Apply disclosure control, and name no event.")] = False,
    system: Annotated[str, typer.Option(help="What stands above the title: whose record this is.")] = DEFAULT_SYSTEM,
    database: Annotated[bool, typer.Option(help="Draw the months and read the checkpoint from the database.")] = True,
    who: Who = None,
    why: WhyIfAny = None,
) -> None:
    """Make one page of a replay that can be handed on: verdict, differences, indicators, months, signature.

    Exit 0 if the replay found everything equal, 1 if it did not. The page is written either way.
    """
    from pcare_cli.console import fail
    from pcare_cli.reporting.command import Wanted, make
    from pcare_cli.reporting.replaying_now import Now

    if from_file is not None and (topic or begin or end or aggregator):
        fail("--from is of a replay that was made: leave out what is for a replay now.", status=2)
    now = Now(tuple(topic or ()), tuple(begin or ()), tuple(end or ()), aggregator, group, workers)
    make(
        Wanted(
            out=out,
            result=from_file,
            now=now,
            key=key,
            log_key=log_public_key,
            publish=publish,
            system=system,
            database=database,
            who=who,
            why=why,
        )
    )


def check_report(
    file: Annotated[Path, typer.Argument(help="A page of `pcare audit report`, or its JSON.")],
    *,
    public_key: Annotated[Path, typer.Option(help="The public key that you were given.")],
    note: Annotated[
        Path | None, typer.Option(help="The note beside a JSON; default the file of the same name with .note.")
    ] = None,
) -> None:
    """Say whether a report is just what was signed. Needs no network and no database. Exit 1 if it is not."""
    from pcare_cli.reporting.checking import check

    check(file, public_key, note)
