"""Structured logs: one event a line, JSON for machines or readable on a terminal.

A line carries event ids, topics, offsets, reasons and counts; never a payload, a subject or a key. As a last line
of defence each finished line is searched for valid NHS numbers, which are masked.
"""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from pcare_common.clock import SystemClock
from pcare_common.repeats import OnceInAWhile
from pcare_common.tracing import current
from pcare_schemas.identifiers import mask


def configure(service: str, *, log_format: str = "json", level: str = "info") -> None:
    """Send this process's logs, structlog's and the standard library's, to standard error.

    `service` is stamped on every line. May be called again; the last call holds.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _stamp(service),
        _name_trace,
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(OnceInAWhile(SystemClock()))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer, _mask_numbers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These narrate each connection and each rebalance step; what an operator needs of it is logged by us.
    for chatty in ("aiokafka", "kafka", "faust", "mode", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # a collector that is away is told of by us, once
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=True,
    )


def get(name: str) -> Any:
    """Return the logger of a module: `log = logs.get(__name__)`, then `log.info("what happened", offset=7)`."""
    return structlog.get_logger(name)


def _stamp(service: str) -> structlog.typing.Processor:
    def stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return stamp


def _name_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    ids = current.ids()
    if ids is not None:
        event["trace_id"], event["span_id"] = ids
    return event


def _mask_numbers(_logger: WrappedLogger, _method: str, line: Any) -> str:
    return mask(str(line))
