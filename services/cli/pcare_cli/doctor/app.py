"""`pcare doctor` as it is typed."""

from pathlib import Path
from typing import Annotated

import typer


def doctor(
    *,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Also count every record and row, and each KPI by SQL: takes minutes.")
    ] = False,
    send: Annotated[
        bool,
        typer.Option("--send", help="In a test system: send an event, follow it to the numbers, and take it back."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    seconds: Annotated[float, typer.Option(min=1, help="The longest that each look may take.")] = 30.0,
    topics_file: Annotated[
        Path | None, typer.Option("--topics-file", help="The file of topics; default deploy/kafka/topics.yaml.")
    ] = None,
    access_file: Annotated[
        Path | None, typer.Option("--access-file", help="Who may do what; default deploy/kafka/access.yaml.")
    ] = None,
) -> None:
    """Look at the running system from end to end; say what is wrong and what to do. Changes nothing.

    Looks at whatever the environment names: PCARE_KAFKA_…, PCARE_POSTGRES_DSN, PCARE_DOCTOR_…; says what it could not
    look at, and which setting would let it. Ends with 0 if all is well, 1 if something is wrong, 2 if it could not look
    at what it was given.
    """
    from pcare_cli.doctor.command import run
    from pcare_cli.doctor.reaching import Wanted

    status = run(Wanted(seconds, thorough, send, topics_file, access_file), as_json=as_json)
    if status:
        raise typer.Exit(status)
