"""One event that was sealed, and how to name it in SQL and in what a command says."""

import re
from dataclasses import dataclass, replace

from proof_audit.stage import Stage


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """A leaf and its event. `number` is the leaf's."""

    number: int
    topic: str
    partition: int
    offset: int
    source: str
    id: str
    other: int = -1
    """Another leaf that the same checkpoint sealed."""

    @property
    def here(self) -> str:
        """Return the condition that finds its rows in any table."""
        return (
            f"origin_topic = '{self.topic}' AND origin_partition = {self.partition} AND origin_offset = {self.offset}"
        )

    @property
    def named(self) -> str:
        """Return a pattern of how a finding names it, by event, leaf and origin."""
        event = re.escape(f"event {self.source} {self.id}, leaf {self.number}")
        return rf"{event}, from {re.escape(self.topic)}/{self.partition}/{self.offset}"


async def sealed_event(stage: Stage, number: int) -> SealedEvent:
    """Return the event of a leaf."""
    row = await stage.one(
        "SELECT l.leaf, l.origin_topic, l.origin_partition, l.origin_offset, i.source, i.id FROM pcare.leaves AS l "
        "JOIN pcare.interventions AS i USING (origin_topic, origin_partition, origin_offset) WHERE l.leaf = $1",
        number,
    )
    return SealedEvent(*row)


async def in_the_middle(stage: Stage) -> SealedEvent:
    """Return an event about a person who was never merged, in the middle of what the largest checkpoint added.

    How much each checkpoint seals is chance, and the first may have sealed next to nothing.
    """
    first, end = await stage.one(
        "SELECT first, size FROM (SELECT size, lag(size, 1, 0::bigint) OVER (ORDER BY size, made_at) AS first "
        "FROM pcare.checkpoints) AS sealed ORDER BY size - first DESC, size LIMIT 1"
    )
    (number,) = await stage.one(
        "SELECT l.leaf FROM pcare.leaves AS l JOIN pcare.interventions AS i "
        "USING (origin_topic, origin_partition, origin_offset) WHERE l.leaf BETWEEN $1 AND $2 "
        "AND i.subject LIKE 'person:%' AND i.subject NOT IN (SELECT 'person:' || kept FROM pcare.merges) "
        "ORDER BY l.leaf LIMIT 1",
        (first + end) // 2,
        end - 2,
    )
    return replace(await sealed_event(stage, number), other=first + 2)
