"""Wires the sealer and serves what it shows. `pcare audit seal` starts here."""

import asyncio
import logging
import os
import sys

import asyncpg
import typer
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from pcare_audit.signed_note import NoteError, Signer
from pcare_cli.console import fail
from pcare_cli.postgres_errors import in_words
from pcare_cli.sealing.measures import Measures
from pcare_cli.sealing.sealer import Sealer
from pcare_cli.sealing.settings import SealSettings
from pcare_cli.sealing.trouble import ContradictionError, NotNowError
from pcare_common import logs, settings
from pcare_common.clock import SystemClock
from pcare_common.errors import EXIT_CONFIGURATION, EXIT_TRY_AGAIN, OperatorError
from pcare_common.http import server_of, service_routes
from pcare_common.shutdown import stop_on_signals
from pcare_recorder.errors import for_operator

LAST_SECONDS = 3.0

log = logs.get(__name__)


def sealer_of(config: SealSettings, registry: CollectorRegistry) -> Sealer:
    """Make a sealer. Raises OperatorError where there is no key to sign with."""
    clock = SystemClock()
    try:
        signer = Signer.load(config.seal_key_file, config.seal_name)
    except NoteError as error:
        raise OperatorError(f"PCARE_SEAL_KEY_FILE: {error}") from error
    return Sealer(config, signer, Measures(registry, clock, config.seal_seconds), clock)


async def seal(config: SealSettings, stop: asyncio.Event) -> None:
    """Seal until `stop` is set. Raises OperatorError where a person has to act, else for a mistake of ours."""
    registry = CollectorRegistry()
    sealer = sealer_of(config, registry)
    routes = service_routes(registry, ready=sealer.measures.ready, token=config.metrics_token)
    server = server_of(config, Starlette(routes=routes))
    await server.start()
    running = asyncio.create_task(sealer.run(stop), name="seal")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({running}, timeout=LAST_SECONDS)
    stopping.cancel()
    if running.done():
        await running
    await server.stop()


async def _run(config: SealSettings) -> None:
    await seal(config, stop_on_signals())
    # a transaction that is still open ends with its connection, and leaves nothing behind
    log.info("stopped")
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)


def _once(config: SealSettings) -> None:
    try:
        made = asyncio.run(sealer_of(config, CollectorRegistry()).once())
    except ContradictionError as error:
        fail(str(error))
    except NotNowError as error:
        fail(f"No checkpoint was made: {error}")
    except (OperatorError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, KafkaError) as error:
        fail(f"No checkpoint was made: {for_operator(error) or in_words(error)}")
    typer.echo(f"A checkpoint {made}, is signed and published.")


def main(*, once: bool = False) -> None:
    """Run until SIGTERM or SIGINT, or `once`.

    Ends with 0; 78 when a person has to act; 75 when it should start again; `once` with 1 where no checkpoint was made.
    """
    config = settings.load(SealSettings)
    logs.configure("seal", log_format=config.log_format, level=config.log_level)
    if once:
        _once(config)
        return
    try:
        asyncio.run(_run(config))
    except OperatorError as error:
        log.critical("the sealer stops: somebody has to act", what=str(error))
        raise SystemExit(EXIT_CONFIGURATION) from error
    except Exception as error:
        log.critical("the sealer stops on an error nobody foresaw", exc_info=error)
        raise SystemExit(EXIT_TRY_AGAIN) from error
