"""What the topics of submitted events still hold of a person, and where one of them may be cut.

Kafka deletes records from the front of a partition only. So with the records of one person go those of others that
stand before; all of them are recorded, and what was recorded stays. The first offset that is left would say which
record was the person's last, and by that record's place the log would say who the person is in it: so a few records
more go, how many is left to chance.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka.structs import ConsumerRecord

from pcare_cli.erasing.names import Names
from pcare_recorder.cursors import Partition
from pcare_recorder.log_reader import LogReader
from pcare_schemas.origin import Origin

FURTHER = 100
"""So many records at most go beyond the last one of the person."""

UpTo = Callable[[int], int]
"""Given a bound, chooses a whole number from 0 up to it."""


class Cut(NamedTuple):
    """Where a partition is to begin, and how many records of the person and of others go with that."""

    begin: int
    own: int
    others: int


@dataclass(slots=True)
class Held:
    """What a partition holds of a person: how many records, the last of them, and how many of others stand before.

    `after` are the offsets that follow on the last, as many as may go beyond it.
    """

    own: int = 0
    last: int = -1
    before: int = 0
    after: list[int] = field(default_factory=list)
    since: int = 0

    def take(self, offset: int, *, named: bool) -> None:
        """Take the next record in."""
        if named:
            self.own, self.last = self.own + 1, offset
            self.before, self.since = self.before + self.since, 0
            self.after.clear()
            return
        self.since += 1
        if self.own and len(self.after) < FURTHER:
            self.after.append(offset)

    def cut(self, below: int, up_to: UpTo) -> Cut:
        """Return where to cut, after the last record of the person and not beyond `below`."""
        further = [offset for offset in self.after if offset < below]
        chosen = further[: up_to(len(further))]
        return Cut((chosen[-1] if chosen else self.last) + 1, self.own, self.before + len(chosen))


class HandOver:
    """All partitions of submitted events as far as they were read."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.held: dict[Partition, Held] = {}
        self.origins: set[Origin] = set()

    def take(self, records: Iterable[ConsumerRecord]) -> None:
        """Take records in, each partition's in its order."""
        for record in records:
            where = Partition(record.topic, record.partition)
            named = self._names.are_in(record.key, record.value, *(value for _, value in record.headers))
            self.held.setdefault(where, Held()).take(record.offset, named=named)
            if named:
                self.origins.add(Origin(record.topic, record.partition, record.offset))

    @property
    def own(self) -> int:
        """How many records are the person's."""
        return sum(one.own for one in self.held.values())

    def of_the_person(self) -> dict[Partition, Held]:
        """Return the partitions that hold something of the person."""
        return {where: one for where, one in self.held.items() if one.own}

    def not_judged(self, next_offsets: Mapping[Partition, int]) -> int:
        """Return how many partitions hold a record of the person at or beyond these offsets."""
        return sum(one.last >= next_offsets.get(where, 0) for where, one in self.of_the_person().items())


async def read_on(
    log: LogReader, hand_over: HandOver, partitions: Iterable[Partition], starts: Mapping[Partition, int]
) -> dict[Partition, int]:
    """Take in what these partitions hold from `starts` on, or from the first, up to their ends now; return the ends."""
    held = await log.held(list(partitions))
    begins = {where: max(starts.get(where, 0), one.first) for where, one in held.items()}
    ends = {where: one.end for where, one in held.items()}
    async for records in log.read_until({where: end for where, end in ends.items() if end > begins[where]}, begins):
        hand_over.take(records)
    return ends
