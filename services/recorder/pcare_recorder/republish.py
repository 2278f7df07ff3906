"""`pcare republish`: the log anew from the database, where Kafka was lost entirely, or a topic of submitted events.

Every record that was published is in the tables as it was published, so the topics get the same bytes again. And each
partition of submitted events is made to begin where the database's cursor stands: offsets before that are filled and
deleted at once, so that no origin is ever given out twice. What was accepted and not yet recorded is lost with Kafka.
It may be run again, also after it was interrupted; only when it has come to its end may a recorder go on.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from pcare_common import kafka_login
from pcare_common.errors import OperatorError
from pcare_recorder import migrate, restore, restore_persons, rows, store
from pcare_recorder.cursors import Cursor, Partition
from pcare_recorder.database import REBUILDING, connect
from pcare_recorder.faults import NoFaults
from pcare_recorder.log_reader import LogReader, log_reader
from pcare_recorder.publisher import Publisher
from pcare_recorder.rebuild import RebuildSettings
from pcare_recorder.store import Span

FILLING = b"pcare-filling"
OFFSETS_AT_A_TIME = 2_000
LONGEST = 4 * 1024 * 1024  # as the topics of submitted events take it

Say = Callable[[str], None]


async def republish(config: RebuildSettings, say: Say, only: str | None = None) -> None:
    """Publish all that the database holds, and let the partitions begin at its cursors; `say` what was done.

    `only` names a topic of submitted events, or a partition of one, that was made anew or lost its end, while the log
    is there: then only what is recorded from it.
    Raises OperatorError where Kafka still has the log, while a recorder runs, or where topics are missing.
    """
    connection = await connect(config.postgres_dsn.get_secret_value(), REBUILDING)
    options = config.aiokafka_options()
    try:
        await migrate.check(connection)
        cursors = await _cursors(connection, only)
        async with log_reader(options, group=config.recorder_group) as log:
            partitions = await _of_another_log(connection, log, config.recorder_group, cursors)
            await _publish(connection, options, cursors, say)
            if only is None:
                await _publish_merges_again(connection, say)
            async with _filler(options) as filler:
                begins = {
                    partition: await filler.fill(log, partition, cursors[partition].next_offset, say)
                    for partition in partitions
                }
            # Counts are of the offsets that Kafka holds, so that the two can be compared.
            await restore.set_cursors(connection, {partition: Cursor(at, at) for partition, at in begins.items()})
        say("the topics hold what the database holds; start the recorder")
    finally:
        await connection.close()


async def _cursors(connection: asyncpg.Connection, only: str | None) -> dict[Partition, Cursor]:
    found = await connection.fetch(
        "SELECT topic, partition, base_offset, next_offset, recorded, duplicates, rejected FROM pcare.cursors "
        "WHERE $1::text IS NULL OR $1 IN (topic, topic || '/' || partition) ORDER BY topic, partition",
        only,
    )
    if not found and only is not None:
        raise OperatorError(f"The database has no cursor of {only}. Write it as the recorder's message does.")
    if not found:
        raise OperatorError("The database has no cursor, so nothing was ever recorded in it. Is it the right one?")
    cursors = {Partition(row[0], row[1]): Cursor(*row[2:]) for row in map(tuple, found)}
    # After a restore and a rebuild there are rows of a lost topic beyond its cursor.
    last = await store.last_judged(connection, cursors)
    return cursors | {
        partition: cursors[partition]._replace(next_offset=max(cursors[partition].next_offset, offset + 1))
        for partition, (offset, _) in last.items()
    }


async def _of_another_log(
    connection: asyncpg.Connection, log: LogReader, group: str, cursors: Mapping[Partition, Cursor]
) -> list[Partition]:
    """Return the partitions of submitted events that have a cursor, sure that the log they were read from is lost."""
    members = await log.member_count()
    if members:
        raise OperatorError(f"{members} recorder(s) are running in the group {group}. Stop them, then try again.")
    wanted = [partition for partition in cursors if restore.is_submitted(partition.topic)]
    missing = sorted({partition.topic for partition in set(wanted) - set(await log.partitions())})
    if missing:
        raise OperatorError(f"Kafka lacks {', '.join(missing)}, or partitions of it. Run `pcare topics create`.")
    committed = await log.committed(wanted)
    last = await store.last_judged(connection, wanted)
    known = [partition for partition, offset in committed.items() if offset is not None]
    known += await log.holding({partition: at for partition, (_, at) in last.items()})
    if known:
        raise OperatorError(
            f"Kafka still has what was recorded from {known[0]}: the log is not lost. If the database lacks something, "
            "run `pcare rebuild`."
        )
    return wanted


async def _publish(
    connection: asyncpg.Connection, options: Mapping[str, Any], cursors: Mapping[Partition, Cursor], say: Say
) -> None:
    publisher = Publisher(options, NoFaults())
    await publisher.start()
    try:
        for partition, cursor in cursors.items():
            count = 0
            for first in range(0, cursor.next_offset, OFFSETS_AT_A_TIME):
                span = Span(partition, first, min(first + OFFSETS_AT_A_TIME, cursor.next_offset))
                links = [rows.link_message(row) for row in await store.stored_links(connection, span)]
                settled = await store.settled_origins(connection, [span])
                await publisher.publish(links, [rows.settled_message(settled[origin]) for origin in sorted(settled)])
                count += len(settled)
            say(f"{partition}: published {count} records again")
    finally:
        await publisher.stop()


async def _publish_merges_again(connection: asyncpg.Connection, say: Say) -> None:
    gone = [row[0] for row in await connection.fetch("SELECT gone FROM pcare.merges")]
    if gone:
        await restore_persons.publish_merges_again(connection, gone)
        say(f"{len(gone)} merges of two subjects will be published by the next recorder")


@asynccontextmanager
async def _filler(options: Mapping[str, Any]) -> AsyncIterator["_Filler"]:
    producer = AIOKafkaProducer(**options, client_id="pcare-republish", acks="all", max_request_size=LONGEST)
    admin = AIOKafkaAdminClient(**options, client_id="pcare-republish")
    await kafka_login.start(producer, options)
    try:
        await admin.start()
        yield _Filler(producer, admin)
    finally:
        await producer.stop()
        await admin.close()


class _Filler:
    """Makes a partition begin at an offset."""

    def __init__(self, producer: AIOKafkaProducer, admin: AIOKafkaAdminClient) -> None:
        self._producer = producer
        self._admin = admin

    async def fill(self, log: LogReader, partition: Partition, cursor: int, say: Say) -> int:
        """Let nothing stand before an offset, `cursor` or a later one, and return it.

        What came since Kafka was lost, and what comes meanwhile, is said again behind it. It is a later one where
        somebody sent between the filling: then that ends later.
        """
        first, end = (await log.held([partition]))[partition]
        begin = max(first, cursor)
        if first < begin < end:  # one that was interrupted may have filled further
            async for records in log.read_until({partition: end}):
                begin = max([begin, *(record.offset + 1 for record in records if record.key == FILLING)])
        while end < begin:
            end = await self._send(partition, [_Record(FILLING, None, ())] * min(OFFSETS_AT_A_TIME, begin - end))
            begin = max(begin, end)
        if first == begin:
            return begin
        moved = 0
        async for records in log.read_until({partition: begin}):
            new = [_Record(record.key, record.value, record.headers) for record in records if record.key != FILLING]
            await self._send(partition, new)
            moved += len(new)
        await self._admin.delete_records({TopicPartition(*partition): RecordsToDelete(begin)})
        say(f"{partition}: begins at {begin}" + (f"; {moved} records that came since stand behind it" if moved else ""))
        return begin

    async def _send(self, partition: Partition, records: Sequence["_Record"]) -> int:
        """Send records, and return the offset behind the last of them; 0 where there are none."""
        topic, number = partition
        sent = [
            await self._producer.send(topic, record.value, record.key, number, headers=list(record.headers))
            for record in records
        ]
        return max([(await acknowledged).offset + 1 for acknowledged in sent], default=0)


class _Record(NamedTuple):
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
