"""`pcare providers key` and `jwks`: what is typed about credentials."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli.operator_options import DryRun, Who, Why
from pcare_cli.providers.options import ClientId, Code, Expires, actor, end_of_life, keys_of, refusals

key_app = typer.Typer(help="API keys, for small senders.", no_args_is_help=True)
jwks_app = typer.Typer(help="Public keys of providers that sign for their access tokens.", no_args_is_help=True)


@key_app.command("new")
def key_new(code: Code, *, expires: Expires = None, dry_run: DryRun = False, who: Who = None, why: Why = None) -> None:
    """Make an API key and print it, this once. Those that the provider has stay as they are."""
    with refusals():
        from pcare_cli.providers import credentials, plan

        until = end_of_life(expires)
        plan.carry_out(lambda now: credentials.give_key(now, code, until), actor(who, why, dry_run=dry_run))


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
    with refusals():
        from pcare_cli.providers import plan, signing_keys

        keys, until = keys_of(file), end_of_life(expires)
        plan.carry_out(
            lambda now: signing_keys.give_keys(now, code, keys, client_id, until), actor(who, why, dry_run=dry_run)
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
    with refusals():
        from pcare_cli.providers import plan, signing_keys

        plan.carry_out(lambda now: signing_keys.remove_key(now, code, kid, client_id), actor(who, why, dry_run=dry_run))
