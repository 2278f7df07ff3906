"""Wires the looks and serves what they find. `pcare audit watch` starts here."""

import asyncio
import logging
import os
import sys

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from pcare_cli.watch.blocking import OneThread
from pcare_cli.watch.certificates import Certificates
from pcare_cli.watch.credentials import Credentials
from pcare_cli.watch.database import Database
from pcare_cli.watch.disks import Disks
from pcare_cli.watch.flow import Flow
from pcare_cli.watch.kpis import Kpis
from pcare_cli.watch.looks import Look, Watch
from pcare_cli.watch.providers import Providers
from pcare_cli.watch.settings import WatchSettings, listed
from pcare_common import logs, settings
from pcare_common.clock import Clock, SystemClock
from pcare_common.errors import EXIT_CONFIGURATION, EXIT_TRY_AGAIN, OperatorError
from pcare_common.http import server_of, service_routes
from pcare_common.shutdown import stop_on_signals

LAST_SECONDS = 3.0

log = logs.get(__name__)


def looks(config: WatchSettings, registry: CollectorRegistry, clock: Clock) -> list[Look]:
    """Make everything that is looked at."""
    database = Database(config.postgres_dsn.get_secret_value(), config.watch_statement_seconds)
    options, group = config.kafka_python_options(), config.recorder_group
    flow = Flow(options, group, database, OneThread(), clock).register(registry)
    kpis = Kpis(
        options, group, database, listed(config.watch_kpi_address), config.options(), OneThread(), clock
    ).register(registry)
    quick, slow = config.watch_seconds, config.watch_slow_seconds
    patient = 2 * config.watch_statement_seconds + 60
    return [
        Look("flow", quick, flow.look, patient),
        Look("providers", quick, Providers(database, clock).register(registry).look, patient),
        Look("disks", quick, Disks(listed(config.watch_paths)).register(registry).look, 30),
        Look("kpis", config.watch_kpi_seconds, kpis.look, 3 * (patient + 120)),
        Look("credentials", slow, Credentials(database).register(registry).look, patient),
        Look("certificates", slow, Certificates(listed(config.watch_certificates)).register(registry).look, 300),
    ]


async def watch(config: WatchSettings, stop: asyncio.Event, clock: Clock) -> None:
    """Watch until `stop` is set. Raises OperatorError where a person has to act, else for a mistake of ours."""
    registry = CollectorRegistry()
    watching = Watch(looks(config, registry, clock), registry, clock)
    routes = service_routes(registry, ready=watching.ready, token=config.metrics_token)
    server = server_of(config, Starlette(routes=routes))
    await server.start()
    running = asyncio.create_task(watching.run(stop), name="watch")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({running}, timeout=LAST_SECONDS)
    stopping.cancel()
    if running.done():
        await running
    await server.stop()


async def _run(config: WatchSettings) -> None:
    await watch(config, stop_on_signals(), SystemClock())
    # a client in its thread may still wait for a server that is away: it reads only, so it is not waited for
    log.info("stopped")
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)


def main() -> None:
    """Run until SIGTERM or SIGINT. Ends with 0; 78 when a person has to act; 75 when it should start again."""
    config = settings.load(WatchSettings)
    logs.configure("watch", log_format=config.log_format, level=config.log_level)
    for library in ("httpx", "kafka"):  # they tell of each request and connection; of trouble the look tells
        logging.getLogger(library).setLevel(logging.ERROR)
    try:
        asyncio.run(_run(config))
    except OperatorError as error:
        log.critical("the watcher stops: somebody has to act", what=str(error))
        raise SystemExit(EXIT_CONFIGURATION) from error
    except Exception as error:
        log.critical("the watcher stops on an error nobody foresaw", exc_info=error)
        raise SystemExit(EXIT_TRY_AGAIN) from error
