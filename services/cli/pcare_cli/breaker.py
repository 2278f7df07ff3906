"""`pcare breaker release`: let through what made a circuit breaker open, as a person decided."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import asyncpg
import typer
from kafka import KafkaConsumer, TopicPartition

from pcare_cli import console
from pcare_cli.console import fail
from pcare_cli.operators import add_act, with_database
from pcare_schemas.topics import SUBMITTED_PATTERN


class Waiting(NamedTuple):
    """A partition of which something waits: what is judged goes up to `judged`, what there is up to `end`."""

    number: int
    judged: int
    end: int


def waiting(judged: Mapping[int, int], held: Mapping[int, tuple[int, int]]) -> list[Waiting]:
    """Return the partitions where something waits. `held` is the first offset and the end of each, as Kafka has it."""
    found = (Waiting(number, judged.get(number, first), end) for number, (first, end) in sorted(held.items()))
    return [one for one in found if one.judged < one.end]


def release(topic: str, who: str, why: str, *, dry_run: bool) -> None:
    """Let everything pass that waits in a topic now; ends with status 1 when nothing does."""
    if re.fullmatch(SUBMITTED_PATTERN, topic) is None:
        fail(f"{topic!r} is no topic of submitted events. The recorder's message names the topic.", status=2)
    with console.kafka_errors():
        held = _held(topic)
    if not held:
        fail(f"Kafka has no topic {topic}.")

    async def work(connection: asyncpg.Connection) -> Sequence[Waiting]:
        async with connection.transaction():
            rows = await connection.fetch("SELECT partition, next_offset FROM pcare.cursors WHERE topic = $1", topic)
            found = waiting({row["partition"]: row["next_offset"] for row in rows}, held)
            if found and not dry_run:
                await _record(connection, topic, found, who, why)
            return found

    found = with_database(work)
    if not found:
        fail(f"Nothing waits in {topic}: there is nothing to let through.")
    number = sum(one.end - one.judged for one in found)
    for one in found:
        typer.echo(f"{topic}/{one.number}: {one.judged} to {one.end - 1}")
    if dry_run:
        typer.echo(f"{number:,} records at most would be let through. Nothing was done.")
    else:
        typer.echo(f"{number:,} records at most are let through: what is rejected of them goes to the desk.")
        typer.echo("The recorder goes on within seconds, and counts anew with what comes after them.")


async def _record(connection: asyncpg.Connection, topic: str, found: Sequence[Waiting], who: str, why: str) -> None:
    details = {
        "topic": topic,
        "partitions": [{"partition": one.number, "first": one.judged, "last": one.end - 1} for one in found],
    }
    act = await add_act(connection, who=who, what="breaker-released", why=why, details=details)
    await connection.executemany(
        "INSERT INTO pcare.breaker_releases (topic, partition, next_offset, act) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT DO NOTHING",
        [(topic, one.number, one.end, act) for one in found],
    )


def _held(topic: str) -> dict[int, tuple[int, int]]:
    consumer = KafkaConsumer(client_id="pcare-breaker", enable_auto_commit=False, **console.kafka_options())
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        firsts, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        return {one.partition: (firsts[one], ends[one]) for one in partitions}
    finally:
        consumer.close()
