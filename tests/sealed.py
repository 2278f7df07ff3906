"""What tests of sealing share: waiting for it, one sealer in this process, and a look at what it published."""

import asyncio
import json
import time
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry

from pcare_audit.checkpoint import Checkpoint, parse
from pcare_audit.signed_note import Verifier
from pcare_cli import settling
from pcare_cli.accounting import Cursor
from pcare_cli.sealing.keys import public_of
from pcare_cli.sealing.process import sealer_of
from pcare_cli.sealing.sealer import Sealer
from pcare_cli.sealing.settings import SealSettings
from pcare_schemas.topics import CHECKPOINTS
from system import System

SECONDS = 60.0
CURSORS = "SELECT topic, partition, base_offset, next_offset, recorded, duplicates, rejected FROM pcare.cursors"
LEFT = """
SELECT (SELECT count(*) FROM pcare.published) + (SELECT count(*) FROM pcare.merges)
     - (SELECT coalesce(max(size), 0) FROM pcare.checkpoints)
     + (SELECT count(*) FROM pcare.checkpoints WHERE published_at IS NULL)
"""


async def until_sealed(system: System) -> None:
    """Wait until all that is recorded is in a checkpoint that Kafka has."""
    await until_recorded(system)
    deadline = time.monotonic() + SECONDS
    while (await system.fetch(LEFT))[0][0] != 0:
        assert time.monotonic() < deadline, system.one("seal").tail()
        await asyncio.sleep(0.05)


async def until_recorded(system: System) -> None:
    """Wait until a recorder has judged and published all that was sent."""
    deadline = time.monotonic() + SECONDS
    while True:
        kafka = await asyncio.to_thread(settling.look, system.options, system.group)
        cursors = {(row[0], row[1]): Cursor(*row) for row in await system.fetch(CURSORS)}
        left = settling.left(kafka, cursors, {})
        if left.to_judge + left.to_publish == 0:
            return
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.05)


def sealer(system: System, **changes: Any) -> Sealer:
    """Return a sealer with the login and key of the one that runs as a process."""
    given = {
        "kafka_bootstrap_servers": system.backend.bootstrap_servers,
        "postgres_dsn": system.logins["sealer"],
        "recorder_group": system.group,
        "seal_key_file": system.layout.seal_key,
        "seal_name": system.layout.seal_name,
    }
    return sealer_of(SealSettings(**given | changes), CollectorRegistry())


def on_the_topic(system: System) -> list[tuple[str, Checkpoint]]:
    """Return note and checkpoint of every record of the topic, each held against the public key."""
    verifier = Verifier.load(public_of(system.layout.seal_key))
    return [(note, parse(verifier.open(note))) for note in notes(system)]


def notes(system: System) -> list[str]:
    """Return the notes of every record of the topic, in its order."""
    consumer = KafkaConsumer(**system.options, group_id=None, auto_offset_reset="earliest")
    try:
        partition = TopicPartition(CHECKPOINTS, 0)
        consumer.assign([partition])
        end = consumer.end_offsets([partition])[partition]
        found: list[str] = []
        while consumer.position(partition) < end:
            for records in consumer.poll(timeout_ms=500).values():
                found += [json.loads(record.value)["data"]["note"] for record in records]
        return found
    finally:
        consumer.close()
