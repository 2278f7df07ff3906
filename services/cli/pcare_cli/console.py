"""What the subcommands share: settings, and errors as one line that says what to do."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from pcare_cli.topic_plan import Difference, Plan


def fail(message: str, *, status: int = 1) -> NoReturn:
    """Print a message to standard error and end with `status`."""
    typer.echo(message, err=True)
    raise typer.Exit(status)


def kafka_options() -> dict[str, Any]:
    """Return kafka-python's options from the environment; ends the process when a variable is wrong."""
    from pcare_common.kafka import KafkaSettings
    from pcare_common.settings import load

    return load(KafkaSettings).kafka_python_options()


@contextmanager
def kafka_errors() -> Iterator[None]:
    """Turn an error of Kafka into one line that says what to do, and exit status 1. Not for a loop that runs."""
    from kafka.errors import KafkaError

    try:
        yield
    except KafkaError as error:
        fail(_refusal_at_login(error) or kafka_advice(error))


def _refusal_at_login(error: Exception) -> str | None:
    """Return what to do where brokers do not let us in, which looks to the client as if they were away."""
    from pcare_common import kafka_login
    from pcare_common.kafka import KafkaSettings
    from pcare_common.kafka_errors import is_transient
    from pcare_common.settings import load

    if not is_transient(error):
        return None
    refused = asyncio.run(kafka_login.refusal_at_login(load(KafkaSettings).aiokafka_options()))
    return None if refused is None else str(refused)


def kafka_advice(error: Exception) -> str:
    """Return what `error`, raised by kafka-python, asks of a person."""
    from pcare_common.kafka_errors import in_words, is_transient, refusal

    if is_transient(error):
        return (
            f"Kafka cannot do it now ({in_words(error)}). See that the brokers run, and that "
            "PCARE_KAFKA_BOOTSTRAP_SERVERS says where; then run this again: repeating is safe."
        )
    refused = refusal(error)
    if refused is not None:
        return f"Kafka refuses ({in_words(error)}). {refused.value}."
    return f"Kafka did not do it ({in_words(error)}). This is a mistake of ours: report it, with the command."


def plan_of(file: Path | None) -> "Plan":
    """Read the file of topics, the repository's own by default; a mistake in it ends the process."""
    from pcare_cli.topic_plan import DEFAULT_FILE, PlanError, read_plan

    try:
        return read_plan(file or DEFAULT_FILE)
    except PlanError as error:
        fail(str(error))


def end_with(unlike: "Sequence[Difference]", otherwise: str) -> None:
    """Print each difference with its repair and end with status 1; print `otherwise` if there is none."""
    for difference in unlike:
        typer.echo(f"DIFFERS  {difference.topic}: {difference.text}. What to do: {difference.repair}.")
    if unlike:
        raise typer.Exit(1)
    typer.echo(otherwise)
