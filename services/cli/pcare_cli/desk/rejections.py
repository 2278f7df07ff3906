"""What lies at the desk: rejected events as the view `desk.rejections` shows them to whoever asks.

The database decides what that is: all for an operator, their own for a provider's login. Nothing here narrows it.
"""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import asyncpg
import orjson

from pcare_schemas.origin import Origin
from pcare_schemas.rejections import FieldError, Reason

UNKNOWN = "unknown"
"""Stands for the provider where nobody can tell whose it is."""

AT_A_TIME = 500


class State(StrEnum):
    """What was done about a rejection since."""

    waiting = "waiting"
    interrupted = "interrupted"
    sent = "sent"
    recorded = "recorded"
    rejected_again = "rejected_again"


MEANINGS = {
    State.waiting: "nobody has sent it in again",
    State.interrupted: "a redrive was interrupted: it may have been sent; sending it again is safe",
    State.sent: "it was sent in again, and is not judged yet",
    State.recorded: "the event is recorded",
    State.rejected_again: "it was sent in again and rejected again; that rejection stands in its place",
}
OPEN = (State.waiting, State.interrupted)
"""What is still to be done."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rejections; what is empty does not narrow. `since` is included, `until` is not."""

    provider: str | None = None
    reason: Reason | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    states: Sequence[State] = ()
    origins: Sequence[Origin] = ()

    def where(self) -> tuple[str, list[Any]]:
        """Return the condition in SQL, and its arguments in order."""
        conditions: list[str] = []
        arguments: list[Any] = []

        def add(condition: str, argument: object) -> None:
            arguments.append(argument)
            conditions.append(condition.replace("?", f"${len(arguments)}"))

        if self.provider == UNKNOWN:
            conditions.append("provider IS NULL")
        elif self.provider is not None:  # as it is, or as ODS codes and slugs are written
            add("provider = ANY (?::text[])", [self.provider, self.provider.upper(), self.provider.lower()])
        if self.reason is not None:
            add("reason = ?", str(self.reason))
        if self.since is not None:
            add("received_at >= ?", self.since)
        if self.until is not None:
            add("received_at < ?", self.until)
        if self.states:
            add("state = ANY (?::text[])", [str(state) for state in self.states])
        if self.origins:
            add("rejection = ANY (?::text[])", [str(origin) for origin in self.origins])
        return " AND ".join(conditions) or "true", arguments

    @property
    def narrows(self) -> bool:
        """Whether it asks for anything less than everything."""
        return any((self.provider, self.reason, self.since, self.until, self.origins))

    def document(self) -> dict[str, Any]:
        """Return it as JSON values, for the audit trail."""
        values = {
            "provider": self.provider,
            "reason": self.reason,
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "rejections": [str(origin) for origin in self.origins] or None,
        }
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Entry:
    """One rejection. `sender` is whose own topic it came by; `source` and `event_id` are as claimed."""

    origin: Origin
    received_at: dt.datetime
    provider: str | None
    provider_name: str | None
    sender: str | None
    source: str | None
    event_id: str | None
    reason: Reason
    errors: tuple[FieldError, ...]
    redacted: bool
    size: int | None
    sha256: str | None
    rules_version: str
    state: State
    evidence: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Redrive:
    """A time that it was sent in again. `who` and `why` are None for a provider, `sent` where it was interrupted."""

    at: dt.datetime
    who: str | None
    why: str | None
    changed: bool
    source: str
    event_id: str
    sent: Origin | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many rejections there are of a provider, reason and state."""

    provider: str | None
    reason: str
    state: State
    number: int


_COLUMNS = (
    "origin_topic, origin_partition, origin_offset, received_at, provider, provider_name, sender, source, event_id, "
    "reason, errors, redacted, size, sha256, rules_version, state, evidence"
)


async def newest(connection: asyncpg.Connection, wanted: Filter, limit: int) -> list[Entry]:
    """Return the latest rejections, the latest first."""
    where, arguments = wanted.where()
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM desk.rejections WHERE {where} "  # noqa: S608 - the condition holds no values
        f"ORDER BY received_at DESC, origin_topic, origin_partition, origin_offset DESC LIMIT {limit}",
        *arguments,
    )
    return [_entry(row) for row in rows]


async def one(connection: asyncpg.Connection, origin: Origin) -> Entry | None:
    """Return the rejection of this name, or None where there is none to be seen."""
    found = await newest(connection, Filter(origins=[origin]), 1)
    return found[0] if found else None


async def pages(connection: asyncpg.Connection, wanted: Filter) -> AsyncIterator[list[Entry]]:
    """Yield all of them in the order in which they stood, a bounded number at a time.

    What is sent in again meanwhile and rejected again is left out: to send that too would have no end.
    """
    after: tuple[str, int, int] = ("", -1, -1)
    last = await connection.fetchval("SELECT coalesce(max(number), 0) FROM pcare.redrives")
    where, arguments = wanted.where()
    keys = [f"${len(arguments) + place}" for place in (1, 2, 3)]
    meanwhile = (
        "SELECT FROM pcare.redrive_arrivals AS a WHERE a.sent_topic = origin_topic "
        f"AND a.sent_partition = origin_partition AND a.sent_offset = origin_offset AND a.redrive > {last}"
    )
    while True:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM desk.rejections WHERE {where} "  # noqa: S608 - the condition holds no values
            f"AND (origin_topic, origin_partition, origin_offset) > ({', '.join(keys)}) AND NOT EXISTS ({meanwhile}) "
            f"ORDER BY origin_topic, origin_partition, origin_offset LIMIT {AT_A_TIME}",
            *arguments,
            *after,
        )
        if not rows:
            return
        yield [_entry(row) for row in rows]
        after = (rows[-1]["origin_topic"], rows[-1]["origin_partition"], rows[-1]["origin_offset"])


async def counts(connection: asyncpg.Connection, wanted: Filter) -> list[Count]:
    """Return how many there are, by provider, reason and state."""
    where, arguments = wanted.where()
    rows = await connection.fetch(
        f"SELECT provider, reason, state, count(*) FROM desk.rejections WHERE {where} "  # noqa: S608 - as above
        "GROUP BY 1, 2, 3 ORDER BY 1 NULLS LAST, 2, 3",
        *arguments,
    )
    return [Count(row[0], row[1], State(row[2]), row[3]) for row in rows]


async def redrives(connection: asyncpg.Connection, origin: Origin) -> list[Redrive]:
    """Return the times that a rejected event was sent in again, in order."""
    rows = await connection.fetch(
        "SELECT at, who, why, changed, source, event_id, sent FROM desk.redrives WHERE rejection = $1 ORDER BY number",
        str(origin),
    )
    return [
        Redrive(
            row["at"],
            row["who"],
            row["why"],
            row["changed"],
            row["source"],
            row["event_id"],
            None if row["sent"] is None else Origin.parse(row["sent"]),
        )
        for row in rows
    ]


def _entry(row: asyncpg.Record) -> Entry:
    errors = orjson.loads(row["errors"])
    return Entry(
        origin=Origin(row["origin_topic"], row["origin_partition"], row["origin_offset"]),
        received_at=row["received_at"],
        provider=row["provider"],
        provider_name=row["provider_name"],
        sender=row["sender"],
        source=row["source"],
        event_id=row["event_id"],
        reason=Reason(row["reason"]),
        errors=tuple(FieldError(error["pointer"], error["message"], error["expected"]) for error in errors),
        redacted=row["redacted"],
        size=row["size"],
        sha256=row["sha256"],
        rules_version=row["rules_version"],
        state=State(row["state"]),
        evidence=row["evidence"],
    )
