"""The ceiling of the aggregator: a consumer that reads `interventions.recorded` from end to end and does nothing.

Argument: servers. Prints {"events_per_second": …, "events": …}.
"""

import asyncio
import json
import sys
import time

from aiokafka import AIOKafkaConsumer, TopicPartition

from pcare_schemas.topics import RECORDED


async def read(servers: str) -> dict[str, float]:
    """Read all partitions and return how fast."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(RECORDED, number) for number in range(12)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        wanted = sum(ends.values())
        events = 0
        begun = time.perf_counter()
        while events < wanted:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=10_000)).values():
                events += len(records)
        return {"events_per_second": events / (time.perf_counter() - begun), "events": events}
    finally:
        await consumer.stop()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(read(sys.argv[1]))) + "\n")
