"""`pcare audit statement` and `check-statement`: what is typed."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from pcare_cli.operator_options import Who, WhyIfAny

YEARS = range(2000, 9999)
"""The years of which there may be a statement: of the first and the last the calendar has no day before or after."""


def statement(
    *,
    provider: Annotated[str | None, typer.Option(help="The code of one, RKE, or its source; default all.")] = None,
    day: Annotated[str | None, typer.Option(help="What arrived on this London day: 2024-03-05.")] = None,
    month: Annotated[str | None, typer.Option(help="What arrived in this month: 2024-03.")] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="Sign with this key of `pcare audit key new`; else PCARE_AUDIT_SIGNING_KEY_FILE."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write it to this file; default to the terminal.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the signed text in it.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, which is not signed.")] = False,
    topics: Annotated[
        bool, typer.Option(help="Read what the topics still hold; without, no repeats are known.")
    ] = True,
    who: Who = None,
    why: WhyIfAny = None,
) -> None:
    """State what arrived of a provider, or of all, and what became of it. Exit 1 where that does not add up."""
    from pcare_cli.console import fail
    from pcare_cli.statements.command import Asked, Form, state
    from pcare_cli.statements.rows import Period

    if (day is None) == (month is None):
        fail("Say which time: --day 2024-03-05, or --month 2024-03.", status=2)
    if as_json and as_csv:
        fail("--json or --csv: which of the two?", status=2)
    first = _day(day or f"{month}-01")
    last = first if month is None else (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
    form = Form.json if as_json else Form.csv if as_csv else Form.text
    state(Asked(Period(first, last), provider, topics), form, out, key, (who, why))


def check_statement(
    file: Annotated[Path, typer.Argument(help="A signed statement, as text or as JSON.")],
    *,
    public_key: Annotated[Path, typer.Option(help="The public key of whoever signed it: a file.")],
) -> None:
    """Check a statement offline: exit 0 if it is, to the letter, what was signed, and print it."""
    from pcare_cli.statements.checking import check

    check(file, public_key)


def _day(text: str) -> dt.date:
    from pcare_cli.console import fail

    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        fail(f"{text!r} is no day: write --day 2024-03-05, or --month 2024-03.", status=2)
    return day
