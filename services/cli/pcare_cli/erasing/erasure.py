"""The erasure itself, step by step.

1. Look, while everything runs: who the pseudonyms are, what rejections and the topics of submitted events hold.
2. Cut: in one transaction the counts of the partitions to be cut are set to what will be left, and rejections are
   redacted, on their topic too before it commits; then Kafka deletes. A rejection may name nobody: only the place of
   its record says whose it is, as long as Kafka has the record.
3. Erase: in one transaction, with no recorder at work, what else was rejected is redacted, links are deleted, the act
   is put down; what takes their places on the topics is acknowledged before it commits.

The links go last, for only they know the person's other pseudonyms: whatever breaks off before, the same number leads
to the same person, and all is done again. After them nothing is left to do.
"""

import asyncio
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import asyncpg

from pcare_cli.erasing import hand_over, links, rejections
from pcare_cli.erasing.hand_over import Cut, HandOver, UpTo
from pcare_cli.erasing.links import Person
from pcare_cli.erasing.names import Names
from pcare_cli.erasing.rejections import OnTopic
from pcare_cli.erasing.standstill import NotYetError, standstill
from pcare_cli.erasing.topics import Topics
from pcare_cli.operators import add_act
from pcare_recorder import restore, store
from pcare_recorder.cursors import Cursor, Partition
from pcare_recorder.rows import Message
from pcare_schemas.origin import Origin

WAIT_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.5
ERASED = "person-erased"
CUT = "submitted-events-deleted"


@dataclass(slots=True)
class Seen:
    """What there is of a person, and up to where that was looked at: the ends of partitions, and the cursors."""

    person: Person
    names: Names
    hand_over: HandOver
    ends: Mapping[Partition, int]
    judged: Mapping[Partition, int]
    rejections: Collection[Origin]
    rejected: OnTopic

    def nothing(self, *, keep_submitted: bool) -> bool:
        """Whether nothing is left that is to be taken away. What compaction is about to remove is taken already."""
        return not (self.person.to_bury or self.rejections or (self.hand_over.own and not keep_submitted))


@dataclass(slots=True)
class Done:
    """What an erasure took away. `act` is its number in the audit trail."""

    links: int = 0
    rejections: int = 0
    own: int = 0
    others: int = 0
    partitions: int = 0
    act: int | None = None

    def details(self, *, left_to_retention: bool) -> dict[str, int | bool]:
        """Return how many of each, for the audit trail: never whose, nor where, for a place would say whose."""
        return {
            "links": self.links,
            "rejections": self.rejections,
            "submitted": self.own,
            "submitted_of_others": self.others,
            "submitted_left_to_retention": left_to_retention,
        }


async def look(
    connection: asyncpg.Connection, topics: Topics, given: Collection[str], origins: Collection[Origin] = ()
) -> Seen:
    """Look at everything that there is of whoever these pseudonyms are; hold nothing and change nothing.

    `origins` are of records of theirs that are deleted already. Raises ContradictionError.
    """
    partitions = await submitted(topics)
    person = await links.find(connection, topics.log, given)
    names = Names(person.names)
    judged = {where: one.next_offset for where, one in (await store.read_cursors(connection, partitions)).items()}
    found = HandOver(names)
    found.origins.update(origins)
    ends = await hand_over.read_on(topics.everything, found, partitions, {})
    rejected = await rejections.naming(connection, names, found.origins, {})
    on_topic = await rejections.on_topic(topics.log, names)
    return Seen(person, names, found, ends, judged, rejected, on_topic)


async def submitted(topics: Topics) -> list[Partition]:
    """Return all partitions of the topics of submitted events."""
    return [partition for partition in await topics.log.partitions() if restore.is_submitted(partition.topic)]


@dataclass(slots=True)
class Erasure:
    """Erases one person. `who` and `why` are for the audit trail; with `keep_submitted` no submitted event is deleted.

    `up_to` chooses how many records more than needed go: by chance, but in tests.
    """

    connection: asyncpg.Connection
    topics: Topics
    given: Collection[str]
    who: str
    why: str
    keep_submitted: bool = False
    up_to: UpTo = lambda bound: secrets.randbelow(bound + 1)
    done: Done = field(default_factory=Done)
    _origins: set[Origin] = field(default_factory=set)

    async def run(self) -> Done:
        """Erase, and return what went. Raises NotYetError where what must arrive first does not within a minute."""
        loop = asyncio.get_running_loop()
        until = loop.time() + WAIT_SECONDS
        while True:
            seen = await look(self.connection, self.topics, self.given, self._origins)
            if seen.nothing(keep_submitted=self.keep_submitted) and not self.done.own:
                return self.done
            self._origins = seen.hand_over.origins
            try:
                if not self.keep_submitted and seen.hand_over.own:
                    await self._cut(seen)
                await self._erase(seen)
            except NotYetError:
                if loop.time() > until:
                    raise
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
            else:
                return self.done

    async def _cut(self, seen: Seen) -> None:
        async with standstill(self.connection, self.topics.log, list(seen.ends)) as cursors:
            await self._read_the_rest(seen, cursors)
            cuts = {
                where: held.cut(cursors[where].next_offset, self.up_to)
                for where, held in seen.hand_over.of_the_person().items()
            }
            for where, cut in cuts.items():
                await self._count_from(where, cut.begin, cursors[where])
            redacted = await self._redact(seen)
            details = {
                "submitted": _sum(cuts, 1),
                "submitted_of_others": _sum(cuts, 2),
                "partitions": len(cuts),
                "rejections": len(redacted),
            }
            await add_act(self.connection, who=self.who, what=CUT, why=self.why, details=details)
            await self.topics.publish(redacted)
        self.done.rejections += len(redacted)
        await self.topics.delete_before({where: cut.begin for where, cut in cuts.items()})
        self.done.own += _sum(cuts, 1)
        self.done.others += _sum(cuts, 2)
        self.done.partitions += len(cuts)
        # Of these it need not be read again whether they hold anything.
        for where in cuts:
            seen.hand_over.held.pop(where)

    async def _redact(self, seen: Seen) -> list[Message]:
        """Take out of the table what rejections hold of the person; return what takes their places on the topic."""
        fresh = await rejections.naming(self.connection, seen.names, seen.hand_over.origins, seen.judged)
        return await rejections.erase(self.connection, {*seen.rejections, *fresh})

    async def _count_from(self, where: Partition, begin: int, cursor: Cursor) -> None:
        """Let the counts of a partition be of what Kafka will hold, so that the two can still be compared."""
        if begin <= cursor.base_offset:
            return
        end = cursor.next_offset
        records = 0
        if begin < end:
            async for found in self.topics.log.read_until({where: end}, {where: begin}):
                records += len(found)
        recorded, rejected = await restore.count_outcomes(self.connection, where, begin, end)
        await restore.set_cursors(
            self.connection, {where: Cursor(begin, end, recorded, records - recorded - rejected, rejected)}
        )

    async def _read_the_rest(self, seen: Seen, cursors: Mapping[Partition, Cursor]) -> None:
        """Read what has come since it was looked. Raises NotYetError where something of the person is not judged."""
        ends = await hand_over.read_on(self.topics.everything, seen.hand_over, list(seen.ends), seen.ends)
        seen.ends = ends
        next_offsets = {where: cursor.next_offset for where, cursor in cursors.items()}
        if seen.hand_over.not_judged(next_offsets):
            raise NotYetError("events of this person are submitted and not judged yet: a recorder must run for that")

    async def _erase(self, seen: Seen) -> None:
        done = self.done
        async with standstill(self.connection, self.topics.log, list(seen.ends)) as cursors:
            await self._read_the_rest(seen, cursors)
            if seen.hand_over.own and not self.keep_submitted:
                raise NotYetError("an event of this person came in the very moment")
            person = await links.in_table(self.connection, seen.person.names, seen.person.subjects)
            if person.names - seen.person.names:
                raise NotYetError("another pseudonym of this person was linked in the very moment")
            redacted = await self._redact(seen)
            deleted = await self.connection.execute(
                "DELETE FROM pcare.subjects WHERE pseudonym = ANY($1::text[])", list(person.linked)
            )
            done.links, done.rejections = int(deleted.removeprefix("DELETE ")), done.rejections + len(redacted)
            done.act = await add_act(
                self.connection,
                who=self.who,
                what=ERASED,
                why=self.why,
                details=done.details(left_to_retention=self.keep_submitted and seen.hand_over.own > 0),
            )
            await self.topics.publish(redacted)
            await self.topics.bury(sorted({*person.linked, *seen.person.on_topic}))


def _sum(cuts: Mapping[Partition, Cut], place: int) -> int:
    return sum(cut[place] for cut in cuts.values())
