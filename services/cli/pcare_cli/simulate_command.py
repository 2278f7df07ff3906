"""`pcare simulate`: reads the environment, sends until done or stopped, prints what was answered."""

import asyncio
import json
from pathlib import Path

import typer
from kafka.errors import KafkaError

from pcare_cli.console import fail, kafka_options
from pcare_cli.sending import Ledger
from pcare_cli.simulate import Simulation, run
from pcare_common.shutdown import stop_on_signals
from pcare_schemas.pseudonym import KeyMissingError, PseudonymKey


def run_simulation(
    ingest: str, *, events: int | None, rate: float | None, seed: int | None, faults: bool, ledger: Path | None
) -> None:
    """Send, and print the counts as one JSON object. Ends with status 1 if anything stayed without an answer."""
    try:
        key = PseudonymKey.read()
    except KeyMissingError as error:
        fail(f"{error}. Use the key of ingest, so that both ways name a person alike.", status=78)
    simulation = Simulation(ingest, kafka_options(), key, events, rate, seed, faults, ledger)
    try:
        counted = asyncio.run(_run(simulation))
    except KafkaError as error:
        fail(f"Kafka did not take the events: {type(error).__name__} {error}")
    typer.echo(json.dumps(counted.summary(), indent=2))
    if counted.summary()["unanswered"]:
        raise typer.Exit(1)


async def _run(simulation: Simulation) -> Ledger:
    return await run(simulation, stop_on_signals())
