"""Turns tracing on where a collector is configured. Importing this imports nothing of OpenTelemetry."""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from pcare_common import logs
from pcare_common.clock import Clock
from pcare_common.tracing.settings import TracingSettings

if TYPE_CHECKING:
    from pcare_common.tracing.exporting import Tracing

log = logs.get(__name__)


def start(config: TracingSettings, service: str, registry: CollectorRegistry, clock: Clock) -> "Tracing | None":
    """Return the tracing of this process, or None where it is off. `service` is its name, `registry` takes counts."""
    if config.tracing_endpoint is None:
        return None
    from pcare_common.tracing.exporting import Tracing  # noqa: PLC0415 - off, it costs not even the import

    log.info("tracing", endpoint=config.traces_address, ratio=config.tracing_ratio)
    return Tracing(config, service, registry, clock)
