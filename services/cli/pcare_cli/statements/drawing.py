"""Draws up a statement from the tables and from what the topics still hold."""

import asyncio
import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
from kafka import KafkaConsumer, TopicPartition

from pcare_audit.statements.statement import Made, Statement
from pcare_cli.statements import handed_over, rows
from pcare_cli.statements.assembling import About, Held, put_together
from pcare_cli.statements.handed_over import Walk
from pcare_cli.statements.rows import Period, Providers
from pcare_cli.topic_plan import Plan
from pcare_schemas.topics import SUBMITTED, provider_of_topic

A_DAY = dt.timedelta(days=1)
_LOWEST = """
SELECT origin_topic, origin_partition, min(origin_offset) FROM (
    SELECT origin_topic, origin_partition, origin_offset FROM pcare.interventions
    WHERE (recorded_at AT TIME ZONE 'Europe/London')::date BETWEEN $1 AND $2
    UNION ALL
    SELECT origin_topic, origin_partition, origin_offset FROM pcare.rejections
    WHERE received_at >= $3 AND received_at < $4
) AS arrived GROUP BY 1, 2
"""
_GAPS = """
SELECT topic, sum(last_offset - first_offset + 1)::bigint FROM pcare.gaps
WHERE topic = ANY ($1::text[]) GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which statement. `options` are kafka-python's; None: the topics are not read. `provider` is a code or None."""

    period: Period
    provider: str | None
    sources: Collection[str] | None
    options: Mapping[str, Any] | None
    plan: Plan
    now: dt.datetime


async def draw_up(connection: asyncpg.Connection, known: Providers, wanted: Wanted, made: Made) -> Statement:
    """Return the statement. Raises NotReadError and what Kafka's and PostgreSQL's clients raise."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        counted = await rows.count(connection, wanted.period, known, wanted.sources)
        topics = {SUBMITTED} | {key[1] for key in counted.recorded} | {key[1] for key in counted.rejected}
        if wanted.options is None:
            held = Held(why_not=dict.fromkeys(topics, "the topics were not read: --no-topics"))
        else:
            with handed_over.consumer_of(wanted.options) as consumer:
                held = await _read_topics(connection, consumer, known, wanted, topics)
        gaps = await connection.fetch(_GAPS, sorted(held.read | set(held.why_not)))
    held.lost = [
        f"{topic}: {number:,} offsets at most were deleted before they were judged (pcare.gaps), of days nobody knows"
        for topic, number in gaps
    ]
    return put_together(About(wanted.period, wanted.provider, known.names), made, counted, held)


async def _read_topics(
    connection: asyncpg.Connection, consumer: KafkaConsumer, known: Providers, wanted: Wanted, topics: set[str]
) -> Held:
    there = await asyncio.to_thread(consumer.topics)
    if wanted.sources is None:
        asked = topics | {topic for topic in there if rows.is_submitted(topic)}
    else:
        asked = topics | (rows.topics_of(wanted.sources) & there)
    period = wanted.period
    lowest: dict[str, dict[int, int]] = {}
    for topic, partition, offset in await connection.fetch(
        _LOWEST, period.first, period.last, period.begins, period.ends
    ):
        lowest.setdefault(topic, {})[partition] = offset
    cursors = {
        TopicPartition(row[0], row[1]): row[2]
        for row in await connection.fetch("SELECT topic, partition, next_offset FROM pcare.cursors")
    }
    walk, held = Walk(connection, period, known, cursors), Held()
    for topic in sorted(asked):
        if topic not in there:
            held.why_not[topic] = f"{topic}: Kafka has no such topic any more"
            continue
        parts = await asyncio.to_thread(
            handed_over.stretches,
            consumer,
            topic,
            period,
            deleted_before=_deleted_before(wanted, topic),
            rows=lowest.get(topic, {}),
        )
        gone = [part.why for part in parts if part.why is not None]
        if gone:
            held.why_not[topic] = "; ".join(gone)
            continue
        for part in parts:
            await walk.read(consumer, part)
        held.read.add(topic)
    held.seen = walk.seen
    return held


def _deleted_before(wanted: Wanted, topic: str) -> dt.datetime:
    """Return the instant that what Kafka has deleted is older than, as topics are planned to be kept."""
    code = provider_of_topic(topic)
    keep = wanted.plan.with_providers([] if code is None else [code])[topic].keep
    return dt.datetime.min.replace(tzinfo=dt.UTC) if keep == "forever" else wanted.now - (int(keep) - 1) * A_DAY
