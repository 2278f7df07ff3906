"""The look at providers: what arrived last of each, and who is overdue."""

import datetime as dt
import re
from dataclasses import dataclass

import asyncpg
from prometheus_client import CollectorRegistry

from pcare_cli import accounting_readers as readers
from pcare_cli.watch.arrivals import Arrivals, Arrived
from pcare_cli.watch.database import Database
from pcare_cli.watch.expected import LOOK_BACK_DAYS, Expectation, is_bank_holiday, weekdays
from pcare_common import metrics
from pcare_common.clock import Clock

PIECES_AT_ONCE = 24
HORIZON = dt.timedelta(days=LOOK_BACK_DAYS + 1)

# What is recorded is read by way of its published text, which is kept by origin.
_PIECE = """
SELECT source, 'recorded' AS outcome, count(*) AS number, min(at) AS first, max(at) AS last
FROM (
    SELECT published ->> 'source' AS source, (published ->> 'recordedat')::timestamptz AS at FROM pcare.published
    WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset >= $3 AND origin_offset < $4
) AS p
GROUP BY source
UNION ALL
SELECT coalesce(sender, source), 'rejected', count(*), min(received_at), max(received_at)
FROM pcare.rejections
WHERE origin_topic = $1 AND origin_partition = $2 AND origin_offset >= $3 AND origin_offset < $4
    AND coalesce(sender, source) IS NOT NULL
GROUP BY coalesce(sender, source)
"""
_EXPECTED = """
SELECT r.source, r.expected_by, r.expected_days, r.expected_on_bank_holidays, a.at
FROM pcare.register AS r JOIN pcare.acts AS a ON a.number = r.act
WHERE r.expected_by IS NOT NULL
    AND coalesce(r.valid_from <= $1, true) AND coalesce(r.valid_to > $1, true)
"""


@dataclass
class Providers:
    """Knows who sent last when, and who should have."""

    database: Database
    clock: Clock

    def __post_init__(self) -> None:
        """Begin with nothing known."""
        self._arrivals = Arrivals()

    def register(self, registry: CollectorRegistry) -> "Providers":
        """Make its metrics."""
        self._last = metrics.gauge("pcare_watch_provider_arrival_seconds", registry)
        self._overdue = metrics.gauge("pcare_watch_provider_overdue_seconds", registry)
        self._events = metrics.counter("pcare_watch_provider_events_total", registry)
        return self

    async def look(self) -> None:
        """Read the next pieces, and show what is known. Raises what asyncpg raises."""
        now = self.clock.now()
        async with self.database.connection() as connection:
            named = await connection.fetch("SELECT source, code FROM pcare.providers")
            # a rejection of a provider's own topic has the last part of its name, which is the code in small letters
            codes = {row["source"]: row["code"] for row in named} | {row["code"].lower(): row["code"] for row in named}
            cursors = await readers.read_cursors(connection)
            for piece in self._arrivals.wanted(cursors, PIECES_AT_ONCE):
                rows = await connection.fetch(_PIECE, *piece[:4])
                self._arrivals.add(piece, (Arrived(codes.get(row[0]), *row[1:]) for row in rows), now - HORIZON)
            expected = await self._expected(connection, now)
        self._show(expected, now)

    async def _expected(self, connection: asyncpg.Connection, now: dt.datetime) -> dict[str, Expectation]:
        rows = await connection.fetch(_EXPECTED, now.date())
        return {_code(row[0]): Expectation(row[1], weekdays(row[2]), row[3], row[4]) for row in rows}

    def _show(self, expected: dict[str, Expectation], now: dt.datetime) -> None:
        self._last.clear()
        for code, at in self._arrivals.last.items():
            self._last.labels(code).set(at.timestamp())
        self._overdue.clear()
        known_since = self._arrivals.known_since(now - HORIZON, now)
        for code, expectation in expected.items():
            seconds = expectation.overdue(now, self._arrivals.last.get(code), known_since, is_bank_holiday)
            if seconds is not None:
                self._overdue.labels(code).set(seconds)
        for (code, outcome), number in self._arrivals.take_counted().items():
            self._events.labels(code, outcome).inc(number)


def _code(source: str) -> str:
    return re.split("[/:]", source)[-1]
