"""`pcare providers`: what is typed about entries. Each subcommand imports what it needs when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli.console import fail
from pcare_cli.operator_options import DryRun, Who, Why
from pcare_cli.providers.credential_apps import jwks_app, key_app
from pcare_cli.providers.options import (
    AsJson,
    BankHolidays,
    Code,
    Days,
    EventsPerSecond,
    ExpectedBy,
    Kind,
    Kinds,
    Name,
    Successor,
    Url,
    ValidFrom,
    ValidTo,
    actor,
    keys_of,
    refusals,
)
from pcare_cli.providers_kafka import app as over_kafka

app = typer.Typer(
    help="The provider register: who may send what, and by which credentials they prove who they are.",
    no_args_is_help=True,
)
app.add_typer(key_app, name="key")
app.add_typer(jwks_app, name="jwks")
app.add_typer(over_kafka.app, name="kafka")


@app.command()
def add(
    code: Code,
    *,
    name: Name = None,
    kind: Kind = None,
    valid_from: ValidFrom = None,
    valid_to: ValidTo = None,
    successor: Successor = None,
    kinds: Kinds = None,
    events_per_second: EventsPerSecond = None,
    key: Annotated[bool, typer.Option("--key", help="Make an API key too, unless it has one.")] = False,
    jwks: Annotated[Path | None, typer.Option("--jwks", help="Its public keys too, a JSON Web Key Set.")] = None,
    kafka: Annotated[bool, typer.Option("--kafka", help="Let it write to a topic of its own in Kafka too.")] = False,
    url: Url = None,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Register an organisation, and print what to send to it. May be repeated.

    Organisations of the built-in register take name, kind and days from there.
    """
    if kafka:
        over_kafka.expect_administrator()
    with refusals():
        from pcare_cli.providers import changing, plan, words

        given = words.changes(
            {"name": name, "kind": kind, "valid_from": valid_from, "valid_to": valid_to, "successor": successor},
            kinds,
            events_per_second,
        )
        wanted = changing.Wanted(key, () if jwks is None else keys_of(jwks), url)
        plan.carry_out(lambda now: changing.add(now, code, given, wanted), actor(who, why, dry_run=dry_run))
    if kafka and dry_run:
        typer.echo(f"Then Kafka: `pcare providers kafka add {code} --dry-run` shows that part once it is registered.")
    elif kafka:
        over_kafka.add(code, who=who, why=why)


@app.command("set")
def set_(
    code: Code,
    *,
    name: Name = None,
    kind: Kind = None,
    valid_from: ValidFrom = None,
    valid_to: ValidTo = None,
    successor: Successor = None,
    kinds: Kinds = None,
    events_per_second: EventsPerSecond = None,
    expected_by: ExpectedBy = None,
    days: Days = None,
    bank_holidays: BankHolidays = None,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Change what is given of an entry, and nothing else. What was recorded before stays as it is."""
    with refusals():
        from pcare_cli.providers import changing, plan, words

        given = words.changes(
            {"name": name, "kind": kind, "valid_from": valid_from, "valid_to": valid_to, "successor": successor},
            kinds,
            events_per_second,
        ) | words.expected(expected_by, days, bank_holidays)
        if not given:
            fail("Say what to change: `pcare providers set --help` lists it.", status=2)
        plan.carry_out(lambda now: changing.change(now, code, given), actor(who, why, dry_run=dry_run))


@app.command()
def end(
    code: Code,
    *,
    on: Annotated[str, typer.Option("--on", help="Events from this day on are refused (2026-04-01).")],
    successor: Annotated[str | None, typer.Option("--successor", help="Code of who takes over.")] = None,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Let an organisation end on a day. What took place before may still be sent."""
    with refusals():
        from pcare_cli.providers import changing, plan, words

        day = words.day("--on", on)
        plan.carry_out(lambda now: changing.end(now, code, day, successor), actor(who, why, dry_run=dry_run))


@app.command("list")
def list_(
    *,
    everyone: Annotated[bool, typer.Option("--all", help="Also those of register files.")] = False,
    as_json: AsJson = False,
) -> None:
    """List who is registered here, with the credentials that are live. Exit 1 when there is nobody."""
    with refusals():
        from pcare_cli.providers import showing

        showing.show_list(everyone=everyone, as_json=as_json)


@app.command()
def show(code: Code, *, as_json: AsJson = False) -> None:
    """Show an entry, all its credentials, and who changed what and why."""
    with refusals():
        from pcare_cli.providers import showing

        showing.show_one(code, as_json=as_json)


@app.command()
def revoke(
    credential: Annotated[str, typer.Argument(metavar="CREDENTIAL-ID", help="The id of an API key, or a client id.")],
    *,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Take a credential back, for ever."""
    with refusals():
        from pcare_cli.providers import credentials, plan

        plan.carry_out(lambda now: credentials.revoke(now, credential), actor(who, why, dry_run=dry_run))
