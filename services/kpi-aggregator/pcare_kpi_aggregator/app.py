"""The process: reads its settings, runs the service, and is gone within ten seconds of being asked to stop."""

import asyncio
import gc
import logging
import os
import sys
import threading
from typing import NoReturn

from prometheus_client import CollectorRegistry

from pcare_common import logs, settings, shutdown
from pcare_common.clock import SystemClock
from pcare_common.errors import EXIT_CONFIGURATION, OperatorError
from pcare_common.leave import leave_now
from pcare_common.tracing.start import start as start_tracing
from pcare_kpi_aggregator.service import Service
from pcare_kpi_aggregator.settings import AggregatorSettings
from pcare_kpi_aggregator.tracing import following_of

log = logs.get(__name__)

LAST_SECONDS = shutdown.GRACE_SECONDS - 1.0

_COLLECT_EVERY = (50_000, 20, 50)
"""Facts make no cycles: with Python's own thresholds the collector takes a seventh of a rebuild to find none."""


def main() -> None:
    """Run until SIGTERM or SIGINT. Ends with status 78 where a person has to act, 75 where a restart will do."""
    chosen = settings.load(AggregatorSettings)
    logs.configure("kpi-aggregator", log_format=chosen.log_format, level=chosen.log_level)
    gc.set_threshold(*_COLLECT_EVERY)
    try:
        asyncio.run(_run(chosen))
    except OperatorError as error:
        sys.stderr.write(f"Cannot start.\n{error}\n")
        raise SystemExit(EXIT_CONFIGURATION) from error


async def _run(chosen: AggregatorSettings) -> None:
    stop = shutdown.stop_on_signals()
    clock, registry = SystemClock(), CollectorRegistry()
    tracing = start_tracing(chosen, "kpi-aggregator", registry, clock)
    service = Service(chosen, clock=clock, leave=leave_now, registry=registry, following=following_of(tracing))
    await service.run(stop)
    log.info("stopping")
    # Faust, or a thread, may hang on the way out. Nothing is lost by going without it: the log is the state.
    backstop = threading.Timer(LAST_SECONDS, _go)
    backstop.daemon = True
    backstop.start()
    try:
        await service.stop()
    except Exception as error:  # noqa: BLE001 - a client that cannot say goodbye is no failure of what was asked
        log.warning("a client did not end in order: nothing is lost, the log is the state", error=repr(error))
    if tracing is not None:
        await tracing.stop()
    log.info("stopped")
    _go()


def _go() -> NoReturn:
    """Leave without taking the state apart, fact by fact: for a large one that takes seconds, and is for nothing."""
    logging.shutdown()
    os._exit(0)
