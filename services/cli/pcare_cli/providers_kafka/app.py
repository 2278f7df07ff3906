"""`pcare providers kafka`: let a provider write to a topic of its own, and to nothing else."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from pcare_cli.kafka_access.app import AccessFile, PasswordFile, Servers
from pcare_cli.operator_options import DryRun, Who, Why

if TYPE_CHECKING:
    from pcare_cli.kafka_access.plan import AccessPlan, User

app = typer.Typer(
    help="Let a provider write to a topic of its own in Kafka, and to nothing else.", no_args_is_help=True
)

Code = Annotated[str, typer.Argument(help="ODS code, slug or source of a provider of the register.")]


@app.command()
def add(
    code: Code,
    *,
    file: AccessFile = None,
    servers: Servers = None,
    password_file: PasswordFile = None,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
) -> None:
    """Make a provider's topic, its permissions and a password that is shown once, and print what to send to it.

    May be repeated: what is there stays, the password too, unless --password-file holds another.
    """
    from pcare_cli.console import fail
    from pcare_cli.kafka_access import commands, handing_over
    from pcare_cli.kafka_access.plan import PROVIDER_USER
    from pcare_cli.operators import who_and_why
    from pcare_cli.providers_kafka import registered

    said = None if dry_run else who_and_why(who, why)
    user = _of(commands.access_plan(file), code)
    if user.name.removeprefix(PROVIDER_USER) not in registered.slugs():
        fail(f"The register has no provider {code}: nothing that it sends would be recorded. Register it first.")
    address = commands.address(servers)
    with commands.door() as opened:
        commands.let_in(
            opened,
            user,
            said,
            lambda: handing_over.for_provider(user.name, str(user.topic), address),
            password_file,
        )


@app.command()
def rotate(code: Code, *, dry_run: DryRun = False, who: Who = None, why: Why = None) -> None:
    """Give a provider another password, which is shown once. The old one opens nothing any more."""
    from pcare_cli.kafka_access import commands
    from pcare_cli.operators import who_and_why

    said = None if dry_run else who_and_why(who, why)
    user = _of(commands.access_plan(None), code)
    with commands.door() as opened:
        commands.rotate(opened, user, said)


@app.command()
def remove(code: Code, *, dry_run: DryRun = False, who: Who = None, why: Why = None) -> None:
    """Take away a provider's password and all that it may do. Its topic stays, and what it holds is recorded."""
    from pcare_cli.kafka_access import commands
    from pcare_cli.operators import who_and_why

    said = None if dry_run else who_and_why(who, why)
    user = _of(commands.access_plan(None), code)
    with commands.door() as opened:
        commands.keep_out(opened, user, said)


@app.command()
def check(
    codes: Annotated[
        list[str] | None, typer.Argument(help="Providers that should be in; all who are in are checked.")
    ] = None,
    *,
    file: AccessFile = None,
) -> None:
    """Compare the providers that are in with the plan and the register: exit 1 if they differ, and say in what."""
    from pcare_cli.kafka_access import commands
    from pcare_cli.kafka_access.cluster import MECHANISM
    from pcare_cli.kafka_access.drift import of_providers
    from pcare_cli.providers_kafka import registered

    plan = commands.access_plan(file)
    for code in codes or ():
        _of(plan, code)
    slugs = registered.slugs()
    with commands.door() as opened:
        unlike = of_providers(
            plan,
            opened.users,
            asked=map(_code, codes or ()),
            registered=slugs,
            topics=opened.topics,
            mechanism=MECHANISM,
        )
    commands.end_with(unlike, "The providers that are in are as planned.")


def expect_administrator() -> None:
    """End the process, before anything is done, where the settings name no administrator of Kafka."""
    from pcare_cli.kafka_access import commands

    commands.administrator()


def _code(text: str) -> str:
    """Return the code in what may be a whole source: https://fhir.nhs.uk/Id/…/RKE, urn:ncl:provider:<slug>."""
    return re.split("[/:]", text)[-1]


def _of(plan: "AccessPlan", code: str) -> "User":
    from pcare_cli.console import fail

    try:
        return plan.of_provider(_code(code))
    except ValueError as error:
        fail(f"{code!r}: {error}.", status=2)
