"""Referrals at a steady rate, none taken back: numbers that can only grow, and it is known by how much.

Each person has a borough and a financial year that nobody else has, so that each of these numbers lives in one
partition: what is forgotten of one partition shows, however much more is known of the others.
"""

import asyncio
import bisect
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from events import referral
from pcare_cli.simulation.organisations import BOROUGHS
from pcare_cli.simulation.people import number_for_tests

MANY = {"content-type": "application/cloudevents-batch+json"}
BATCH = 5
YEARS = range(2016, 2026)
PEOPLE = [(borough, year) for year in YEARS for borough in BOROUGHS]
APART = 7  # number_for_tests may skip a few


class SteadyLoad:
    """Sends to ingest, of each person in turn, and remembers when how much was sent and accepted."""

    def __init__(self, client: httpx.AsyncClient, rate: float) -> None:
        self._client = client
        self._every = BATCH / rate
        self._stop = asyncio.Event()
        self._number = 0
        self._sent: list[float] = []
        self._accepted: list[float] = []

    @property
    def accepted(self) -> int:
        """How many events were accepted so far."""
        return len(self._accepted)

    def sent_by(self, when: float) -> int:
        """Return how many events had been sent at a time: no true number was greater."""
        return bisect.bisect_right(self._sent, when)

    def accepted_by(self, when: float) -> int:
        """Return how many events had been accepted at a time."""
        return bisect.bisect_right(self._accepted, when)

    def accepted_at(self, number: int) -> float:
        """Return when the event after the first `number` was accepted."""
        return self._accepted[number]

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()

    async def run(self) -> None:
        """Send until told to stop."""
        due = time.monotonic()
        while not self._stop.is_set():
            events = [self._event() for _ in range(BATCH)]
            self._sent += [time.time()] * BATCH
            answer = await self._client.post("/events", content=json.dumps(events), headers=MANY)
            assert answer.status_code == httpx.codes.ACCEPTED, answer.text
            self._accepted += [time.time()] * BATCH
            due += self._every
            await asyncio.sleep(due - time.monotonic())

    def _event(self) -> dict[str, object]:
        self._number += 1
        person = self._number % len(PEOPLE)
        borough, year = PEOPLE[person]
        number = number_for_tests(person * APART)
        one = referral(f"r-{self._number}", subject=f"nhs-number:{number}", time=f"{year}-07-01T12:00:00Z")
        one["data"]["borough"] = borough
        return one


@asynccontextmanager
async def steady_load(client: httpx.AsyncClient, rate: float) -> AsyncIterator[SteadyLoad]:
    """Send while the block runs."""
    load = SteadyLoad(client, rate)
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run())
        try:
            yield load
        finally:
            load.stop()
