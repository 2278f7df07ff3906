"""`pcare rejected`: what is typed. Each subcommand imports what it needs when it runs."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcare_cli.console import fail
from pcare_cli.operator_options import DryRun, Who, Why

if TYPE_CHECKING:
    from pcare_cli.desk.rejections import Filter
    from pcare_schemas.origin import Origin

app = typer.Typer(
    help="The rejection desk: look at what was rejected, mend it, send it in again.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The name of a rejection: topic/partition/offset.")]
Provider = Annotated[str | None, typer.Option(help="ODS code or slug of a provider, or `unknown`.")]
WhyRejected = Annotated[str | None, typer.Option("--reason", help="A reason code, such as invalid_data.")]
Since = Annotated[
    str | None, typer.Option(help="Received at or after this: a day of London, or an instant with its offset.")
]
Until = Annotated[str | None, typer.Option(help="Received before this, likewise.")]
States = Annotated[
    list[str] | None,
    typer.Option("--state", help="waiting, interrupted, sent, recorded or rejected_again; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(
    *,
    provider: Provider = None,
    reason: WhyRejected = None,
    since: Since = None,
    until: Until = None,
    state: States = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the latest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List rejected events, the latest first. Exit 1 when there are none."""
    from pcare_cli.desk import looking

    looking.show_list(_filter(provider, reason, since, until, states=state), limit, as_json=as_json)


@app.command()
def count(
    *,
    provider: Provider = None,
    reason: WhyRejected = None,
    since: Since = None,
    until: Until = None,
    state: States = None,
    as_json: AsJson = False,
) -> None:
    """Count rejected events by provider, reason, and what was done since. Exit 1 when there are none."""
    from pcare_cli.desk import looking

    looking.show_counts(_filter(provider, reason, since, until, states=state), as_json=as_json)


@app.command()
def show(rejection: Id, *, as_json: AsJson = False) -> None:
    """Show one: where it came from, what is wrong with it, its bytes, and what was done with it since."""
    from pcare_cli.desk import looking

    looking.show_one(_origin(rejection), as_json=as_json)


@app.command()
def repair(
    rejection: Id,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", help="The mended event; `-` reads it from standard input.")
    ] = None,
    who: Who = None,
    why: Why = None,
) -> None:
    """Mend a rejected event in your editor (VISUAL or EDITOR) or from a file, and send it in again.

    It passes the same checks first; what is still wrong is said, and nothing is sent. Exit 1 then.
    """
    from pcare_cli.desk import repairing
    from pcare_cli.operators import who_and_why

    repairing.repair(_origin(rejection), file, *who_and_why(who, why))


@app.command()
def redrive(
    rejections: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Names of rejections.")] = None,
    *,
    provider: Provider = None,
    reason: WhyRejected = None,
    since: Since = None,
    until: Until = None,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Send rejected events in again as they are: after the rules, the codes or the register were put right.

    Each passes the same checks first. What was sent in again before is left out; what is interrupted may be run
    again. Exit 1 when there is nothing to send.
    """
    from pcare_cli.desk import bulk
    from pcare_cli.operators import who_and_why

    wanted = _filter(provider, reason, since, until, rejections=rejections)
    if not wanted.narrows:
        fail("Say which: IDs, --provider, --reason, --since or --until. Begin with --dry-run.", status=2)
    if dry_run:
        bulk.count_first(wanted)
    else:
        bulk.redrive(wanted, *who_and_why(who, why))


@app.command()
def grant(
    provider: Annotated[str, typer.Argument(help="ODS code or slug of a provider.")],
    login: Annotated[str, typer.Argument(help="A login of PostgreSQL, made by an administrator.")],
    *,
    who: Who = None,
    why: Why = None,
) -> None:
    """Let a login see the rejections of a provider, and nothing else."""
    from pcare_cli.desk import members
    from pcare_cli.operators import who_and_why

    members.grant(provider, login, *who_and_why(who, why))


@app.command()
def revoke(
    provider: Annotated[str, typer.Argument(help="ODS code or slug of a provider.")],
    login: Annotated[str, typer.Argument(help="A login that `pcare rejected grant` let in.")],
    *,
    who: Who = None,
    why: Why = None,
) -> None:
    """Let a login see the rejections of a provider no longer."""
    from pcare_cli.desk import members
    from pcare_cli.operators import who_and_why

    members.revoke(provider, login, *who_and_why(who, why))


def _filter(
    provider: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
    *,
    states: list[str] | None = None,
    rejections: list[str] | None = None,
) -> "Filter":
    from pcare_cli.desk.rejections import Filter, State
    from pcare_schemas.rejections import Reason

    try:
        asked = None if reason is None else Reason(reason)
    except ValueError:
        fail(f"{reason!r} is no reason. The reasons are: {', '.join(Reason)}.", status=2)
    try:
        wanted = [State(state) for state in states or ()]
    except ValueError:
        fail(f"That is no state. The states are: {', '.join(State)}.", status=2)
    origins = [_origin(text) for text in rejections or ()]
    return Filter(provider, asked, _instant("--since", since), _instant("--until", until), wanted, origins)


def _origin(text: str) -> "Origin":
    from pcare_schemas.origin import Origin

    try:
        return Origin.parse(text)
    except ValueError:
        fail(f"{text!r} names no rejection: write topic/partition/offset, as `pcare rejected list` does.", status=2)


def _instant(option: str, text: str | None) -> dt.datetime | None:
    from pcare_kpi_aggregator.years import LONDON

    if text is None:
        return None
    try:
        if len(text) == len("2024-03-31"):
            return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), LONDON)
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        fail(f"{option} takes a day (2024-03-31) or an instant with its offset (2024-03-31T09:00:00+01:00).", status=2)
    return instant
