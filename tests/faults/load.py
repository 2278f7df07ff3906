"""A steady load of good, wrong, repeated and retracting events, over HTTP and straight to Kafka, as providers send it.

Every event is sent until it has an answer, under the same id, and what the answer was is remembered.
"""

import asyncio
import datetime as dt
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from faults.reading import Key
from pcare_cli.http_sender import IN_FLIGHT, HttpSender, client_for
from pcare_cli.kafka_sender import KafkaSender
from pcare_cli.sending import Fate, Ledger
from pcare_cli.simulation import faults
from pcare_cli.simulation.deliveries import Delivery, deliveries
from pcare_cli.simulation.organisations import Way
from pcare_cli.simulation.postings import Expected, Posting, as_text, posting
from pcare_cli.simulation.teller import Teller, Told
from pcare_common.clock import SystemClock
from pcare_schemas.pseudonym import PseudonymKey, pseudonym
from pcare_schemas.rejections import Reason

RATE = 30.0
CHAPTER = 20  # events that are told, then sent
LARGEST_BATCH = 5
PEOPLE = 2_000
INVALID, REPEATED, RETRACTING = 0.08, 0.12, 0.04
REMEMBERED = 3_000
GIVE_UP_SECONDS = 180.0

LATE_VERDICTS = {Reason.id_reused, Reason.not_retractable, Reason.retraction_mismatch}
"""What only the recorder sees, which knows what is recorded: ingest answers 202, and the event is then rejected."""


class Answers(Ledger):
    """Every answer. `recorded` are events that were accepted and must be in the record, by source and id.

    `judged` were accepted too, but may lawfully be rejected by what is recorded already; they must be in either.
    """

    def __init__(self) -> None:
        super().__init__()
        self.recorded: set[Key] = set()
        self.judged: set[Key] = set()

    def note(self, posting: Posting, fate: Fate, reason: str | None = None) -> None:
        """Remember what became of a posting."""
        super().note(posting, fate, reason)
        if fate is Fate.ACCEPTED and posting.source is not None and posting.id is not None:
            late = posting.expected is Expected.REJECTED and posting.reason in LATE_VERDICTS
            (self.judged if late else self.recorded).add((posting.source, posting.id))


class Load:
    """Tells and sends. Use `loading` to make one."""

    def __init__(self, http: HttpSender, kafka: KafkaSender, answers: Answers, teller: Teller, random: Random) -> None:
        self.answers = answers
        self._http = http
        self._kafka = kafka
        self._teller = teller
        self._random = random
        self._good: deque[Told] = deque(maxlen=REMEMBERED)
        self._retractions: deque[Told] = deque(maxlen=REMEMBERED)
        self._spoiler = faults.Spoiler(random, teller.new_id, self._good, self._retractions)

    async def run(self, stop: asyncio.Event) -> None:
        """Send at a steady rate until told to stop, then wait until everything has its answer.

        A few deliveries are under way at a time; while none is answered, nothing more is sent.
        """
        loop = asyncio.get_running_loop()
        due = loop.time()
        under_way = asyncio.Semaphore(IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                for delivery in deliveries(self._chapter(), self._random, LARGEST_BATCH):
                    await under_way.acquire()
                    group.create_task(self._carry(delivery, under_way))
                    due = max(due + len(delivery) / RATE, loop.time() - 1.0)
                    await asyncio.sleep(max(0.0, due - loop.time()))

    async def send_one(self) -> Key:
        """Send one good event over HTTP and return its source and id once it has been accepted."""
        while True:
            told = self._tell()
            if told.organisation.way is Way.HTTP:
                await self._http.send([posting(told)])
                return told.document["source"], told.document["id"]

    def tell_for(self, way: Way) -> Posting:
        """Return a good event of an organisation that sends in this way, for somebody else to send."""
        while True:
            told = self._tell()
            if told.organisation.way is way:
                return posting(told)

    async def _carry(self, delivery: Delivery, under_way: asyncio.Semaphore) -> None:
        try:
            if delivery[0].way is Way.KAFKA:
                fates = await asyncio.to_thread(self._kafka.send, delivery)
                for one, fate in zip(delivery, fates, strict=True):
                    self.answers.note(one, fate)
            else:
                await self._http.send(delivery)
        finally:
            under_way.release()

    def _chapter(self) -> Iterator[Posting]:
        for _ in range(CHAPTER):
            what = self._random.random()
            if len(self._good) < CHAPTER or what > INVALID + REPEATED + RETRACTING:
                told = self._tell()
                self._good.append(told)
                yield posting(told)
            elif what < INVALID:
                yield self._spoiler.spoil(self._tell())
            elif what < INVALID + REPEATED:
                told = self._random.choice(self._good)
                yield posting(
                    told, value=as_text(told.document, spaced=self._random.random() < 0.5), expected=Expected.DUPLICATE
                )
            else:
                told = faults.retraction(self._random.choice(self._good), self._teller.new_id())
                self._retractions.append(told)
                yield posting(told)

    def _tell(self) -> Told:
        return self._teller.tell(dt.datetime.now(dt.UTC) - dt.timedelta(seconds=self._random.uniform(1, 3600)))


@asynccontextmanager
async def loading(ingest: str, kafka_options: Mapping[str, Any], key: PseudonymKey, seed: int) -> AsyncIterator[Load]:
    """Be ready to send to an ingest and to a broker. The seed decides what is told, not when."""
    random, answers = Random(seed), Answers()
    names = Random(f"{seed} {dt.datetime.now(dt.UTC).isoformat()}")
    kafka = await asyncio.to_thread(KafkaSender, kafka_options)
    try:
        async with client_for(ingest) as client:
            http = HttpSender(client, answers, SystemClock(), give_up_after=GIVE_UP_SECONDS)
            teller = Teller(random, names, PEOPLE, lambda number: pseudonym(number, key))
            yield Load(http, kafka, answers, teller, random)
    finally:
        await asyncio.to_thread(kafka.close)
