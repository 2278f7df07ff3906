"""The audit trail of what is done to users of Kafka, which no transaction of PostgreSQL holds together with the trail.

So an act is written before Kafka is asked, with all that is about to be done, and its outcome after: nothing is ever
done that the trail does not tell of. An act without an outcome was broken off: `check` shows how far it came.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import asyncpg

from pcare_cli.operators import add_act, with_database
from pcare_common.kafka_errors import in_words

OUTCOME = "kafka-outcome"


class Trail(Protocol):
    """Where it is written who does something."""

    def act(self, what: str, details: Mapping[str, Any]) -> Any:
        """Return a context that writes an act when it is entered, and how it ended when it is left."""
        ...


class DatabaseTrail:
    """Writes into pcare.acts of PCARE_POSTGRES_DSN; ends the process with one line and status 1 where that fails."""

    def __init__(self, who: str, why: str) -> None:
        self._who = who
        self._why = why

    @contextmanager
    def act(self, what: str, details: Mapping[str, Any]) -> Iterator[None]:
        """See the protocol."""
        number = self._write(what, details)
        try:
            yield
        except Exception as error:
            self._write(OUTCOME, {"act": number, "done": False, "error": in_words(error)})
            raise
        self._write(OUTCOME, {"act": number, "done": True})

    def _write(self, what: str, details: Mapping[str, Any]) -> int:
        async def work(connection: asyncpg.Connection) -> int:
            return await add_act(connection, who=self._who, what=what, why=self._why, details=dict(details))

        return with_database(work)
