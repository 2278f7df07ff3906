"""Sending in again, so that it can be interrupted anywhere.

First the database is told what is about to be sent; then it is sent; then the database is told where it went. What is
interrupted between shows as such and is sent again, under the same id: an event is its (source, id), so the second is a
duplicate. Under another it would count twice.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

import asyncpg
from kafka.errors import KafkaError

from pcare_cli.desk import showing
from pcare_cli.desk.mending import Refused, Sendable
from pcare_cli.desk.rejections import Entry, State
from pcare_cli.operators import add_act
from pcare_schemas.origin import Origin

LOCK = 0x70636172_64  # "pcard": whoever sends in again holds it

EventKey = tuple[str, str]
"""An event's source and id."""


class Act(NamedTuple):
    """Who sends in again, why, and what was asked for."""

    who: str
    what: str
    why: str
    details: dict[str, object]


class Sender(Protocol):
    """Where events are sent: see DeskSender."""

    def send(self, events: Sequence[tuple[Origin, Sendable]]) -> list[Origin | KafkaError]:
        """Send, and return where each event is acknowledged, or what went wrong with it."""
        ...


class NotSentError(Exception):
    """Kafka did not acknowledge some of them."""


class AnotherRedriveError(Exception):
    """Somebody else is sending in again at this moment."""


class Redriver:
    """Sends rejected events in again, under one act of the audit trail, which its first event makes."""

    def __init__(self, connection: asyncpg.Connection, sender: Callable[[], Sender], act: Act) -> None:
        self._connection = connection
        self._connect = sender
        self._sender: Sender | None = None
        self._act = act
        self._number: int | None = None

    async def lock(self) -> None:
        """Be the only one at it until the connection ends. Raises AnotherRedriveError."""
        if not await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            raise AnotherRedriveError

    async def send(self, events: Sequence[tuple[Entry, Sendable]]) -> list[Origin]:
        """Send these and return where each went. Raises NotSentError when Kafka did not acknowledge all of them."""
        if not events:
            return []
        if self._sender is None:  # before anything is written: a Kafka that is away leaves no trace
            self._sender = await asyncio.to_thread(self._connect)
        numbers = await self._announce(events)
        asked = [(entry.origin, event) for entry, event in events]
        answers = await asyncio.to_thread(self._sender.send, asked)
        arrived = [
            (number, answer.topic, answer.partition, answer.offset)
            for number, answer in zip(numbers, answers, strict=True)
            if isinstance(answer, Origin)
        ]
        await self._connection.executemany(
            "INSERT INTO pcare.redrive_arrivals (redrive, sent_topic, sent_partition, sent_offset) "
            "VALUES ($1, $2, $3, $4)",
            arrived,
        )
        errors = [answer for answer in answers if isinstance(answer, KafkaError)]
        if errors:
            raise NotSentError(f"{len(errors)} of {len(answers)} were not acknowledged: {type(errors[0]).__name__}")
        return [answer for answer in answers if isinstance(answer, Origin)]

    async def _announce(self, events: Sequence[tuple[Entry, Sendable]]) -> list[int]:
        async with self._connection.transaction():
            if self._number is None:
                self._number = await add_act(
                    self._connection,
                    who=self._act.who,
                    what=self._act.what,
                    why=self._act.why,
                    details=self._act.details,
                )
            return [await self._announce_one(self._number, entry, event) for entry, event in events]

    async def _announce_one(self, act: int, entry: Entry, event: Sendable) -> int:
        number: int = await self._connection.fetchval(
            """
            INSERT INTO pcare.redrives (
                act, origin_topic, origin_partition, origin_offset, source, id, changed, sha256
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING number
            """,
            act,
            entry.origin.topic,
            entry.origin.partition,
            entry.origin.offset,
            event.source,
            event.event_id,
            event.changed,
            event.sha256,
        )
        return number


async def in_doubt(connection: asyncpg.Connection, entries: Sequence[Entry]) -> dict[Origin, set[EventKey]]:
    """Return of each rejection the events that may have been sent in its place, where nobody was told that they were.

    Whatever goes in again in its place has to be one of these.
    """
    asked = [entry.origin for entry in entries if entry.state is State.interrupted]
    rows = await connection.fetch(
        """
        SELECT d.origin_topic, d.origin_partition, d.origin_offset, d.source, d.id
        FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS asked (topic, partition, place)
        JOIN pcare.redrives AS d
          ON d.origin_topic = topic AND d.origin_partition = partition AND d.origin_offset = place
        WHERE NOT EXISTS (SELECT FROM pcare.redrive_arrivals AS a WHERE a.redrive = d.number)
        """,
        [origin.topic for origin in asked],
        [origin.partition for origin in asked],
        [origin.offset for origin in asked],
    )
    found: dict[Origin, set[EventKey]] = {}
    for topic, partition, offset, source, event_id in map(tuple, rows):
        found.setdefault(Origin(topic, partition, offset), set()).add((source, event_id))
    return found


def would_count_twice(doubts: Mapping[Origin, Collection[EventKey]], entry: Entry, event: Sendable) -> Refused | None:
    """Return why an event may not go in in place of a rejection, where another may be on its way in its place."""
    ids = doubts.get(entry.origin)
    if not ids or (event.source, event.event_id) in ids:
        return None
    named = " or ".join(showing.safe(f"{event_id} of {source}") for source, event_id in sorted(ids))
    return Refused(
        "in doubt under another id",
        f"A redrive of it as {named} was interrupted, and may have arrived. Repair it under that source and id again: "
        "it counts once then, and under another it would count twice.",
    )


async def is_recorded(connection: asyncpg.Connection, event: Sendable) -> bool:
    """Return whether an event of this (source, id) is recorded."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pcare.interventions WHERE source = $1 AND id = $2)", event.source, event.event_id
    )
    return found


async def was_announced(connection: asyncpg.Connection, entry: Entry, event: Sendable) -> bool:
    """Return whether an earlier try was about to send these very bytes in place of this rejection."""
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM pcare.redrives
            WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset = $3 AND sha256 = $4
        )
        """,
        entry.origin.topic,
        entry.origin.partition,
        entry.origin.offset,
        event.sha256,
    )
    return found
