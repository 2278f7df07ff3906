"""`pcare kafka`: let the services, and people who audit or mend, in to Kafka."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcare_cli.operator_options import DryRun, Who, Why

if TYPE_CHECKING:
    from pcare_cli.kafka_access.plan import User

app = typer.Typer(
    help="Let services in to Kafka, each with a password and what it may do. Providers: `pcare providers kafka`.",
    no_args_is_help=True,
)

AccessFile = Annotated[Path | None, typer.Option("--file", help="Who may do what; default deploy/kafka/access.yaml.")]
Name = Annotated[str, typer.Argument(help="The user, as `pcare kafka show` names it.")]
Servers = Annotated[
    str | None,
    typer.Option("--servers", help="host:port of the brokers as the user reaches them; default as this command does."),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="A file that holds the password, in place of one that is made up and shown."),
]


@app.command()
def show(file: AccessFile = None) -> None:
    """Print the plan: each user, and what it may do. Asks no cluster."""
    from pcare_cli.kafka_access import commands, table

    typer.echo(table.listing(commands.access_plan(file)))


@app.command()
def add(
    name: Name,
    *,
    file: AccessFile = None,
    servers: Servers = None,
    password_file: PasswordFile = None,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Make a user as it is planned, with a password that is shown once. May be repeated: the password then stays.

    With --password-file that is its password, also where it had another.
    """
    from pcare_cli.kafka_access import commands, handing_over
    from pcare_cli.operators import who_and_why

    said = None if dry_run else who_and_why(who, why)
    user = _planned(file, name)
    address = commands.address(servers)
    with commands.door() as opened:
        commands.let_in(opened, user, said, lambda: handing_over.for_service(name, address), password_file)


@app.command()
def rotate(name: Name, *, file: AccessFile = None, dry_run: DryRun = False, who: Who = None, why: Why = None) -> None:
    """Give a user another password, which is shown once. The old one opens nothing any more."""
    from pcare_cli.kafka_access import commands
    from pcare_cli.operators import who_and_why

    said = None if dry_run else who_and_why(who, why)
    user = _planned(file, name)
    with commands.door() as opened:
        commands.rotate(opened, user, said)


@app.command()
def remove(name: Name, *, file: AccessFile = None, dry_run: DryRun = False, who: Who = None, why: Why = None) -> None:
    """Take away a user's password and all that it may do. It stops at once what it does."""
    from pcare_cli.kafka_access import commands
    from pcare_cli.operators import who_and_why

    said = None if dry_run else who_and_why(who, why)
    user = _planned(file, name)
    with commands.door() as opened:
        commands.keep_out(opened, user, said)


@app.command()
def check(file: AccessFile = None) -> None:
    """Compare a cluster with the plan: exit 1 if they differ, and say in what. Providers have a check of their own."""
    from pcare_cli.kafka_access import commands
    from pcare_cli.kafka_access.cluster import MECHANISM
    from pcare_cli.kafka_access.drift import of_services

    plan = commands.access_plan(file)
    with commands.door() as opened:
        unlike = of_services(plan, opened.users, opened.everybody, MECHANISM)
    commands.end_with(unlike, "The users are as planned.")


def _planned(file: Path | None, name: str) -> "User":
    from pcare_cli.console import fail
    from pcare_cli.kafka_access import commands

    plan = commands.access_plan(file)
    user = plan.service(name)
    if user is None:
        fail(
            f"The plan has no user {name}. It has {', '.join(plan.users)}. Providers: `pcare providers kafka`.",
            status=2,
        )
    return user
