"""Ingest: single requests and batched events a second with acks=all, against a producer alone."""

from results import Figure
from stand import Stand, in_a_process_of_its_own

EVENTS = 60_000
SECONDS = 6.0


async def measure(stand: Stand, run: int) -> list[Figure]:
    """Measure once."""
    ceiling = {
        client: in_a_process_of_its_own(
            "raw_producer.py", client, stand.bootstrap_servers, str(EVENTS), str(1_000 + run)
        )["events_per_second"]
        for client in ("aiokafka", "kafka-python")
    }
    async with stand.running("ingest"):
        load = ("load_http.py", "--url", f"{stand.layout.ingest}/events", "--seconds", str(SECONDS))
        in_a_process_of_its_own(*load[:-1], "1")
        single = in_a_process_of_its_own(*load, "--form", "single", "--connections", "64")
        batch = in_a_process_of_its_own(*load, "--form", "batch", "--connections", "8", "--batch-size", "100")
    most = ceiling["aiokafka"]
    return [
        Figure("ingest", "ceiling: aiokafka producer alone", "events/s", most),
        Figure("ingest", "(kafka-python producer alone)", "events/s", ceiling["kafka-python"], most),
        Figure("ingest", "single requests", "requests/s", single["accepted_events_per_second"], most),
        Figure("ingest", "single requests, p99", "ms", single["p99_ms"]),
        Figure("ingest", "events in batches of 100", "events/s", batch["accepted_events_per_second"], most),
        Figure("ingest", "batches of 100, p99", "ms", batch["p99_ms"]),
    ]
