"""How far behind the recorder is, asked apart from reading: reading may be what is stuck."""

import asyncio
from collections.abc import Callable, Mapping

from pcare_common import logs
from pcare_common.clock import Clock
from pcare_recorder import cursors
from pcare_recorder.cursors import Partition
from pcare_recorder.errors import Dependency, ErrorKind, classify
from pcare_recorder.instruments import Instruments
from pcare_recorder.intake import Intake
from pcare_recorder.progress import Progress

PERIOD_SECONDS = 5.0

log = logs.get(__name__)


async def measure_lag(
    next_offsets: Callable[[], Mapping[Partition, int]],
    published_through: Callable[[], Mapping[Partition, int]],
    *,
    intake: Intake,
    progress: Progress,
    instruments: Instruments,
    clock: Clock,
) -> None:
    """Compare the cursors with the ends of their partitions, again and again, until cancelled.

    The metric is about what is not judged. Progress is about what is not published either: an event that is in the
    database and on no topic is work in hand. Raises what is not transient.
    """
    away = False
    while True:
        written, published = dict(next_offsets()), dict(published_through())
        try:
            if written:
                held = await intake.held(list(written), within=PERIOD_SECONDS)
                progress.lag(cursors.lag(published, held), clock.monotonic())
                instruments.behind(cursors.lag(written, held))
                progress.back(Dependency.KAFKA, clock.monotonic())
                if away:
                    log.info("Kafka answers again")
                away = False
        except Exception as error:
            if classify(error) is not ErrorKind.TRANSIENT:
                raise
            progress.away(Dependency.KAFKA, clock.monotonic())
            if not away:
                log.warning("Kafka does not answer: nothing is read until it does", error=type(error).__name__)
            away = True
        await asyncio.sleep(PERIOD_SECONDS)
