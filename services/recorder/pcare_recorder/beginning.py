"""Where to begin after an assignment: read C and N, apply the start rules, publish again what may not have been.

C is read before N. Another copy may still be at work on the partition: read the other way round, its progress between
the two readings would look like a database that fell behind.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from pcare_common import logs
from pcare_common.errors import TransientError
from pcare_recorder import rows, store
from pcare_recorder.cursors import Cursor, Held, Partition, Start, made_anew, start
from pcare_recorder.faults import Faults, Point
from pcare_recorder.intake import Intake
from pcare_recorder.publisher import Publisher
from pcare_recorder.store import Span

OFFSETS_AT_A_TIME = 2_000
CHECK_SECONDS = 1.0
# A cluster whose brokers all died at once knows a partition's end, and what a group had committed, only when enough
# replicas are back; until then it answers with less, and with nothing, and calls neither an error.
END_CHECKS = 60
COMMITTED_CHECKS = 10  # then everything is published again: harmless, but long

log = logs.get(__name__)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Beginning:
    """Both cursors of the partitions that were assigned, and what follows for each."""

    cursors: Mapping[Partition, Cursor]
    committed: Mapping[Partition, int | None]
    starts: Mapping[Partition, Start]


async def find(
    connection: asyncpg.Connection, intake: Intake, partitions: Collection[Partition], *, go_on: Callable[[], bool]
) -> Beginning:
    """Read both cursors and say where to begin; make rows for partitions that are new.

    `go_on` is asked while Kafka is given time to remember. Raises OperatorError where the recorder must not go on,
    TransientError where it was told not to wait, else what the clients raise.
    """
    committed, cursors = await _remembered(
        lambda: _both_cursors(connection, intake, partitions),
        lambda both: all(both[0][partition] is not None for partition, cursor in both[1].items() if _has_moved(cursor)),
        checks=COMMITTED_CHECKS,
        go_on=go_on,
    )
    held = await _remembered(
        lambda: intake.held(partitions),
        lambda held: all(cursor.next_offset <= held[partition].end for partition, cursor in cursors.items()),
        checks=END_CHECKS,
        go_on=go_on,
    )
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

    The last record that has a row has a time, which the broker gave it. Looked up by that time, the same log answers
    with a record of the very same time; a later one answers with a later time.
    """
    last = {
        partition: recorded_at
        for partition, (offset, recorded_at) in (await store.last_judged(connection, held)).items()
        if held[partition].first <= offset
    }
    found = await intake.first_since(last) if last else {}
    for partition, recorded_at in last.items():
        if found[partition] != recorded_at:
            raise made_anew(partition)


async def _both_cursors(
    connection: asyncpg.Connection, intake: Intake, partitions: Collection[Partition]
) -> tuple[Mapping[Partition, int | None], dict[Partition, Cursor]]:
    committed = await intake.committed(partitions)
    return committed, await store.read_cursors(connection, partitions)


def _has_moved(cursor: Cursor) -> bool:
    return cursor.next_offset > cursor.base_offset


async def _remembered(
    ask: Callable[[], Awaitable[Answer]],
    is_plausible: Callable[[Answer], bool],
    *,
    checks: int,
    go_on: Callable[[], bool],
) -> Answer:
    """Ask until the answer is plausible, at most so many times, a second apart; return the last answer."""
    answer = await ask()
    for check in range(checks):
        if is_plausible(answer):
            break
        if check == 0:
            log.warning("Kafka remembers less than what is recorded: giving it time, as after a loss of power")
        if not go_on():
            raise TransientError("told to begin again while Kafka was given time to remember")
        await asyncio.sleep(CHECK_SECONDS)
        answer = await ask()
    return answer
