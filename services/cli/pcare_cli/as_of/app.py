"""`pcare audit as-of`."""

from typing import Annotated

import typer

from pcare_cli.operator_options import Who, WhyIfAny


def as_of(
    day: Annotated[str, typer.Argument(help="A past day (2024-03-31): the state at its end in London.")],
    *,
    known_at: Annotated[
        str | None,
        typer.Option(help="As known at the end of this day: only what had been recorded by then. Default: now."),
    ] = None,
    kpi: Annotated[list[str] | None, typer.Option(help="The id of a KPI; may be repeated; default all.")] = None,
    borough: Annotated[str | None, typer.Option(help="A borough by name or GSS code, or NCL; default all.")] = None,
    year: Annotated[
        str | None, typer.Option(help="A financial year, such as 2023/24, or `all`; default the one of the day.")
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="List each event that moved a number since, and what it moved.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    who: Who = None,
    why: WhyIfAny = None,
) -> None:
    """Say what the KPIs were for a day, as known on another one, and why today's answer differs.

    What the dashboard said on 15 April is `pcare audit as-of 2024-04-15 --known-at 2024-04-15`. The log is counted
    again, by what had been recorded and who had been merged by then, under today's catalogue, and SQL beside it. Exit
    status 1 if they differ. Needs PCARE_KAFKA_BOOTSTRAP_SERVERS and PCARE_POSTGRES_DSN; reads only.
    """
    from pcare_cli.as_of.command import Wanted, answer
    from pcare_cli.console import fail

    if as_json and as_csv:
        fail("--json or --csv: which of the two?", status=2)
    form = "json" if as_json else "csv" if as_csv else "table"
    answer(Wanted(day, known_at, tuple(kpi or ()), borough, year, events, form), who=who, why=why)
