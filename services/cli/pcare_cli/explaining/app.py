"""`pcare audit explain`."""

from typing import Annotated

import typer

from pcare_cli.operator_options import Who, WhyIfAny


def explain(
    kpi: Annotated[str, typer.Argument(help="The id of a KPI, such as sp_referrals.")],
    *,
    borough: Annotated[str, typer.Option(help="A borough by name or GSS code, or NCL.")] = "NCL",
    year: Annotated[
        str | None, typer.Option(help="A financial year, such as 2023/24; default the running one.")
    ] = None,
    events: Annotated[bool, typer.Option("--events", help="List each event that the number is made of.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    who: Who = None,
    why: WhyIfAny = None,
) -> None:
    """Say where one number comes from: its rule, the events that make it, what was read and by which program.

    The number is counted by a replay of the log and by SQL; exit status 1 if they differ. Needs
    PCARE_KAFKA_BOOTSTRAP_SERVERS and PCARE_POSTGRES_DSN; reads only.
    """
    from pcare_cli.explaining.command import Wanted
    from pcare_cli.explaining.command import explain as say

    say(Wanted(kpi, borough, year, events, as_json), who=who, why=why)
