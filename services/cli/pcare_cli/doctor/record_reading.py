"""Asks Kafka and PostgreSQL for what `record_rules` judges."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg

from pcare_cli import accounting_readers
from pcare_cli.doctor import kafka_reading
from pcare_cli.doctor.doors import with_admin
from pcare_cli.doctor.record_facts import Expiring, Progress, Record
from pcare_recorder import store
from pcare_recorder.cursors import Cursor, Partition
from pcare_recorder.database import WRITERS

BETWEEN_LOOKS_SECONDS = 3.0
Pause = Callable[[float], Awaitable[None]]


async def progress(connection: asyncpg.Connection, options: Mapping[str, Any], group: str, *, pause: Pause) -> Progress:
    """Read both cursors twice. Raises what asyncpg raises, and KafkaError."""
    committed = await with_admin(options, lambda admin: kafka_reading.committed(admin, group))
    cursors = await _cursors(connection)
    held = await with_admin(options, kafka_reading.held)
    last = {
        partition: round(at.timestamp() * 1000)
        for partition, (offset, at) in (await store.last_judged(connection, held)).items()
        if held[partition].first <= offset
    }
    found = await with_admin(options, lambda admin: kafka_reading.first_since(admin, last))
    await pause(BETWEEN_LOOKS_SECONDS)
    later_committed = await with_admin(options, lambda admin: kafka_reading.committed(admin, group))
    later = await _cursors(connection)
    return Progress(committed, cursors, held, later, later_committed, BETWEEN_LOOKS_SECONDS, last, found)


async def _cursors(connection: asyncpg.Connection) -> dict[Partition, Cursor]:
    rows = await connection.fetch(
        "SELECT topic, partition, base_offset, next_offset, recorded, duplicates, rejected FROM pcare.cursors"
    )
    return {Partition(row[0], row[1]): Cursor(*row[2:]) for row in map(tuple, rows)}


async def record(connection: asyncpg.Connection) -> Record:
    """Read what the tables say. Raises what asyncpg raises."""
    key = await connection.fetchrow(
        "SELECT k.anchor, k.following, a.at FROM pcare.pseudonym_key AS k LEFT JOIN pcare.acts AS a ON a.number = k.act"
    )
    rotating = key is not None and key["following"] is not None
    return Record(
        now=await connection.fetchval("SELECT clock_timestamp()"),
        counts=tuple(await accounting_readers.read_cursors(connection)),
        rotating=(key["anchor"], key["following"]) if rotating else None,
        rotating_since=key["at"] if rotating else None,
        merges_waiting_since=await connection.fetchval(
            "SELECT min(merged_at) FROM pcare.merges WHERE published_at IS NULL"
        ),
        rebuilding=await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = $1 "
            "AND mode = 'ExclusiveLock' AND granted AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database()))",
            WRITERS,
        ),
        providers=await connection.fetchval("SELECT count(*) FROM pcare.register"),
        last_credentials=await _last_credentials(connection),
    )


async def _last_credentials(connection: asyncpg.Connection) -> tuple[Expiring, ...]:
    rows = await connection.fetch(
        "SELECT regexp_replace(c.source, '^.*[/:]', '') AS code, max(c.expires_at) AS until "
        "FROM pcare.credentials AS c "
        # who has ended needs no new one: what it still has may run out
        "LEFT JOIN pcare.register AS r ON r.source = c.source "
        "WHERE c.revoked_at IS NULL AND coalesce(r.valid_to > (now() AT TIME ZONE 'Europe/London')::date, true) "
        "GROUP BY c.source HAVING count(*) = count(c.expires_at) ORDER BY until"
    )
    return tuple(Expiring(row["code"], row["until"]) for row in rows)
