"""Publishes the merges of persons that an operator put down in the database."""

from collections.abc import Callable

import asyncpg

from pcare_common import logs
from pcare_common.clock import Clock
from pcare_recorder import merges
from pcare_recorder.database import Database
from pcare_recorder.merges import Merge, merge_message
from pcare_recorder.publisher import Publisher
from pcare_schemas.topics import RECORDED, SUBJECTS

LOOK_EVERY_SECONDS = 1.0
PUBLISH_SECONDS = 1.0  # then records are read again

log = logs.get(__name__)


class MergePublishing:
    """Looks every second whether there is a merge to publish. Several recorders may: to publish again is harmless."""

    def __init__(self, database: Database, publisher: Publisher, clock: Clock) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._next_look = float("-inf")

    async def publish_pending(self, go_on: Callable[[], bool]) -> None:
        """Publish what there is, if it is time to look, for a second or so and while it may `go_on`.

        What is left is published when it is called next. Raises what the clients raise; then it is published again.
        """
        began = self._clock.monotonic()
        if began < self._next_look:
            return
        connection = await self._database.connection()
        for merge in await merges.pending(connection):
            if self._clock.monotonic() - began > PUBLISH_SECONDS or not await self._publish(connection, merge, go_on):
                return
        self._next_look = self._clock.monotonic() + LOOK_EVERY_SECONDS

    async def _publish(self, connection: asyncpg.Connection, merge: Merge, go_on: Callable[[], bool]) -> bool:
        # The merge is on both topics before a link or an event is said anew: whoever reads an event twice knows why.
        # On the topic of subjects first: a rebuild knows merges from there, and takes links for what they are.
        await self._publisher.publish([merge_message(merge, SUBJECTS)], [merge_message(merge, RECORDED)])
        async with connection.transaction():
            # Links that are read must be published before somebody may erase them: then they are gone from both.
            await merges.hold(connection, merge)
            await self._publisher.publish(await merges.links(connection, merge), [])
        number = 0
        async for messages in merges.event_messages(connection, merge):
            if not go_on():
                return False
            await self._publisher.publish([], messages)
            number += len(messages)
        await merges.published(connection, merge)
        log.info("a merge of two subjects is published", kept=str(merge.kept), events=number)
        return True
