"""Publishes the merges of persons that an operator put down in the database."""

from pcare_common import logs
from pcare_common.clock import Clock
from pcare_recorder import merges
from pcare_recorder.database import Database
from pcare_recorder.publisher import Publisher

LOOK_EVERY_SECONDS = 1.0

log = logs.get(__name__)


class MergePublishing:
    """Looks every second whether there is a merge to publish. Several recorders may: to publish again is harmless."""

    def __init__(self, database: Database, publisher: Publisher, clock: Clock) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._next_look = float("-inf")

    async def publish_pending(self) -> None:
        """Publish what there is, if it is time to look. Raises what the clients raise; then it is published again."""
        if self._clock.monotonic() < self._next_look:
            return
        connection = await self._database.connection()
        for merge in await merges.pending(connection):
            # The merge is on both topics before an event is said anew: whoever reads an event twice knows why.
            await self._publisher.publish(await merges.links(connection, merge), [merges.merge_message(merge)])
            number = 0
            async for messages in merges.event_messages(connection, merge):
                await self._publisher.publish([], messages)
                number += len(messages)
            await merges.published(connection, merge)
            log.info("a merge of two subjects is published", kept=str(merge.kept), events=number)
        self._next_look = self._clock.monotonic() + LOOK_EVERY_SECONDS
