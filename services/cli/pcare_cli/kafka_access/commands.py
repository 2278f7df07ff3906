"""What the commands about users of Kafka do: look, say what is to be done, do it, say what it was."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from kafka import KafkaAdminClient
from pydantic import SecretStr

from pcare_cli import console, topics
from pcare_cli.console import fail
from pcare_cli.kafka_access.cluster import MECHANISM, Cluster, NotDoneError
from pcare_cli.kafka_access.handing_over import Address
from pcare_cli.kafka_access.letting_in import Doorkeeper
from pcare_cli.kafka_access.plan import AccessPlan, AccessPlanError, Found, Permission, User, read_plan, to_add
from pcare_cli.kafka_access.trail import DatabaseTrail
from pcare_common import kafka_login
from pcare_common.kafka import KafkaSettings
from pcare_common.settings import load
from pcare_schemas.topics import provider_of_topic

SHORTEST_PASSWORD = 20


@dataclass(frozen=True, slots=True)
class Door:
    """A connection as the administrator, and what it saw when it was made."""

    admin: KafkaAdminClient
    cluster: Cluster
    options: dict[str, Any]
    users: dict[str, Found]
    everybody: list[Permission]
    topics: set[str]

    def found(self, user: User) -> Found:
        """Return what the cluster knows of a user."""
        found = self.users.get(user.name, Found())
        return Found(found.permissions, found.mechanisms, user.topic in self.topics)

    def keeper(self, who: str, why: str) -> Doorkeeper:
        """Return who does what this person asks for."""
        return Doorkeeper(self.cluster, DatabaseTrail(who, why), self.options)


def administrator() -> KafkaSettings:
    """Return how an administrator connects; ends the process with status 2 where that is not by a password over TLS."""
    settings = load(KafkaSettings)
    if settings.kafka_security_protocol != "SASL_SSL":
        fail(
            "Passwords are made over TLS and tried at once: set PCARE_KAFKA_SECURITY_PROTOCOL=SASL_SSL, and the name "
            "and password of an administrator. See docs/kafka-access.md.",
            status=2,
        )
    return settings


@contextmanager
def door() -> Iterator[Door]:
    """Connect as the administrator. Ends the process with one line where Kafka does not do what is asked."""
    options = administrator().kafka_python_options()
    try:
        with console.kafka_errors(), topics.admin_of(options) as admin:
            cluster = Cluster(admin)
            users, everybody = cluster.look()
            yield Door(admin, cluster, options, users, everybody, cluster.topics())
    except NotDoneError as error:
        fail(f"{error}. See that PCARE_KAFKA_SASL_USERNAME may alter users, and run this again: repeating is safe.")


def access_plan(file: Path | None) -> AccessPlan:
    """Read the file that says who may do what; a mistake in it ends the process."""
    try:
        return read_plan(file) if file else read_plan()
    except AccessPlanError as error:
        fail(str(error))


def address(servers: str | None) -> Address:
    """Return how clients reach the brokers: as this command does, unless `servers` says otherwise."""
    settings = load(KafkaSettings)
    file = settings.kafka_ssl_cafile
    authority = Path(file).read_text(encoding="utf-8") if file else None
    return Address(servers or settings.kafka_bootstrap_servers, authority, file)


def let_in(
    opened: Door,
    user: User,
    said: tuple[str, str] | None,
    told: Callable[[], str],
    password_file: Path | None = None,
) -> None:
    """Make `user` as it is planned. `said` is who does it and why: None does nothing but say what would be done.

    With a file its content is the password, from now on if it was another; else one is made up, unless there is one.
    """
    changes = to_add(user, opened.found(user), MECHANISM)
    password = None if password_file is None else _password(password_file)
    if password is not None and not changes.make_password:
        changes = replace(changes, make_password=not _opens(user.name, password))
    if not changes:
        typer.echo(f"{user.name} is in as planned, and its password stays. `rotate` makes another.")
        return
    for line in changes.in_words():
        typer.echo(f"{line}  ({user.name})")
    if said is None:
        typer.echo("Nothing was done.")
        return

    def show(password: str) -> None:
        if password_file is not None:
            typer.echo(f"{user.name} has the password of {password_file}, and no other.")
            return
        typer.echo(f"\nThe password of {user.name}, which is shown now and kept nowhere:\n\n    {password}\n")
        typer.echo(told())

    opened.keeper(*said).let_in(user, changes, lambda: _make_topic(opened.admin, user), show, password)
    if not changes.make_password:
        typer.echo(f"Done. The password of {user.name} stays; `rotate` makes another.")


def rotate(opened: Door, user: User, said: tuple[str, str] | None) -> None:
    """Give `user` another password; ends with status 1 where it has none."""
    if MECHANISM not in opened.found(user).mechanisms:
        fail(f"{user.name} has no password. `add` lets it in.")
    if said is None:
        typer.echo(f"{user.name} would get another password. Nothing was done.")
        return

    def show(password: str) -> None:
        typer.echo(f"The new password of {user.name}, which is shown now and kept nowhere:\n\n    {password}\n")

    opened.keeper(*said).rotate(user, show)
    typer.echo("The old one opens nothing any more. Who is connected stays so for connections.max.reauth.ms at most:")
    typer.echo("where the brokers have none, until the connection ends.")


def keep_out(opened: Door, user: User, said: tuple[str, str] | None) -> None:
    """Take away password and permissions of `user`."""
    found = opened.found(user)
    if not found.permissions and not found.mechanisms:
        typer.echo(f"{user.name} has no password and may do nothing: there is nothing to take away.")
        return
    for permission in sorted(found.permissions):
        typer.echo(f"revoke  {permission}  ({user.name})")
    typer.echo(f"remove  its password  ({user.name})")
    if said is None:
        typer.echo("Nothing was done.")
        return
    opened.keeper(*said).keep_out(user, found)
    typer.echo(f"{user.name} is out, also where it is connected.")
    if found.topic:
        typer.echo(f"The topic {user.topic} stays: what it holds is recorded like anything else.")


def end_with(unlike: Sequence[str], otherwise: str) -> None:
    """Print each difference and end with status 1; print `otherwise` if there is none."""
    for line in unlike:
        typer.echo(f"DIFFERS  {line}")
    if unlike:
        raise typer.Exit(1)
    typer.echo(otherwise)


def _password(file: Path) -> str:
    try:
        password = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"The password cannot be read from {file} ({error}).", status=2)
    if len(password) < SHORTEST_PASSWORD:
        fail(f"{file} holds no password of at least {SHORTEST_PASSWORD} characters.", status=2)
    return password


def _opens(name: str, password: str) -> bool:
    """Whether the brokers let this user in with this password. They do answer: we are connected."""
    given = {"kafka_sasl_username": name, "kafka_sasl_password": SecretStr(password), "kafka_sasl_mechanism": MECHANISM}
    as_user = administrator().model_copy(update=given)
    return asyncio.run(kafka_login.refusal_at_login(as_user.aiokafka_options())) is None


def _make_topic(admin: KafkaAdminClient, user: User) -> None:
    code = provider_of_topic(user.topic) if user.topic else None
    if code is not None:
        plan = console.plan_of(None)
        topics.create(admin, plan.model_copy(update={"topics": {}}), [code])
