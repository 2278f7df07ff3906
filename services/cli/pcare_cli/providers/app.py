"""`pcare providers`: what is typed. Each subcommand imports what it needs when it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcare_cli.console import fail
from pcare_cli.operator_options import DryRun, Who, Why

if TYPE_CHECKING:
    import datetime as dt

    from pcare_cli.providers.plan import Actor
    from pcare_cli.providers.public_keys import PublicKey

app = typer.Typer(
    help="The provider register: who may send what, and by which credentials they prove who they are.",
    no_args_is_help=True,
)
key_app = typer.Typer(help="API keys, for small senders.", no_args_is_help=True)
jwks_app = typer.Typer(help="Public keys of providers that sign for their access tokens.", no_args_is_help=True)
app.add_typer(key_app, name="key")
app.add_typer(jwks_app, name="jwks")

Code = Annotated[
    str, typer.Argument(metavar="CODE", help="An ODS code (RKE), or urn:ncl:provider:<slug> where there is none.")
]
Name = Annotated[str | None, typer.Option("--name", help="What it is called.")]
Kind = Annotated[str | None, typer.Option("--kind", help="gp_practice, trust, council, voluntary_sector, icb or ccg.")]
ValidFrom = Annotated[
    str | None, typer.Option("--valid-from", help="Events from this day on are taken (2026-04-01); `none`: all.")
]
ValidTo = Annotated[
    str | None, typer.Option("--valid-to", help="Events before this day are taken; `none`: all that come.")
]
Successor = Annotated[str | None, typer.Option("--successor", help="Code of who took over; `none`: nobody.")]
Kinds = Annotated[
    str | None, typer.Option("--kinds", help="The kinds of event that it may send, with commas; `all` is the default.")
]
EventsPerSecond = Annotated[
    int | None,
    typer.Option("--events-per-second", min=0, max=1_000_000, help="Over HTTP; 0: what ingest grants by default."),
]
Expires = Annotated[
    str | None, typer.Option("--expires", help="Refused from the start of this day in London, or from an instant on.")
]
ClientId = Annotated[
    str | None, typer.Option("--client-id", help="Where a provider has several systems; default its one, or a new one.")
]
Url = Annotated[str | None, typer.Option("--url", help="Address of ingest as providers reach it, for what is printed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
    url: Url = None,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Register an organisation, and print what to send to it. May be repeated.

    Organisations of the built-in register take name, kind and days from there.
    """
    with _refusals():
        from pcare_cli.providers import changing, plan, words

        given = words.changes(
            {"name": name, "kind": kind, "valid_from": valid_from, "valid_to": valid_to, "successor": successor},
            kinds,
            events_per_second,
        )
        wanted = changing.Wanted(key, () if jwks is None else _keys(jwks), url)
        plan.carry_out(lambda now: changing.add(now, code, given, wanted), _actor(who, why, dry_run=dry_run))


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
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Change what is given of an entry, and nothing else. What was recorded before stays as it is."""
    with _refusals():
        from pcare_cli.providers import changing, plan, words

        given = words.changes(
            {"name": name, "kind": kind, "valid_from": valid_from, "valid_to": valid_to, "successor": successor},
            kinds,
            events_per_second,
        )
        if not given:
            fail("Say what to change: `pcare providers set --help` lists it.", status=2)
        plan.carry_out(lambda now: changing.change(now, code, given), _actor(who, why, dry_run=dry_run))


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
    with _refusals():
        from pcare_cli.providers import changing, plan, words

        day = words.day("--on", on)
        plan.carry_out(lambda now: changing.end(now, code, day, successor), _actor(who, why, dry_run=dry_run))


@app.command("list")
def list_(
    *,
    everyone: Annotated[bool, typer.Option("--all", help="Also those of register files.")] = False,
    as_json: AsJson = False,
) -> None:
    """List who is registered here, with the credentials that are live. Exit 1 when there is nobody."""
    with _refusals():
        from pcare_cli.providers import showing

        showing.show_list(everyone=everyone, as_json=as_json)


@app.command()
def show(code: Code, *, as_json: AsJson = False) -> None:
    """Show an entry, all its credentials, and who changed what and why."""
    with _refusals():
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
    with _refusals():
        from pcare_cli.providers import credentials, plan

        plan.carry_out(lambda now: credentials.revoke(now, credential), _actor(who, why, dry_run=dry_run))


@key_app.command("new")
def key_new(code: Code, *, expires: Expires = None, dry_run: DryRun = False, who: Who = None, why: Why = None) -> None:
    """Make an API key and print it, this once. Those that the provider has stay as they are."""
    with _refusals():
        from pcare_cli.providers import credentials, plan

        until = _end_of_life(expires)
        plan.carry_out(lambda now: credentials.give_key(now, code, until), _actor(who, why, dry_run=dry_run))


@key_app.callback()
def _key_group() -> None:
    """Keep the subcommand's name, though there is one only."""


@jwks_app.command("add")
def jwks_add(
    code: Code,
    *,
    file: Annotated[Path, typer.Option("--file", help="A JSON Web Key Set with public keys only.")],
    client_id: ClientId = None,
    expires: Expires = None,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Accept these public keys of a provider, beside those that it has: old and new, while it changes over."""
    with _refusals():
        from pcare_cli.providers import plan, signing_keys

        keys, until = _keys(file), _end_of_life(expires)
        plan.carry_out(
            lambda now: signing_keys.give_keys(now, code, keys, client_id, until), _actor(who, why, dry_run=dry_run)
        )


@jwks_app.command("remove")
def jwks_remove(
    code: Code,
    kid: Annotated[str, typer.Argument(metavar="KID", help="The id of the key to accept no longer.")],
    *,
    client_id: ClientId = None,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Accept a public key no longer: the end of a change of keys."""
    with _refusals():
        from pcare_cli.providers import plan, signing_keys

        plan.carry_out(
            lambda now: signing_keys.remove_key(now, code, kid, client_id), _actor(who, why, dry_run=dry_run)
        )


@contextmanager
def _refusals() -> Iterator[None]:
    """End the process with status 2 for what is typed wrong."""
    from pcare_cli.providers.words import RefusedError

    try:
        yield
    except RefusedError as error:
        fail(str(error), status=2)


def _actor(who: str | None, why: str | None, *, dry_run: bool) -> "Actor":
    from pcare_cli.operators import who_and_why
    from pcare_cli.providers.plan import Actor

    return Actor("", "", dry_run=True) if dry_run else Actor(*who_and_why(who, why))


def _end_of_life(expires: str | None) -> "dt.datetime | None":
    from pcare_cli.providers import words
    from pcare_common.clock import SystemClock

    return None if expires is None else words.end_of_life(expires, SystemClock().now())


def _keys(file: Path) -> "tuple[PublicKey, ...]":
    from pcare_cli.providers import public_keys

    try:
        content = file.read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.", status=2)
    return public_keys.read(content)
