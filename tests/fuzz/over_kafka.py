"""The inputs straight to the topics, as a provider with a client of its own may write them, and what became of each."""

import asyncio
import json
import time
from collections import Counter
from random import Random
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from fuzz import memory
from fuzz.mutating import make
from fuzz.nhs_numbers import shown_in, shown_in_document
from fuzz.tally import Tally
from pcare_cli.simulation.organisations import COUNCIL, TRUST
from pcare_local.demo import PROVIDERS
from pcare_schemas.kinds import TYPES
from pcare_schemas.register import Register
from pcare_schemas.rejections import Reason
from pcare_schemas.topics import SUBMITTED

AT_ONCE = 500
SAMPLES = 40
SETTLE_SECONDS = 1_800.0
LARGEST = 3 * 1024 * 1024
_REASONS = {str(reason) for reason in Reason}
REGISTER = Register.load(PROVIDERS)
ONLY_THE_RECORDER = {"id_reused", "not_retractable", "retraction_mismatch"}


async def send_all(
    seed: int, count: int, *, valid_share: float, options: dict[str, Any], pid: int
) -> tuple[Tally, dict[int, str]]:
    """Append inputs 0 to `count` of a seed; return the tally, with the valid ones by number and where they went."""
    tally, valid, samples = Tally(), {}, []
    async with AIOKafkaProducer(**options, acks="all", max_request_size=2 * LARGEST, linger_ms=5) as producer:
        sent = []
        for number in range(count):
            own = number % 4 == 0
            one = make(seed, number, valid_share=valid_share, change=_from_the_trust if own else _from_the_council)
            value = None if one.value is None else one.value[:LARGEST]
            topic = TRUST.topic if own else SUBMITTED
            key = b"" if value is None and one.key is None else one.key  # the client sends no record without both
            sent.append(await producer.send(topic, value=value, key=key))
            tally.outcomes[f"sent to {topic}"] += 1
            if one.valid and (not own or _may_come_from_the_trust(one.value)):
                valid[number] = topic
            if len(sent) >= AT_ONCE:
                await asyncio.gather(*sent)
                sent.clear()
            if number * SAMPLES // count >= len(samples):
                samples.append(memory.held(pid))
                print(f"topics: {number:,} of {count:,} inputs", flush=True)
        await asyncio.gather(*sent)
    tally.memory["recorder"] = samples
    return tally, valid


def _from_the_trust(event: dict[str, Any], _rng: Random) -> None:
    event["source"] = TRUST.source


def _may_come_from_the_trust(value: bytes | None) -> bool:
    return REGISTER.by_source[TRUST.source].may_send(TYPES[json.loads(value or b"")["type"]].KIND)


def _from_the_council(event: dict[str, Any], _rng: Random) -> None:
    event["source"] = COUNCIL.source


async def settled(options: dict[str, Any], dsn: str, group: str) -> dict[tuple[str, int], int]:
    """Wait until everything is judged and published; return how many records each partition holds."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        held, committed = await asyncio.to_thread(_ends, options, group)
        connection = await asyncpg.connect(dsn)
        rows = await connection.fetch("SELECT topic, partition, next_offset FROM pcare.cursors")
        await connection.close()
        judged = {(row[0], row[1]): row[2] for row in rows}
        if all(judged.get(where) == committed.get(where) == end for where, end in held.items() if end):
            return held
        behind = sum(end - judged.get(where, 0) for where, end in held.items())
        print(f"topics: {behind:,} records still to be judged", flush=True)
        assert time.monotonic() < deadline, f"{behind} records were not judged in time"
        await asyncio.sleep(5)


def _ends(options: dict[str, Any], group: str) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], int]]:
    consumer = KafkaConsumer(**options)
    admin = KafkaAdminClient(**options)
    try:
        partitions = [
            TopicPartition(topic, number)
            for topic in (SUBMITTED, TRUST.topic)
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        ends = {(one.topic, one.partition): end for one, end in consumer.end_offsets(partitions).items()}
        offsets = admin.list_group_offsets(group)[group]
        return ends, {(one.topic, one.partition): at.offset for one, at in offsets.items()}
    finally:
        consumer.close()
        admin.close()


async def account(dsn: str, held: dict[tuple[str, int], int], tally: Tally, seed: int, valid: dict[int, str]) -> None:
    """Hold what became of the records against what was sent, and look at every rejection and every recorded event."""
    connection = await asyncpg.connect(dsn)
    try:
        cursors = await connection.fetch("SELECT topic, partition, recorded, duplicates, rejected FROM pcare.cursors")
        for topic, partition, *outcomes in map(tuple, cursors):
            if sum(outcomes) != held[topic, partition]:
                tally.outcomes["FAILED"] += 1
                tally.failures.append(f"{topic}/{partition}: {outcomes} of {held[topic, partition]} records")
            tally.outcomes.update(dict(zip(("recorded", "duplicates", "rejected"), outcomes, strict=True)))
        await _look_at_rejections(connection, tally)
        await _look_at_events(connection, tally)
        await _look_for_the_valid(connection, tally, seed, valid)
    finally:
        await connection.close()


async def _look_at_rejections(connection: asyncpg.Connection, tally: Tally) -> None:
    async with connection.transaction():
        async for row in connection.cursor(
            "SELECT reason, source, id, errors::text, published::text FROM pcare.rejections"
        ):
            reason, source, claimed, errors, published = row
            tally.outcomes[f"rejected: {reason}"] += 1
            number = shown_in_document(published) or shown_in(f"{source}\n{claimed}\n{errors}")
            if reason not in _REASONS or number:
                tally.outcomes["FAILED"] += 1
                tally.failures.append(f"a rejection for {reason} shows {number}: {published[:300]}")


async def _look_at_events(connection: asyncpg.Connection, tally: Tally) -> None:
    async with connection.transaction():
        async for row in connection.cursor("SELECT p.published::text FROM pcare.published AS p"):
            if number := shown_in(row[0]):
                tally.outcomes["FAILED"] += 1
                tally.failures.append(f"a recorded event shows {number}: {row[0][:300]}")


async def _look_for_the_valid(connection: asyncpg.Connection, tally: Tally, seed: int, valid: dict[int, str]) -> None:
    ids = [f"fuzz-{seed}-{number}" for number in valid]
    recorded = {row[0] for row in await connection.fetch("SELECT id FROM pcare.interventions WHERE id = ANY($1)", ids)}
    refused: Counter[str] = Counter()
    for row in await connection.fetch("SELECT id, reason FROM pcare.rejections WHERE id = ANY($1)", ids):
        refused[row[0]] += row[1] in ONLY_THE_RECORDER
    lost = [one for one in ids if one not in recorded and not refused[one]]
    tally.outcomes["valid"] += len(ids)
    if lost:
        tally.outcomes["FAILED"] += len(lost)
        tally.failures.append(f"valid events that were not recorded: {lost[:10]}")
