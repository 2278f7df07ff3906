"""Keeps a session with Kafka open: connects, notices a failure, connects anew, and says how things stand."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from pcare_common import backoff, logs
from pcare_common.errors import TransientError
from pcare_common.health import Health
from pcare_ingest.kafka_session import Session, Target
from pcare_ingest.publishing import Outcome, Outgoing, not_sent

PROBE_AFTER_IDLE_SECONDS = 5.0
SETTLED_AFTER_SECONDS = 10.0  # a session that lasted this long ended for a reason of its own: start patient anew

log = logs.get(__name__)


class KafkaPublisher:
    """A `pcare_ingest.publishing.Publisher` over one session at a time. Call `run` in a task of its own.

    After a failure the next session is opened at once. The failed one keeps publishing until then, since one
    partition without a leader is no reason to refuse the others; but when Kafka cannot be reached at all, records
    are answered as not sent straight away instead of being held until they time out. `turned` is called with each
    step of `run`; none of them takes longer than some 15 seconds.
    """

    def __init__(
        self,
        target: Target,
        *,
        open_session: Callable[[Target], Awaitable[Session]] = Session.open,
        turned: Callable[[], None] = lambda: None,
    ) -> None:
        self._turned = turned
        self._target = target
        self._open = open_session
        self._session: Session | None = None
        self._missing = "Kafka has not been reached yet"
        self._ending = False
        self._retiring: dict[asyncio.Task[None], Session] = {}

    def publish(self, records: Sequence[Outgoing]) -> asyncio.Future[list[Outcome]]:
        """See the protocol."""
        if self._session is None or self._ending:
            return not_sent(len(records), asyncio.get_running_loop())
        return self._session.publish(records)

    def health(self) -> Health:
        """Ready while a session is open in which nothing has failed."""
        return Health((self._missing,)) if self._missing else Health()

    async def run(self) -> None:
        """Keep a session open until cancelled."""
        waits = backoff.delays()
        loop = asyncio.get_running_loop()
        while True:
            session = await self._connect(waits)
            self._replace(session)
            self._missing = ""
            opened = loop.time()
            log.info("connected to kafka", topic=self._target.topic)
            await self._until_failure(session)
            self._missing = f"Kafka did not acknowledge ({session.why}): connecting anew"
            log.warning("kafka did not acknowledge: connecting anew", why=session.why)
            if loop.time() - opened > SETTLED_AFTER_SECONDS:
                waits = backoff.delays()
            else:
                await asyncio.sleep(next(waits))

    def give_up(self) -> None:
        """Answer everything that waits, now, and what still comes as not sent: the service is about to end."""
        self._ending = True
        for session in (self._session, *self._retiring.values()):
            if session is not None:
                session.give_up()

    async def close(self) -> None:
        """Answer everything that waits and disconnect. Cancel `run` first."""
        self.give_up()
        self._replace(None)
        await asyncio.gather(*self._retiring, return_exceptions=True)

    async def _connect(self, waits: Iterator[float]) -> Session:
        while True:
            self._turned()
            try:
                return await self._open(self._target)
            except TransientError as error:
                self._missing = str(error)
                self._replace(None)
                wait = next(waits)
                log.warning("cannot publish: trying again", why=str(error), seconds=round(wait, 1))
                await asyncio.sleep(wait)

    async def _until_failure(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        while not session.failed.is_set():
            self._turned()
            try:
                async with asyncio.timeout(PROBE_AFTER_IDLE_SECONDS):
                    await session.failed.wait()
            except TimeoutError:
                if loop.time() - session.acknowledged_at > PROBE_AFTER_IDLE_SECONDS:
                    await session.probe()

    def _replace(self, session: Session | None) -> None:
        old, self._session = self._session, session
        if old is not None:
            task = asyncio.create_task(old.close(within=self._target.answer_within))
            self._retiring[task] = old
            task.add_done_callback(lambda done: self._retiring.pop(done, None))
