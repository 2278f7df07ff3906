"""What the commands that send in again run with: the database, Kafka; and what goes wrong, in words."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import asyncpg

from pcare_cli import console
from pcare_cli.console import fail
from pcare_cli.desk.redriving import Act, AnotherRedriveError, NotSentError, Redriver
from pcare_cli.desk.sending import DeskSender
from pcare_cli.operators import with_database

Result = TypeVar("Result")

AGAIN = (
    "Run it again when that is put right: what was sent already is left out, and what is in doubt counts once however "
    "often it is sent. `pcare rejected list --state interrupted` shows what is in doubt."
)


def with_redriver(act: Act, work: Callable[[asyncpg.Connection, Redriver], Awaitable[Result]]) -> Result:
    """Do `work` as the only one who sends in again; ends the process with one line and status 1 when that fails."""
    options = console.kafka_options()
    with _errors(), ExitStack() as closing:

        async def connected(connection: asyncpg.Connection) -> Result:
            redriver = Redriver(connection, lambda: closing.enter_context(DeskSender(options)), act)
            await redriver.lock()
            return await work(connection, redriver)

        return with_database(connected)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        with console.kafka_errors():
            yield
    except AnotherRedriveError:
        fail("Somebody else is sending in again at this moment. Wait until that has ended, then try again.")
    except NotSentError as error:
        fail(f"Kafka did not take everything: {error}. {AGAIN}")
