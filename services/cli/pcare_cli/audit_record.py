"""What the database says beside the log: which persons were merged, who the providers are, and what was repaired."""

import datetime as dt
import hashlib
from typing import Any, NamedTuple

import asyncpg
import orjson

from pcare_audit.knowledge import merged_by
from pcare_schemas.log import LogLine, read_line

Event = tuple[str, str]
"""A source and an id."""


class Provider(NamedTuple):
    """An organisation as the register has it."""

    code: str | None
    name: str | None

    def __str__(self) -> str:
        return f"{self.code or 'a provider that is not registered'}{f' ({self.name})' if self.name else ''}"


class Merges(NamedTuple):
    """All merges of persons, as the log has them; `gone` is who each subject was merged into."""

    lines: tuple[LogLine, ...]
    gone: dict[str, str]
    moved: dict[str, int]
    """How many events each merge moved."""


class Repairs(NamedTuple):
    """Events that were recorded after they had been rejected: sent in again at the desk, or sent right later."""

    redriven: dict[Event, int]
    """With the act of the audit trail that says who did it and why."""
    sent_right: frozenset[Event]


class MergesPendingError(Exception):
    """Persons were merged, and the log does not say so yet."""


async def read_merges(connection: asyncpg.Connection) -> Merges:
    """Return the merges of persons. Raises MergesPendingError while one is not published."""
    rows = await connection.fetch("SELECT published::text, cardinality(ids), published_at FROM pcare.merges")
    if any(published_at is None for _, _, published_at in rows):
        raise MergesPendingError(
            "Two persons were merged, and a recorder has yet to publish that: run this again then."
        )
    lines = tuple(read_line(text.encode()) for text, _, _ in rows)
    moved = {line.data["gone"]: number for line, (_, number, _) in zip(lines, rows, strict=True)}
    return Merges(lines, merged_by(lines), moved)


async def read_providers(connection: asyncpg.Connection) -> dict[str, Provider]:
    """Return the providers by their source."""
    rows = await connection.fetch("SELECT source, code, name FROM pcare.providers")
    return {source: Provider(code, name) for source, code, name in rows}


async def read_repairs(connection: asyncpg.Connection, since: dt.datetime) -> Repairs:
    """Return what was repaired of what has been recorded since, told apart as at the desk of rejected events.

    A rejection by the id of another event (`id_reused`), or by way of another provider's topic, says nothing of it.
    """
    redriven = await connection.fetch(
        """
        SELECT i.source, i.id, d.act
        FROM pcare.redrives AS d
        JOIN pcare.redrive_arrivals AS a ON a.redrive = d.number
        JOIN pcare.interventions AS i ON i.source = d.source AND i.id = d.id
         AND i.origin_topic = a.sent_topic AND i.origin_partition = a.sent_partition AND i.origin_offset = a.sent_offset
        WHERE i.recorded_at >= $1
        """,
        since,
    )
    sent_right = await connection.fetch(
        """
        SELECT DISTINCT i.source, i.id
        FROM pcare.rejections AS r
        JOIN pcare.interventions AS i ON i.source = r.source AND i.id = r.id
        LEFT JOIN pcare.providers AS p ON p.source = r.source
        WHERE i.recorded_at >= $1 AND r.received_at <= i.recorded_at AND r.reason <> 'id_reused'
          AND (r.sender IS NULL OR lower(p.code) = r.sender)
        """,
        since,
    )
    acts = {(source, name): act for source, name, act in redriven}
    return Repairs(acts, frozenset((source, name) for source, name in sent_right) - acts.keys())


def sha256_of(document: Any) -> str:
    """Return the hash of a document's JSON with sorted keys, which names exactly this one."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
