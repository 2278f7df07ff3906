"""The HTTP server that each service runs, and the three routes that each one has.

`/health/live` says that the process's loop turns, `/health/ready` that it makes progress, `/metrics` serves
Prometheus. They answer 200 or 503, with the reasons in words.
"""

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pcare_common.errors import OperatorError
from pcare_common.health import Health, Probe, always_well
from pcare_common.http_protocol import BoundedHttpProtocol

OK = 200
UNAVAILABLE = 503

MAX_CONNECTIONS = 1_000
"""Beyond so many connections, requests are answered 503."""


def service_routes(registry: CollectorRegistry, *, ready: Probe, live: Probe = always_well) -> list[Route]:
    """Return the routes `/metrics`, `/health/live` and `/health/ready`."""

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def health_live(_request: Request) -> Response:
        return _answer(live())

    async def health_ready(_request: Request) -> Response:
        return _answer(ready())

    return [
        Route("/metrics", metrics),
        Route("/health/live", health_live),
        Route("/health/ready", health_ready),
    ]


def _answer(health: Health) -> Response:
    document = {"status": "ok" if health.ok else "unavailable", "reasons": list(health.reasons)}
    return JSONResponse(document, status_code=OK if health.ok else UNAVAILABLE)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the service decides when to stop, and in which order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class HttpServer:
    """Serves an ASGI application on the running loop until it is told to stop.

    `start` returns when the port answers and raises OperatorError when it cannot be had. `stop` lets requests in
    hand finish for at most `grace_seconds`.
    """

    def __init__(self, app: ASGIApp, *, host: str, port: int, grace_seconds: float = 5.0) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=max(1, int(grace_seconds)),
            timeout_keep_alive=30,
            http=BoundedHttpProtocol,
            ws="none",
            proxy_headers=False,
            limit_concurrency=MAX_CONNECTIONS,
        )
        self._server = _Server(config)
        self._address = (host, port)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bind and begin to answer."""
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            listener.close()
            raise OperatorError(
                f"Cannot listen on {host}:{port}: {error.strerror}. Stop what uses that port, or set another one."
            ) from error
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="http-server")
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise OperatorError(f"The HTTP server on {host}:{port} ended before it answered.")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop accepting, finish what is in hand within the grace, close. May be called again."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            self._task = None
