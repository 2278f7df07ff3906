"""Fills a topic from a process of its own. Prints {"events": …}.

Arguments: topic, servers, count, seed; then, if wanted, how many people the events are about, and how many a second.
"""

import asyncio
import json
import sys
import time

from aiokafka import AIOKafkaProducer

from made_events import submitted
from made_log import recorded
from pcare_schemas.topics import RECORDED

AT_ONCE = 5_000
PEOPLE = 20_000
A_STEP = 0.1  # seconds


async def fill(topic: str, servers: str, count: int, *, seed: int, people: int = PEOPLE, rate: int = 0) -> None:
    """Write events, at `rate` a second if that is given, and wait until all are acknowledged."""
    make = recorded if topic == RECORDED else submitted
    at_once = max(int(rate * A_STEP), 1) if rate else AT_ONCE
    begun = time.monotonic()
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", linger_ms=20, max_batch_size=524_288)
    await producer.start()
    try:
        waiting = []
        for number, (key, value) in enumerate(make(count, seed=seed, people=people), start=1):
            waiting.append(await producer.send(topic, key=key, value=value))
            if len(waiting) == at_once:
                await asyncio.gather(*waiting)
                waiting = []
                if rate:
                    await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


if __name__ == "__main__":
    topic, servers, count, *numbers = sys.argv[1:]
    asyncio.run(
        fill(topic, servers, int(count), **dict(zip(("seed", "people", "rate"), map(int, numbers), strict=False)))
    )
    sys.stdout.write(json.dumps({"events": int(count)}) + "\n")
