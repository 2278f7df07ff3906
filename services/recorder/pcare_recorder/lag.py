"""How far behind the recorder is, asked apart from reading: reading may be what is stuck."""

import asyncio
from collections.abc import Callable, Mapping

from pcare_common.clock import Clock
from pcare_recorder import cursors
from pcare_recorder.cursors import Partition
from pcare_recorder.errors import Dependency, ErrorKind, classify
from pcare_recorder.instruments import Instruments
from pcare_recorder.intake import Intake
from pcare_recorder.progress import Progress

PERIOD_SECONDS = 5.0


async def measure_lag(
    next_offsets: Callable[[], Mapping[Partition, int]],
    *,
    intake: Intake,
    progress: Progress,
    instruments: Instruments,
    clock: Clock,
) -> None:
    """Compare the cursors with the ends of their partitions, again and again, until cancelled.

    Raises what is not transient.
    """
    while True:
        written = dict(next_offsets())
        try:
            if written:
                lags = cursors.lag(written, await intake.held(list(written)))
                progress.lag(lags, clock.monotonic())
                progress.back(Dependency.KAFKA)
                instruments.behind(lags)
        except Exception as error:
            if classify(error) is not ErrorKind.TRANSIENT:
                raise
            progress.away(Dependency.KAFKA, clock.monotonic())
        await asyncio.sleep(PERIOD_SECONDS)
