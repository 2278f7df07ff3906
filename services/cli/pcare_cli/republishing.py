"""`pcare republish`: the topics, what the database holds of them, and a line in the audit trail."""

import asyncio

import asyncpg
import typer
from aiokafka.errors import KafkaError

from pcare_cli import console, topics
from pcare_cli.operators import add_act, with_database
from pcare_cli.postgres_errors import in_words
from pcare_cli.topic_plan import Plan
from pcare_common.errors import EXIT_CONFIGURATION, OperatorError
from pcare_common.settings import load
from pcare_recorder.errors import for_operator
from pcare_recorder.rebuild import RebuildSettings
from pcare_recorder.republish import republish
from pcare_schemas.topics import SUBMITTED


def republish_all(plan: Plan, who: str, why: str, only: str | None = None) -> None:
    """Make the topics that are missing, publish what the database holds (of `only` alone), and put down who did it.

    Ends the process with status 78 and one line where that must not be, or cannot be done.
    """
    config = load(RebuildSettings)
    providers = with_database(_providers)
    with console.kafka_errors(), topics.admin_of(console.kafka_options()) as admin:
        created = topics.create(admin, plan, providers).created
        for name in created:
            typer.echo(f"created  {name}")
    try:
        asyncio.run(republish(config, typer.echo, only))
    except (OperatorError, OSError, asyncpg.PostgresError, KafkaError) as error:
        console.fail(f"Cannot republish: {for_operator(error) or in_words(error)}", status=EXIT_CONFIGURATION)

    details = {"created": created} if only is None else {"created": created, "only": only}

    async def put_down(connection: asyncpg.Connection) -> None:
        await add_act(connection, who=who, what="log-republished", why=why, details=details)

    with_database(put_down)


async def _providers(connection: asyncpg.Connection) -> list[str]:
    """Return whose own topics the recorder has read."""
    own = f"{SUBMITTED}."
    found = await connection.fetch(
        "SELECT DISTINCT topic FROM pcare.cursors WHERE starts_with(topic, $1) ORDER BY topic", own
    )
    return [row[0].removeprefix(own) for row in found if "." not in row[0].removeprefix(own)]
