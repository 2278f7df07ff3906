"""Where to begin after an assignment: read C and N, apply the start rules, publish again what may not have been.

C is read before N. Another copy may still be at work on the partition: read the other way round, its progress between
the two readings would look like a database that fell behind.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import asyncpg

from pcare_common import logs
from pcare_recorder import rows, store
from pcare_recorder.cursors import Cursor, Held, Partition, Start, made_anew, start
from pcare_recorder.faults import Faults, Point
from pcare_recorder.intake import Intake
from pcare_recorder.publisher import Publisher
from pcare_recorder.store import Span

OFFSETS_AT_A_TIME = 2_000
END_CHECKS = 5  # a new leader may for moments not know yet how far the partition was committed
END_CHECK_SECONDS = 1.0

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Beginning:
    """Both cursors of the partitions that were assigned, and what follows for each."""

    cursors: Mapping[Partition, Cursor]
    committed: Mapping[Partition, int | None]
    starts: Mapping[Partition, Start]


async def find(connection: asyncpg.Connection, intake: Intake, partitions: Collection[Partition]) -> Beginning:
    """Read both cursors and say where to begin; make rows for partitions that are new.

    Raises OperatorError where the recorder must not go on, else what the clients raise.
    """
    committed = await intake.committed(partitions)
    cursors = await store.read_cursors(connection, partitions)
    held = await _held(intake, partitions, cursors)
    await _check_same_log(connection, intake, held)
    starts = {
        partition: start(partition, cursor=cursors.get(partition), committed=committed[partition], held=held[partition])
        for partition in partitions
    }
    new = {partition: begins.next_offset for partition, begins in starts.items() if begins.is_new}
    if new:
        await store.create_cursors(connection, new)
        cursors |= {partition: Cursor(base, base) for partition, base in new.items()}
    return Beginning(cursors, committed, starts)


async def publish_again(
    connection: asyncpg.Connection,
    intake: Intake,
    publisher: Publisher,
    beginning: Beginning,
    *,
    faults: Faults,
    go_on: Callable[[], bool],
) -> bool:
    """Publish from stored rows what lies between C and N, and commit C as it goes.

    `go_on` is asked before each stretch. Returns whether all was published.
    """
    for partition, begins in beginning.starts.items():
        if begins.publish_from < begins.next_offset:
            log.info(
                "publishing again from the database",
                partition=str(partition),
                first=begins.publish_from,
                next=begins.next_offset,
            )
        for first in range(begins.publish_from, begins.next_offset, OFFSETS_AT_A_TIME):
            if not go_on():
                return False
            next_offset = min(first + OFFSETS_AT_A_TIME, begins.next_offset)
            await _publish_span(connection, publisher, Span(partition, first, next_offset))
            await faults.reach(Point.MIDDLE_OF_REPUBLISH)
            await intake.commit({partition: next_offset})
    behind = {
        partition: begins.next_offset
        for partition, begins in beginning.starts.items()
        if beginning.committed[partition] is None and begins.publish_from == begins.next_offset
    }
    if behind and go_on():
        await intake.commit(behind)
    return go_on()


async def _publish_span(connection: asyncpg.Connection, publisher: Publisher, span: Span) -> None:
    links = map(rows.link_message, await store.stored_links(connection, span))
    settled = await store.settled_origins(connection, [span])
    await publisher.publish(links, [rows.settled_message(settled[origin]) for origin in sorted(settled)])


async def _check_same_log(connection: asyncpg.Connection, intake: Intake, held: Mapping[Partition, Held]) -> None:
    """Raise OperatorError where a topic was deleted and made anew under its old name: its offsets begin again.

    The last event that is recorded has a time, which the broker gave its record. Looked up by that time, the same log
    answers with a record of the very same time; a later one answers with a later time.
    """
    last = {
        partition: recorded_at
        for partition, (offset, recorded_at) in (await store.last_events(connection, held)).items()
        if held[partition].first <= offset
    }
    found = await intake.first_since(last) if last else {}
    for partition, recorded_at in last.items():
        if found[partition] != recorded_at:
            raise made_anew(partition)


async def _held(
    intake: Intake, partitions: Collection[Partition], cursors: Mapping[Partition, Cursor]
) -> Mapping[Partition, Held]:
    held = await intake.held(partitions)
    for _ in range(END_CHECKS):
        if all(cursor.next_offset <= held[partition].end for partition, cursor in cursors.items()):
            break
        await asyncio.sleep(END_CHECK_SECONDS)
        held = await intake.held(partitions)
    return held
