"""The two cursors: where the recorder may start, and whether what it reads follows on.

For every partition PostgreSQL keeps N, the first offset that is not judged yet, and Kafka keeps C, the group's
committed offset, which means *published through*. C never passes N. Everything here is arithmetic on the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from pcare_common.errors import OperatorError

REBUILD = "pcare rebuild"
ACCEPT_GAP = "pcare gap accept"
MANUAL = "docs/recorder.md"


class Partition(NamedTuple):
    """One partition of one topic of submitted events."""

    topic: str
    number: int

    def __str__(self) -> str:
        """Return `topic/number`, as messages and origins write it."""
        return f"{self.topic}/{self.number}"


class Cursor(NamedTuple):
    """What PostgreSQL holds of a partition. Everything in [base_offset, next_offset) is judged and counted."""

    base_offset: int
    next_offset: int
    recorded: int = 0
    duplicates: int = 0
    rejected: int = 0


class Held(NamedTuple):
    """What Kafka holds of a partition: the first offset, and the end up to which reading is committed."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin: read from `next_offset`, after publishing [`publish_from`, `next_offset`) from stored rows.

    `is_new`: PostgreSQL has no row for the partition yet; it begins at `next_offset`.
    """

    next_offset: int
    publish_from: int
    is_new: bool = False


def start(partition: Partition, *, cursor: Cursor | None, committed: int | None, held: Held) -> Start:
    """Return where to begin with a partition that was just assigned.

    `cursor` is N with its counts, or None where PostgreSQL has no row; `committed` is C, or None where the group
    never committed. Raises OperatorError where going on would lose or invent history.
    """
    if cursor is None:
        if committed is not None:
            raise OperatorError(
                f"{partition}: Kafka says that everything below {committed} is recorded, but the database knows "
                f"nothing of it: it is empty, or was restored from before. Run `{REBUILD}`, then start again."
            )
        return Start(next_offset=held.first, publish_from=held.first, is_new=True)
    if committed is not None and cursor.next_offset < committed:
        raise OperatorError(
            f"{partition}: the database is judged up to {cursor.next_offset}, but {committed} was published already. "
            f"The database was restored from an older state. Run `{REBUILD}`, then start again."
        )
    if cursor.next_offset < held.first:
        raise overtaken(partition, cursor.next_offset, held.first)
    if cursor.next_offset > held.end:
        raise made_anew(partition, f"judged up to {cursor.next_offset}, but the partition ends at {held.end}")
    published = held.first if committed is None else committed
    return Start(cursor.next_offset, publish_from=min(max(published, cursor.base_offset), cursor.next_offset))


def overtaken(partition: Partition, next_offset: int, first_held: int) -> OperatorError:
    """Return the error for a gap that retention made: those offsets were deleted before anybody judged them."""
    return OperatorError(
        f"{partition}: offsets {next_offset} to {first_held - 1} ({first_held - next_offset} at most) were deleted by "
        "retention before they were recorded. Ask the provider to send the events of that time again; that is safe. "
        f"Then run `{ACCEPT_GAP} {partition} {next_offset} {first_held - 1} --why '...'` and start again; see "
        f"`{MANUAL}`, 'Retention overtook the recorder'."
    )


def made_anew(partition: Partition, found: str = "the last record that was judged is not in it") -> OperatorError:
    """Return the error for a log whose offsets were given out before: recording on would give two events one origin."""
    return OperatorError(
        f"{partition}: {found}. The topic was deleted and made anew, or lost its newest records. Nothing more is "
        f"recorded of it. See `{MANUAL}`, 'The topic was made anew'."
    )


class Follows(Enum):
    """What to do with records that were just read."""

    YES = auto()
    READ_AGAIN = auto()
    """Drop them, seek to the cursor explicitly and read anew: only such a read proves what lies between."""
    CHECK_LOG_START = auto()
    """An explicit read skipped something: control or aborted records, unless the log now starts past the cursor."""


@dataclass(slots=True)
class Carried:
    """The cursor of a partition as this process carries it from batch to batch.

    `proving`: the consumer was sought to `next_offset` explicitly and nothing was taken since.
    """

    next_offset: int
    proving: bool = True

    def follows(self, partition: Partition, first: int) -> Follows:
        """Say whether a batch that begins at `first` may be judged.

        Raises OperatorError when an explicit read begins before the cursor: the offsets were given out twice.
        """
        if first == self.next_offset:
            return Follows.YES
        if not self.proving:
            return Follows.READ_AGAIN
        if first < self.next_offset:
            raise made_anew(partition, f"asked for {self.next_offset}, Kafka answered with {first}")
        return Follows.CHECK_LOG_START

    def advance(self, next_offset: int) -> None:
        """Take note that everything below `next_offset` is in hand."""
        self.next_offset = next_offset
        self.proving = False


def lag(next_offsets: Mapping[Partition, int], held: Mapping[Partition, Held]) -> dict[Partition, int]:
    """Return how many offsets each partition is behind its end; a partition of unknown end is left out."""
    return {
        partition: max(0, held[partition].end - next_offset)
        for partition, next_offset in next_offsets.items()
        if partition in held
    }
