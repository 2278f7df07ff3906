"""`pcare gap accept`: tell the recorder to go on past offsets that retention deleted before they were recorded."""

import asyncpg
import typer
from kafka import KafkaConsumer, TopicPartition

from pcare_cli import console
from pcare_cli.console import fail
from pcare_cli.operators import add_act, with_database
from pcare_recorder.cursors import Partition


def parse_partition(text: str) -> Partition:
    """Read `topic/number`; ends the process with status 2 for anything else."""
    topic, _, number = text.rpartition("/")
    if not topic or not (number.isascii() and number.isdigit()):
        fail(f"{text!r} is no partition: write topic/number, as the recorder's message does.", status=2)
    return Partition(topic, int(number))


def refused(partition: Partition, first: int, last: int, *, cursor: int | None, held: int) -> str | None:
    """Return why the recorder must not go on at `last` + 1, or None.

    `cursor` is the first offset that is not judged, `held` the first that Kafka still has. Pure.
    """
    if cursor is None:
        return f"The recorder has no cursor for {partition}: it would begin at the start of what Kafka has by itself."
    if cursor == last + 1 and first <= last:
        return f"{partition}: the recorder goes on at {cursor} already. Nothing was changed."
    if cursor != first:
        return (
            f"{partition}: the recorder stands at {cursor}, not at {first}. Nothing was changed; see its last message."
        )
    if held <= first:
        return f"{partition}: Kafka still has everything from {held} on: nothing is lost. Start the recorder."
    if held != last + 1:
        return (
            f"{partition}: Kafka has what is from {held} on, so the gap is {first} to {held - 1}. Nothing was changed; "
            f"if that is to be passed over: `pcare gap accept {partition} {first} {held - 1} --why '...'`"
        )
    return None


def accept(partition: Partition, first: int, last: int, who: str, why: str, *, dry_run: bool) -> None:
    """Move the cursor past the gap, and write who did it, in one transaction; ends with status 1 when it may not."""
    with console.kafka_errors():
        held = _first_held(partition)
    if held is None:
        fail(f"Kafka has no {partition}.")

    async def work(connection: asyncpg.Connection) -> str | None:
        async with connection.transaction():
            cursor = await connection.fetchval(
                "SELECT next_offset FROM pcare.cursors WHERE topic = $1 AND partition = $2 FOR UPDATE", *partition
            )
            why_not = refused(partition, first, last, cursor=cursor, held=held)
            if why_not is None and not dry_run:
                await _pass_over(connection, partition, first, last, who=who, why=why)
            return why_not

    why_not = with_database(work)
    if why_not is not None:
        fail(why_not)
    number = last - first + 1
    if dry_run:
        typer.echo(
            f"{partition}: {first} to {last} would be passed over ({number:,} at most are lost). Nothing was done."
        )
        return
    typer.echo(f"{partition}: the recorder goes on at {last + 1}. {first} to {last} are lost: {number:,} at most.")
    typer.echo("That stays to be seen in pcare.gaps and in the audit trail. Start the recorder.")


async def _pass_over(
    connection: asyncpg.Connection, partition: Partition, first: int, last: int, *, who: str, why: str
) -> None:
    details = {
        "topic": partition.topic,
        "partition": partition.number,
        "first": first,
        "last": last,
        "lost": last - first + 1,
    }
    act = await add_act(connection, who=who, what="gap-accepted", why=why, details=details)
    # A rebuild may have set the cursor back before a gap that was passed over already: it is told of once.
    await connection.execute(
        """
        INSERT INTO pcare.gaps (topic, partition, first_offset, last_offset, act)
        SELECT $1::text, $2::integer, new.first_offset, $4::bigint, $5::bigint
        FROM (
            SELECT greatest($3::bigint, max(g.last_offset) + 1) AS first_offset FROM pcare.gaps AS g
            WHERE g.topic = $1 AND g.partition = $2 AND g.last_offset >= $3 AND g.first_offset <= $4
        ) AS new
        WHERE new.first_offset <= $4
        """,
        *partition,
        first,
        last,
        act,
    )
    await connection.execute(
        "UPDATE pcare.cursors SET next_offset = $3 WHERE topic = $1 AND partition = $2", *partition, last + 1
    )


def _first_held(partition: Partition) -> int | None:
    consumer = KafkaConsumer(client_id="pcare-gap", enable_auto_commit=False, **console.kafka_options())
    try:
        if partition.number not in (consumer.partitions_for_topic(partition.topic) or ()):
            return None
        asked = TopicPartition(*partition)
        first: int = consumer.beginning_offsets([asked])[asked]
        return first
    finally:
        consumer.close()
