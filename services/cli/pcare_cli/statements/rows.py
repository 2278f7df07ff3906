"""What the database says of a time: what was recorded and rejected of whom, by which topic and of which kind."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import asyncpg

from pcare_audit.london import midnight
from pcare_audit.statements.statement import UNKNOWN
from pcare_schemas.topics import SUBMITTED, provider_of_topic, slug_of

# By the day as the index has it: what arrived in a time stands together in the table.
_RECORDED = """
SELECT i.source, i.origin_topic, i.kind, count(*)
FROM pcare.interventions AS i
WHERE (i.recorded_at AT TIME ZONE 'Europe/London')::date BETWEEN $1 AND $2
  AND ($3::text[] IS NULL OR i.source = ANY ($3))
GROUP BY 1, 2, 3
"""
_REJECTED = """
SELECT coalesce(r.provider, $4), r.origin_topic, r.reason, r.state = 'recorded', count(*)
FROM desk.rejections AS r
WHERE r.received_at >= $1 AND r.received_at < $2 AND ($3::text[] IS NULL OR r.provider = ANY ($3))
GROUP BY 1, 2, 3, 4
"""


@dataclass(frozen=True, slots=True)
class Period:
    """Days by London's clocks, both included."""

    first: dt.date
    last: dt.date

    @property
    def begins(self) -> dt.datetime:
        """The instant at which the first day begins."""
        return midnight(self.first)

    @property
    def ends(self) -> dt.datetime:
        """The instant at which the last day has ended."""
        return midnight(self.last + dt.timedelta(days=1))

    def holds(self, instant: dt.datetime) -> bool:
        """Whether an instant lies in these days."""
        return self.begins <= instant < self.ends


@dataclass(frozen=True, slots=True)
class Providers:
    """Who there is: the code and the name of each source, and the code of each topic of one's own."""

    codes: Mapping[str, str]
    names: Mapping[str, str]

    def of_source(self, source: str | None) -> str:
        """Return the code of a source, or UNKNOWN where it is in no register."""
        return UNKNOWN if source is None else self.codes.get(source, UNKNOWN)

    def of_rejected(self, sender: str | None, source: str | None) -> str:
        """Return whose a rejection is: of whose own topic it came by, else whose source it claims."""
        if sender is None:
            return self.of_source(source)
        return next((code for code in sorted(set(self.codes.values())) if code.lower() == sender), sender)

    def sources_of(self, text: str) -> list[str]:
        """Return the sources that are meant by a code, as it is written or in another case, or by a source."""
        return [source for source, code in self.codes.items() if text == source or text.lower() == code.lower()]


@dataclass(frozen=True, slots=True)
class Rows:
    """`recorded` by provider, topic and kind; `rejected` by provider, topic, reason and whether it was repaired."""

    recorded: Counter[tuple[str, str, str]]
    rejected: Counter[tuple[str, str, str, bool]]


async def providers(connection: asyncpg.Connection) -> Providers:
    """Return everybody of the register, and everybody of whom an event is recorded."""
    rows = await connection.fetch(
        "SELECT source, code, coalesce(name, '') AS name FROM pcare.providers ORDER BY source"
    )
    return Providers({row["source"]: row["code"] for row in rows}, {row["code"]: row["name"] for row in rows})


async def count(
    connection: asyncpg.Connection, period: Period, known: Providers, sources: Collection[str] | None
) -> Rows:
    """Count what stands in the tables of these days; of these sources alone, where any are named."""
    asked = None if sources is None else list(sources)
    codes = None if sources is None else sorted({known.of_source(source) for source in sources})
    recorded: Counter[tuple[str, str, str]] = Counter()
    for source, topic, kind, number in await connection.fetch(_RECORDED, period.first, period.last, asked):
        recorded[known.of_source(source), topic, kind] += number
    rejected: Counter[tuple[str, str, str, bool]] = Counter()
    for row in await connection.fetch(_REJECTED, period.begins, period.ends, codes, UNKNOWN):
        rejected[row[0], row[1], row[2], row[3]] += row[4]
    return Rows(recorded, rejected)


def topics_of(sources: Collection[str]) -> set[str]:
    """Return the topics that events of these sources may come by: the shared one, and each one's own."""
    return {SUBMITTED, *(f"{SUBMITTED}.{slug_of(source)}" for source in sources)}


def is_submitted(topic: str) -> bool:
    """Whether a topic is one that events come by."""
    try:
        provider_of_topic(topic)
    except ValueError:
        return False
    return True
