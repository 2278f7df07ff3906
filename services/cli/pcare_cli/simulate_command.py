"""`pcare simulate`: reads the environment, sends until done or stopped, prints what was answered."""

import asyncio
import datetime as dt
import json
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import typer
from kafka.errors import KafkaError

from pcare_cli.console import fail, kafka_advice, kafka_options
from pcare_cli.sending import Ledger
from pcare_cli.simulate import HISTORY, Simulation, run
from pcare_cli.simulation import joining
from pcare_cli.simulation.history import LONDON
from pcare_common.clock import SystemClock
from pcare_common.shutdown import stop_on_signals
from pcare_schemas.pseudonym import KeyMissingError, PseudonymKey

API_KEY_VARIABLE = "PCARE_API_KEY"
EARLIEST = dt.date(2016, 1, 2)  # what comes late took place up to a year before, and nothing before 2015 is accepted


@dataclass(frozen=True, slots=True)
class Story:
    """What is told: how many events, from when on (`since`, `2024-04-01`), which story, and with faults or without.

    `keys`: a file that `pcare simulate-join` wrote. `cafile`: the authority of ingest's certificate.
    """

    events: int | None
    rate: float | None
    seed: int | None
    faults: bool
    since: str | None = None
    history: int = HISTORY
    keys: Path | None = None
    cafile: Path | None = None


def run_simulation(ingest: str, story: Story, ledger: Path | None) -> None:
    """Send, and print the counts as one JSON object. Ends with status 1 if anything stayed without an answer."""
    since = _day(story.since)
    try:
        key = PseudonymKey.read()
    except KeyMissingError as error:
        fail(f"{error}. Use the key of ingest, so that both ways name a person alike.", status=78)
    _can_be_read(story.cafile)
    simulation = Simulation(
        ingest=ingest,
        kafka_options=kafka_options(),
        key=key,
        events=story.events,
        rate=story.rate,
        seed=story.seed,
        with_faults=story.faults,
        ledger=ledger,
        since=since,
        history=story.history,
        api_key=os.environ.get(API_KEY_VARIABLE) or None,
        cafile=story.cafile,
        api_keys={} if story.keys is None else joining.read(story.keys),
    )
    try:
        counted = asyncio.run(_run(simulation))
    except KafkaError as error:
        fail(kafka_advice(error))
    typer.echo(json.dumps(counted.summary(), indent=2))
    if counted.summary()["unanswered"]:
        raise typer.Exit(1)


async def _run(simulation: Simulation) -> Ledger:
    return await run(simulation, stop_on_signals())


def _can_be_read(cafile: Path | None) -> None:
    """End the process with status 2 where the file holds no certificates: ingest would seem to be away."""
    try:
        if cafile is not None:
            ssl.create_default_context(cafile=cafile)
    except OSError as error:  # an SSLError is one
        fail(f"--cafile {cafile} holds no certificates in PEM that can be read ({error.strerror}).", status=2)


def _day(text: str | None) -> dt.date | None:
    """Return the day on which the history begins; ends with status 2 for what is no day, or has not come."""
    if text is None:
        return None
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        fail(f"--since takes a day, such as 2024-04-01, and {text!r} is none.", status=2)
    if not EARLIEST <= day <= SystemClock().now().astimezone(LONDON).date():
        fail(f"--since takes a day from {EARLIEST} until today.", status=2)
    return day
