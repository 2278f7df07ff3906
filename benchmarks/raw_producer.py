"""The ceiling of ingest: a producer alone, acks=all. Arguments: client, servers, count, seed.

Prints {"events_per_second": …}. The clients are those that the project depends on.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence

from made_events import submitted
from pcare_schemas.topics import SUBMITTED

BATCH_BYTES = 262_144
Events = Sequence[tuple[bytes, bytes]]


def kafka_python(servers: list[str], events: Events) -> float:
    """Return the seconds that kafka-python takes."""
    from kafka import KafkaProducer

    producer = KafkaProducer(
        bootstrap_servers=servers, acks="all", enable_idempotence=True, linger_ms=5, batch_size=BATCH_BYTES
    )
    producer.partitions_for(SUBMITTED)
    begun = time.perf_counter()
    futures = [producer.send(SUBMITTED, key=key, value=value) for key, value in events]
    producer.flush()
    took = time.perf_counter() - begun
    for future in futures:
        future.get()
    producer.close()
    return took


async def aiokafka(servers: list[str], events: Events) -> float:
    """Return the seconds that aiokafka takes."""
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", enable_idempotence=True, linger_ms=5, max_batch_size=BATCH_BYTES
    )
    await producer.start()
    await producer.partitions_for(SUBMITTED)
    begun = time.perf_counter()
    await asyncio.gather(*[await producer.send(SUBMITTED, key=key, value=value) for key, value in events])
    took = time.perf_counter() - begun
    await producer.stop()
    return took


def main() -> None:
    """Send as many events as asked for and wait for all acknowledgements."""
    client, servers, count, seed = sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), int(sys.argv[4])
    events = list(submitted(count, seed=seed))
    took = kafka_python(servers, events) if client == "kafka-python" else asyncio.run(aiokafka(servers, events))
    sys.stdout.write(json.dumps({"events_per_second": count / took}) + "\n")


if __name__ == "__main__":
    main()
