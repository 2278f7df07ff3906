"""The look at the KPIs: what is streamed against what SQL counts, for the same instant and from the same events.

SQL is asked between two answers of the stream, the second of which knows all that SQL knew. A number that the stream
did not change in between must be SQL's. One that it did change, and that SQL has otherwise, is not decided.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from pcare_audit.replay import Counted, Counts
from pcare_cli import accounting_readers as readers
from pcare_cli import settling
from pcare_cli.accounting_readers import Key, Streamed
from pcare_cli.watch.blocking import OneThread
from pcare_cli.watch.database import Database
from pcare_common import metrics
from pcare_common.clock import Clock
from pcare_common.errors import TransientError

SETTLES_WITHIN_SECONDS = 60.0
POLL_SECONDS = 0.5
TIMES = 3
"""A difference counts where it is found so many times in a row: what moved back and forth meanwhile is not one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many numbers were compared, which differ (by stream less SQL), and how many moved meanwhile."""

    compared: int
    differing: Mapping[Key, Decimal]
    undecided: int


def judge(before: Counts, sql: Counts, after: Counts) -> Verdict:
    """Compare every number that any of them has. What one lacks is nothing there. Pure."""
    differing: dict[Key, Decimal] = {}
    undecided = 0
    keys = {*before, *sql, *after}
    for key in keys:
        first, counted, last = (_number(counts.get(key)) for counts in (before, sql, after))
        if counted in {first, last}:
            continue
        if first == last:
            differing[key] = _apart(first, counted)
        else:
            undecided += 1
    return Verdict(len(keys), differing, undecided)


def _number(counted: Counted | None) -> tuple[Decimal | None, int, int | None]:
    """Return a number with what it is made of; nothing of something, and nothing at all, are the same."""
    if counted is None or (not counted.numerator and not counted.denominator):
        return None, 0, None
    return counted.value, counted.numerator, counted.denominator


def _apart(first: tuple[Decimal | None, int, int | None], second: tuple[Decimal | None, int, int | None]) -> Decimal:
    """Return by how much the numbers differ; where only what they are made of does, by how much that does."""
    return (first[0] or Decimal(0)) - (second[0] or Decimal(0)) or Decimal(first[1] - second[1]) or Decimal(1)


@dataclass
class Kpis:
    """Compares the KPIs. `addresses` are base addresses of kpi-aggregators: whoever answers first is asked.

    `client` are the arguments of the HTTP client: what it trusts, and its token.
    """

    options: Mapping[str, Any]
    group: str
    database: Database
    addresses: Sequence[str]
    client: Mapping[str, Any]
    thread: OneThread
    clock: Clock

    def register(self, registry: CollectorRegistry) -> "Kpis":
        """Make its metrics. Until the first comparison there is none of them."""
        self._difference = metrics.gauge("pcare_watch_kpi_difference", registry)
        self._numbers = metrics.gauge("pcare_watch_kpi_numbers", registry)
        self._compared = metrics.gauge("pcare_watch_kpi_compared_seconds", registry)
        return self

    async def look(self) -> None:
        """Compare once. Raises TransientError where what is on its way does not arrive, else what the clients raise."""
        found: Verdict | None = None
        for _ in range(TIMES):
            verdict = await self._compare()
            both = verdict.differing if found is None else _still(found.differing, verdict.differing)
            found = Verdict(verdict.compared, both, verdict.undecided)
            if not both:
                break
        assert found is not None  # noqa: S101 - it went round at least once
        self._difference.clear()
        for key, apart in found.differing.items():
            self._difference.labels(*key).set(float(apart))
        agreeing = found.compared - len(found.differing) - found.undecided
        for verdict_, number in (
            ("agrees", agreeing),
            ("differs", len(found.differing)),
            ("undecided", found.undecided),
        ):
            self._numbers.labels(verdict_).set(number)
        self._compared.set(self.clock.now().timestamp())

    async def _compare(self) -> Verdict:
        async with self._client() as client:
            catalogue = await readers.served_catalogue(client)
            before = await _whole(client)
            async with (
                self.database.connection() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                cursors = await readers.read_cursors(connection)
                merges = await readers.count_unpublished_merges(connection)
                sql = await readers.sql_kpis(connection, catalogue, before.instant)
            if merges:
                raise TransientError(f"{merges} merges of persons are not published yet: the stream cannot know them")
            published = await self._until_published({(one.topic, one.partition): one.next_offset for one in cursors})
            return judge(before.values, sql, (await self._counted(client, published.recorded_ends)).values)

    async def _until_published(self, cursors: Mapping[tuple[str, int], int]) -> settling.Kafka:
        deadline = self.clock.monotonic() + SETTLES_WITHIN_SECONDS
        while True:
            kafka = await self.thread.run(partial(settling.look, self.options, self.group))
            if _all_published(kafka, cursors):
                return kafka
            if self.clock.monotonic() > deadline:
                raise TransientError(f"what is recorded was not published within {SETTLES_WITHIN_SECONDS:.0f} s")
            await asyncio.sleep(POLL_SECONDS)

    async def _counted(self, client: httpx.AsyncClient, ends: Mapping[int, int]) -> Streamed:
        deadline = self.clock.monotonic() + SETTLES_WITHIN_SECONDS
        while True:
            streamed = await _whole(client)
            if all(streamed.applied.get(partition, -1) >= end - 1 for partition, end in ends.items()):
                return streamed
            if self.clock.monotonic() > deadline:
                raise TransientError(f"what is published was not counted within {SETTLES_WITHIN_SECONDS:.0f} s")
            await asyncio.sleep(POLL_SECONDS)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Give a client of the first kpi-aggregator that answers. Raises what the last one's client raised."""
        trouble: httpx.HTTPError | None = None
        for address in self.addresses:
            async with httpx.AsyncClient(base_url=address, timeout=30, **self.client) as client:
                try:
                    (await client.get("/health/live")).raise_for_status()
                except httpx.HTTPError as error:
                    trouble = error
                    continue
                yield client
                return
        raise trouble or TransientError("no kpi-aggregator is named")


async def _whole(client: httpx.AsyncClient) -> Streamed:
    streamed = await readers.streamed_kpis(client)
    if streamed is None:
        raise TransientError("the kpi-aggregator does not know every partition yet")
    return streamed


def _all_published(kafka: settling.Kafka, cursors: Mapping[tuple[str, int], int]) -> bool:
    return all(
        kafka.published.get(where, -1) >= next_offset
        for where, next_offset in cursors.items()
        if next_offset > kafka.starts.get(where, next_offset)
    )


def _still(before: Mapping[Key, Decimal], now: Mapping[Key, Decimal]) -> dict[Key, Decimal]:
    return {key: apart for key, apart in now.items() if key in before}
