"""Fills a topic from a process of its own. Arguments: topic, servers, count, seed. Prints {"events": …}."""

import asyncio
import json
import sys

from aiokafka import AIOKafkaProducer

from made_events import recorded, submitted
from pcare_schemas.topics import RECORDED

AT_ONCE = 5_000


async def fill(topic: str, servers: str, count: int, seed: int) -> None:
    """Write events and wait until all are acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", linger_ms=20, max_batch_size=524_288)
    await producer.start()
    try:
        waiting = []
        for key, value in recorded(count, seed=seed) if topic == RECORDED else submitted(count, seed=seed):
            waiting.append(await producer.send(topic, key=key, value=value))
            if len(waiting) == AT_ONCE:
                await asyncio.gather(*waiting)
                waiting = []
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


if __name__ == "__main__":
    topic, servers, count, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    asyncio.run(fill(topic, servers, count, seed))
    sys.stdout.write(json.dumps({"events": count}) + "\n")
