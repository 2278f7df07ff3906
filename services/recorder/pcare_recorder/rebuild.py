"""`python -m pcare_recorder.rebuild`: restore the tables from the recorder's own topics.

Rows come from `recorded`, links from `subjects`, rejections from `rejected`, each under the origin it states; nothing
is judged again and nothing is taken from the submitted topics, which are only counted. What the database has beyond
the topics stays. It may be run again, also after it was interrupted.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

import asyncpg
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from pydantic import Field

from pcare_common import settings
from pcare_common.errors import EXIT_CONFIGURATION, OperatorError
from pcare_common.kafka import KafkaSettings
from pcare_common.postgres import PostgresSettings
from pcare_common.tracing.headers import traceparent_of
from pcare_recorder import acts, merges, migrate, restore, restore_links, restore_persons
from pcare_recorder.cursors import Cursor, Partition, made_anew
from pcare_recorder.database import REBUILDING, connect
from pcare_recorder.errors import for_operator
from pcare_recorder.log_reader import LogReader, log_reader
from pcare_recorder.settings import RegisterSettings
from pcare_schemas.register import Register
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS

Say = Callable[[str], None]

WHY = "restored from the log"


class RebuildSettings(PostgresSettings, KafkaSettings, RegisterSettings):
    """What the rebuild reads from the environment."""

    recorder_group: str = Field("pcare-recorder", min_length=1)


async def rebuild(config: RebuildSettings, say: Say, by: acts.By | None = None) -> None:
    """Restore rows, links, rejections and cursors, and `say` what was done, line by line.

    The audit trail tells that it began, before anything is changed, and that it ended. Raises OperatorError while a
    recorder runs, or when the topics contradict themselves or the database; then the cursors are as they were.
    """
    register = _register(config)
    connection = await connect(config.postgres_dsn.get_secret_value(), REBUILDING)
    try:
        await migrate.check(connection)
        async with log_reader(config.aiokafka_options(), group=config.recorder_group) as log:
            members = await log.member_count()
            if members:
                raise OperatorError(
                    f"{members} recorder(s) are running in the group {config.recorder_group}. Stop them, then rebuild."
                )
            await _refuse_an_empty_log(connection, log)
            by = by or acts.By(WHY)
            act = await acts.add(connection, by, "database-rebuilt", {})
            submitted = await _submitted_partitions(log)
            committed = await log.committed(submitted)
            gone = await _restore_merges(connection, log, say)
            await _restore_events(connection, log, say)
            await restore.add_providers(connection)
            await _restore_rejections(connection, log, say)
            await restore.check_origins(connection)
            await _restore_links(connection, log, committed, say)
            await restore_persons.publish_merges_again(connection, gone)
            await _restore_anchor(connection, say)
            await _restore_cursors(connection, log, committed, say)
        strangers = await restore.senders_without_an_entry(connection, register)
        if strangers:
            say(
                f"in no register: {', '.join(strangers)}. What they sent is recorded; what they send next would be "
                "rejected. Restore pcare.acts, register and credentials from a backup before you start the recorder"
            )
        missing = await restore.rules_without_a_document(connection)
        if missing:
            say(f"no document is left of the rules version(s) {', '.join(missing)}: restore the table from a backup")
        await acts.add(connection, by, "rebuild-outcome", {"act": act, "done": True})
        say("the database agrees with the topics; start the recorder")
    finally:
        await connection.close()


async def _refuse_an_empty_log(connection: asyncpg.Connection, log: LogReader) -> None:
    """Let no cursor be set back to a log that has lost everything: offsets would be given out twice."""
    partitions = [partition for partition in await log.partitions() if partition.topic == RECORDED]
    if any(held.end > held.first for held in (await log.held(partitions)).values()):
        return
    if await connection.fetchval("SELECT EXISTS (SELECT FROM pcare.published)"):
        raise OperatorError(
            f"{RECORDED} is empty, and the database is not: it is Kafka that was lost. `pcare republish` makes the log "
            "anew from the database; see docs/disaster-recovery.md."
        )


async def _restore_merges(connection: asyncpg.Connection, log: LogReader, say: Say) -> list[UUID]:
    """Put down the merges that the topic has, move what they moved, and return those that are to be published."""
    added = 0
    async for records in log.read(SUBJECTS):
        added += await restore_persons.add_merges(
            connection, [record.value for record in records if record.value is not None]
        )
    # Not what was added, but what is not published: of those that a rebuild put down before it was interrupted, or an
    # operator typed before it began, nothing may be moved yet, or not all that this rebuild is about to restore.
    gone = await restore_persons.not_published(connection)
    await restore_persons.move_merged(connection, gone)
    if added:
        say(f"{SUBJECTS}: restored {added} merges of two subjects that the database lacked")
    if len(gone) > added:
        say(f"pcare.merges: {len(gone) - added} merges were there and are not published yet; the recorder will")
    return gone


def _register(config: RebuildSettings) -> Register:
    try:
        return Register.load(config.provider_register)
    except ValueError as error:
        raise OperatorError(f"The provider register cannot be read: {error}") from error


async def _restore_events(connection: asyncpg.Connection, log: LogReader, say: Say) -> None:
    read = restored = 0
    person_of = await merges.known(connection)
    async for records in log.read(RECORDED):
        read += len(records)
        restored += await restore.add_events(connection, published(records), person_of)
    say(f"{RECORDED}: read {read} records, restored {restored} events that the database lacked")


def published(records: Sequence[ConsumerRecord]) -> list[restore.Published]:
    """Return what rows are made of: the text and, where the record is one of a trace, which."""
    return [restore.Published(record.value, traceparent_of(record.headers)) for record in records]


async def _restore_rejections(connection: asyncpg.Connection, log: LogReader, say: Say) -> None:
    read = restored = 0
    async for records in log.read(REJECTED):
        read += len(records)
        # The topic is compacted: an empty record takes the place of one that is gone, until it goes itself.
        held = [record for record in records if record.value is not None]
        restored += await restore.add_rejections(connection, published(held))
    say(f"{REJECTED}: read {read} records, restored {restored} rejections that the database lacked")


async def _restore_links(
    connection: asyncpg.Connection, log: LogReader, committed: dict[Partition, int | None], say: Say
) -> None:
    read = 0
    async with connection.transaction():
        await restore_links.begin(connection)
        async for records in log.read(SUBJECTS):
            read += len(records)
            await restore_links.stage(connection, [(record.key, record.value) for record in records])
        added, removed = await restore_links.merge(connection, committed)
        unknown = [partition for partition, offset in committed.items() if offset is None]
        not_judged = await restore_links.not_judged(connection, unknown)
    say(f"{SUBJECTS}: read {read} records, restored {added} links, removed {removed} that were erased since")
    if not_judged:
        say(
            f"{not_judged} links that {SUBJECTS} lacks could not be judged and stay: they come from partitions of "
            "which the recorder's group has no committed offset, so they were erased, or are not published yet. Before "
            "you start a recorder, erase again whom your register of requests names since this database was backed up: "
            "docs/erasure.md"
        )


async def _restore_anchor(connection: asyncpg.Connection, say: Say) -> None:
    restored = await restore_persons.restore_anchor(connection)
    if restored is None:
        return
    if restored.anchor is None:
        say(
            "under no pseudonym key everybody has a pseudonym: if the key was ever changed, restore the table "
            "pcare.pseudonym_key from a backup; and see docs/keys.md before you change the key"
        )
        return
    say(f"persons are told apart by the pseudonym key {restored.anchor}, as their links say")
    if restored.following is not None:
        say(
            f"some are known by {restored.following} as well: if the change to it had been finished, finish it again "
            "before you start the recorder, or newcomers are rejected: `pcare keys show`, `pcare keys rotate --finish`"
        )


async def _restore_cursors(
    connection: asyncpg.Connection, log: LogReader, committed: dict[Partition, int | None], say: Say
) -> None:
    """Set every cursor to what was published through, with counts from the first offset that Kafka still holds."""
    held = await log.held(list(committed))
    ends = {partition: _next_offset(committed[partition], held[partition].first) for partition in held}
    records: Counter[Partition] = Counter()
    async for found in log.read_until({p: end for p, end in ends.items() if end > held[p].first}):
        records.update(Partition(record.topic, record.partition) for record in found)
    cursors = {}
    for partition, next_offset in ends.items():
        base = min(held[partition].first, next_offset)
        recorded, rejected = await restore.count_outcomes(connection, partition, base, next_offset)
        duplicates = records[partition] - recorded - rejected
        if duplicates < 0:
            raise made_anew(
                partition,
                f"{recorded} events and {rejected} rejections are of offsets {base} to {next_offset - 1}, but only "
                f"{records[partition]} records are there",
            )
        cursors[partition] = Cursor(base, next_offset, recorded, duplicates, rejected)
        say(
            f"{partition}: judged from {base} up to {next_offset}: {records[partition]} records = {recorded} recorded "
            f"+ {duplicates} duplicates + {rejected} rejected"
        )
    await restore.set_cursors(connection, cursors)


def _next_offset(committed: int | None, first_held: int) -> int:
    return first_held if committed is None else committed


async def _submitted_partitions(log: LogReader) -> list[Partition]:
    return [partition for partition in await log.partitions() if restore.is_submitted(partition.topic)]


def main(who: str | None = None, why: str | None = None) -> None:
    """Rebuild the database of PCARE_POSTGRES_DSN; exit 78 with one line when that cannot be done.

    `who` does it and `why` is for the audit trail.
    """
    config = settings.load(RebuildSettings)
    try:
        asyncio.run(rebuild(config, _print, acts.By.said(who, why, WHY)))
    except (OperatorError, OSError, asyncpg.PostgresError, KafkaError) as error:
        _print(f"Cannot rebuild: {for_operator(error) or error}", to_errors=True)
        raise SystemExit(EXIT_CONFIGURATION) from error


def _print(line: str, *, to_errors: bool = False) -> None:
    stream = sys.stderr if to_errors else sys.stdout
    stream.write(line + "\n")
    stream.flush()


if __name__ == "__main__":
    main()
