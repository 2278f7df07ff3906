"""The rounds of the sealer: again and again, whatever is away; none once the record contradicts what was signed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pcare_audit.checkpoint import Checkpoint, origin_of
from pcare_audit.signed_note import Signer
from pcare_cli.postgres_errors import in_words
from pcare_cli.sealing import tables
from pcare_cli.sealing.measures import Measures
from pcare_cli.sealing.notes import Keys
from pcare_cli.sealing.settings import SealSettings
from pcare_cli.sealing.standing import Standing
from pcare_cli.sealing.topic import checkpoints_topic
from pcare_cli.sealing.trouble import ContradictionError, NotNowError
from pcare_cli.sealing.work import Work
from pcare_common import logs
from pcare_common.backoff import delays
from pcare_common.clock import Clock
from pcare_common.errors import TransientError
from pcare_common.postgres import tls_trouble
from pcare_recorder import migrate
from pcare_recorder.errors import ErrorKind, classify, dependency, for_operator

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 10.0

log = logs.get(__name__)


class AnotherWorksError(NotNowError):
    """Another sealer has the lock, and does all there is to do."""


@dataclass(slots=True)
class Sealer:
    """Seals until told to stop. What it knows of the tree outlives its connections."""

    config: SealSettings
    signer: Signer
    measures: Measures
    clock: Clock
    _standing: Standing | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Seal until `stop` is set; after a contradiction only wait for that.

        Raises OperatorError where a person has to act, and whatever is a mistake of ours.
        """
        waits = delays(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
        while not stop.is_set():
            try:
                async with self._work() as work:
                    waits = delays(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
                    await self._rounds(work, stop)
            except ContradictionError as error:
                self.measures.refused(str(error))
                log.critical("the record contradicts what was signed", what=error.what, to_do=error.to_do)
                await stop.wait()
            except NotNowError as error:
                self._in_the_way(error)
                await _pause(stop, min(LOOK_AGAIN_SECONDS, self.config.seal_seconds))
            except Exception as error:  # noqa: BLE001 - what is not transient is raised again
                self._away(error)
                await _pause(stop, next(waits))

    async def once(self) -> Checkpoint | None:
        """Make a checkpoint now, and return it. Raises ContradictionError, NotNowError, and what the clients raise."""
        async with self._work() as work:
            return await work.round(asked=True)

    @asynccontextmanager
    async def _work(self) -> AsyncIterator[Work]:
        connection = await tables.connect(self.config.postgres_dsn.get_secret_value())
        try:
            await migrate.check(connection)
            if not await tables.work_alone(connection):
                raise AnotherWorksError("another sealer is at work on this database")
            async with checkpoints_topic(self.config.aiokafka_options(), self.config.recorder_group) as topic:
                keys = Keys(origin_of(self.config.seal_name), (self.signer.verifier, *self.config.earlier_keys()))
                work = Work(
                    connection,
                    topic,
                    self.signer,
                    keys,
                    self.config.aiokafka_options(),
                    self.config.recorder_group,
                    self.clock,
                    self._standing,
                )
                try:
                    await work.begin()
                    yield work
                finally:
                    self._standing = work.standing
        finally:
            connection.terminate()

    async def _rounds(self, work: Work, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self.measures.waiting(await work.waiting())
            made = await work.round()
            if made is not None:
                self.measures.waiting(await work.waiting())
            self.measures.checkpoint(work.standing.last if work.standing is not None else None)
            if self.measures.trouble is not None:
                log.info("sealing")
            self.measures.done()
            await _pause(stop, self.config.seal_seconds)

    def _in_the_way(self, error: NotNowError) -> None:
        told = str(error)
        if isinstance(error, AnotherWorksError):  # it is there to take over, and there is nothing that it could do
            self.measures.done()
        elif told != self.measures.trouble:
            log.warning("nothing is sealed for now", what=told)
            self.measures.trouble = told

    def _away(self, error: Exception) -> None:
        """Take a transient error for what it is, and raise any other."""
        if not isinstance(error, TransientError) and classify(error) is not ErrorKind.TRANSIENT:
            raise for_operator(error) or error from error
        told = tls_trouble(error) or f"{dependency(error)} does not answer: {in_words(error)}"
        if told != self.measures.trouble:
            log.warning("nothing is sealed for now", what=told)
        self.measures.trouble = told


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
