"""`pcare simulate`: made-up providers send made-up events, over HTTP and one of them straight to Kafka.

A story may begin with a history: what happened from some day on until now, told at once.
"""

import asyncio
import contextlib
import datetime as dt
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pcare_cli.http_sender import IN_FLIGHT, HttpSender, client_for
from pcare_cli.kafka_sender import KafkaSender
from pcare_cli.sending import Ledger
from pcare_cli.simulation import history
from pcare_cli.simulation.deliveries import Delivery, deliveries
from pcare_cli.simulation.mixture import mixture
from pcare_cli.simulation.organisations import Way
from pcare_cli.simulation.postings import Posting
from pcare_cli.simulation.teller import Teller
from pcare_common.clock import Clock, SystemClock
from pcare_schemas.pseudonym import PseudonymKey, pseudonym

TOLD_WITHIN = dt.timedelta(hours=1)  # what a run of a fixed number tells of, besides what is late
SECONDS_A_CHAPTER = 5.0  # an endless run is told in pieces of this length
LARGEST_BATCH = 100
PEOPLE = 20_000
HISTORY = 10_000
GIVE_UP_AFTER_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Simulation:
    """What to send, where and how fast. `events` None: until stopped; `rate` None: as fast as it goes.

    With `since`, `events` are spread over the time from that day until now; without `events`, a history of `history`
    events is sent first, as fast as it goes, and then what happens now. Where ingest asks who calls, `api_keys` has the
    key of each source; `api_key` is one for all, and then what is told of other providers than its own is refused.
    `cafile`: the authority of ingest's certificate.
    """

    ingest: str
    kafka_options: Mapping[str, Any]
    key: PseudonymKey
    events: int | None = None
    rate: float | None = None
    seed: int | None = None
    with_faults: bool = True
    ledger: Path | None = None
    since: dt.date | None = None
    history: int = HISTORY
    api_key: str | None = field(default=None, repr=False)
    api_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    cafile: Path | None = None


async def run(simulation: Simulation, stop: asyncio.Event, *, clock: Clock | None = None) -> Ledger:
    """Send, and return what was answered. Ends early, after what is in hand, when `stop` is set.

    Raises ValueError when ingest answers what its documentation does not have, KafkaError when Kafka is not there.
    """
    clock = clock or SystemClock()
    seed = secrets.randbits(63) if simulation.seed is None else simulation.seed
    if simulation.ledger is None:
        return await _run(simulation, seed, Ledger(), stop, clock)
    with simulation.ledger.open("w") as file:
        return await _run(simulation, seed, Ledger(file), stop, clock)


async def _run(simulation: Simulation, seed: int, ledger: Ledger, stop: asyncio.Event, clock: Clock) -> Ledger:
    kafka = await asyncio.to_thread(KafkaSender, simulation.kafka_options)
    try:
        async with client_for(simulation.ingest, simulation.api_key, simulation.cafile) as client:
            http = HttpSender(client, ledger, clock, give_up_after=GIVE_UP_AFTER_SECONDS, keys=simulation.api_keys)
            courier = _Courier(http, kafka, ledger)
            steady, at_once = (_Pace(rate, stop, clock) for rate in (simulation.rate, None))
            for chapter in _chapters(simulation, seed, clock):
                pace = at_once if chapter.rate is None else steady
                for part in _before_and_last(chapter.postings):
                    await courier.carry(deliveries(part, Random(seed), _largest(chapter.rate)), pace)  # noqa: S311
                if stop.is_set():
                    break
    finally:
        await asyncio.to_thread(kafka.close)
    return ledger


@dataclass(frozen=True, slots=True)
class _Chapter:
    """What is to be sent, and at which rate."""

    postings: list[Posting]
    rate: float | None


def _chapters(simulation: Simulation, seed: int, clock: Clock) -> Iterator[_Chapter]:
    """Yield what is to be sent; each chapter is told when it is asked for."""
    random = Random(seed)  # noqa: S311 - made-up events, no secrets
    # The same story told at another time is other events: under the ids of the first, they would be refused.
    names = Random(f"{seed} {clock.now().isoformat()}")  # noqa: S311
    teller = Teller(random, names, PEOPLE, lambda number: pseudonym(number, simulation.key))

    def chapter(instants: Sequence[dt.datetime], rate: float | None) -> _Chapter:
        return _Chapter(mixture(teller, random, instants, with_faults=simulation.with_faults), rate)

    if simulation.events is not None:
        yield chapter(_all_at_once(simulation, clock.now(), simulation.events), simulation.rate)
        return
    if simulation.since is not None:
        yield chapter(_all_at_once(simulation, clock.now(), simulation.history), None)
    count = max(1, round((simulation.rate or 1000.0) * SECONDS_A_CHAPTER))
    while True:
        yield chapter(_instants(clock.now(), dt.timedelta(seconds=SECONDS_A_CHAPTER), count), simulation.rate)


def _all_at_once(simulation: Simulation, now: dt.datetime, count: int) -> list[dt.datetime]:
    if simulation.since is not None:
        return history.instants(simulation.since, now, count)
    return _instants(now, TOLD_WITHIN, count)


def _instants(end: dt.datetime, length: dt.timedelta, count: int) -> list[dt.datetime]:
    return [end - length + length * number / count for number in range(count)]


def _before_and_last(chapter: Sequence[Posting]) -> tuple[list[Posting], list[Posting]]:
    return [one for one in chapter if not one.last], [one for one in chapter if one.last]


def _largest(rate: float | None) -> int:
    return LARGEST_BATCH if rate is None else max(1, min(LARGEST_BATCH, round(rate / 20)))


class _Pace:
    """Says when the next events are due, at `rate` a second; None: at once. Ends all waiting when `stop` is set."""

    def __init__(self, rate: float | None, stop: asyncio.Event, clock: Clock) -> None:
        self._rate = rate
        self._stop = stop
        self._clock = clock
        self._due = clock.monotonic()

    async def wait(self, count: int) -> bool:
        """Wait until `count` more events are due; False when told to stop instead."""
        if self._rate is not None:
            now = self._clock.monotonic()
            self._due = max(self._due, now - 1.0) + count / self._rate
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), max(0.0, self._due - now))
        return not self._stop.is_set()


class _Courier:
    """Carries deliveries, several at once, at a pace."""

    def __init__(self, http: HttpSender, kafka: KafkaSender, ledger: Ledger) -> None:
        self._http = http
        self._kafka = kafka
        self._ledger = ledger

    async def carry(self, all_deliveries: Iterator[Delivery], pace: _Pace) -> None:
        """Carry each delivery and return when all are answered; hand out no more once told to stop."""
        in_flight = asyncio.Semaphore(IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            for delivery in all_deliveries:
                if not await pace.wait(len(delivery)):
                    return
                await in_flight.acquire()
                group.create_task(self._one(delivery, in_flight))

    async def _one(self, delivery: Delivery, in_flight: asyncio.Semaphore) -> None:
        try:
            if delivery[0].way is Way.KAFKA:
                fates = await asyncio.to_thread(self._kafka.send, delivery)
                for posting, fate in zip(delivery, fates, strict=True):
                    self._ledger.note(posting, fate)
            else:
                await self._http.send(delivery)
        finally:
            in_flight.release()
