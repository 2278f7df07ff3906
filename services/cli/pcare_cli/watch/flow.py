"""The look at offsets and cursors: how far each topic is judged, and whether all of it is accounted for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from pcare_cli import accounting_readers as readers
from pcare_cli import settling
from pcare_cli.accounting import Cursor
from pcare_cli.watch.accounts import Accounts, Standstill
from pcare_cli.watch.blocking import OneThread
from pcare_cli.watch.database import Database
from pcare_common import metrics
from pcare_common.clock import Clock
from pcare_common.errors import TransientError


@dataclass
class Flow:
    """What is submitted against what became of it, topic by topic. `options` are kafka-python's."""

    options: Mapping[str, Any]
    group: str
    database: Database
    thread: OneThread
    clock: Clock

    def __post_init__(self) -> None:
        """Begin with nothing known."""
        self._accounts = Accounts()
        self._standstill = Standstill()

    def register(self, registry: CollectorRegistry) -> "Flow":
        """Make its metrics."""
        self._unaccounted = metrics.gauge("pcare_watch_unaccounted_events", registry)
        self._unread = metrics.gauge("pcare_watch_uncounted_partitions", registry)
        self._ends = metrics.gauge("pcare_watch_topic_end_offset", registry)
        self._judged = metrics.gauge("pcare_watch_topic_judged_offset", registry)
        self._lag = metrics.gauge("pcare_watch_topic_lag_events", registry)
        self._stuck = metrics.gauge("pcare_watch_topic_stuck_seconds", registry)
        return self

    async def look(self) -> None:
        """Compare once. Raises what the clients raise; the numbers of before then stand."""
        async with self.database.connection() as connection:
            cursors = await readers.read_cursors(connection)
        kafka = await self.thread.run(partial(settling.look, self.options, self.group))
        self._show_offsets(cursors, kafka)
        await self._account(cursors, kafka)

    def _show_offsets(self, cursors: Sequence[Cursor], kafka: settling.Kafka) -> None:
        judged = dict(kafka.starts)  # before its first event a partition has none
        judged |= {(one.topic, one.partition): one.next_offset for one in cursors}
        stuck = self._standstill.seconds(judged, kafka.ends, self.clock.monotonic())
        ends, places = defaultdict[str, int](int), defaultdict[str, int](int)
        for where, end in kafka.ends.items():
            ends[where[0]] += end
            places[where[0]] += min(judged[where], end)
        for gauge in (self._ends, self._judged, self._lag, self._stuck):
            gauge.clear()
        for topic, end in ends.items():
            self._ends.labels(topic).set(end)
            self._judged.labels(topic).set(places[topic])
            self._lag.labels(topic).set(end - places[topic])
            self._stuck.labels(topic).set(stuck[topic])

    async def _account(self, cursors: Sequence[Cursor], kafka: settling.Kafka) -> None:
        differences, unread = defaultdict[str, int](int), defaultdict[str, int](int)
        for cursor in cursors:
            where = (cursor.topic, cursor.partition)
            start = kafka.starts.get(where)
            if start is None:  # the topic is no longer there: nothing can be compared with it
                continue
            wanted = self._accounts.to_read(cursor, start)
            if wanted is not None:
                records = await self.thread.run(
                    partial(readers.count_stretch, self.options, *where, wanted.first, wanted.end)
                )
                if records is None:
                    raise TransientError(f"the records of {cursor.topic}/{cursor.partition} did not come")
                self._accounts.was_read(cursor, wanted, records)
            difference = self._accounts.difference(cursor)
            differences[cursor.topic] += difference or 0
            unread[cursor.topic] += difference is None
        self._unaccounted.clear()
        self._unread.clear()
        for topic, difference in differences.items():
            self._unaccounted.labels(topic).set(difference)
            self._unread.labels(topic).set(unread[topic])
