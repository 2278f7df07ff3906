"""The HTTP server that each service runs, and the three routes that each one has.

`/health/live` says that the process's loop turns, `/health/ready` that it makes progress, `/metrics` serves
Prometheus. They answer 200 or 503, with the reasons in words.
"""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Generator
from functools import partial

import uvicorn
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST, choose_encoder
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pcare_common.bearer import guarded
from pcare_common.errors import OperatorError
from pcare_common.handshakes import ACCEPTED_AT_ONCE, MAX_HANDSHAKES, Handshakes
from pcare_common.health import Health, Probe, always_well
from pcare_common.http_protocol import MAX_CONNECTIONS, SPARE_CONNECTIONS, BoundedHttpProtocol, come_back_later
from pcare_common.http_settings import HttpSettings
from pcare_common.tls import Certificate

OK = 200
UNAVAILABLE = 503

FILES_BESIDE = 200
"""Open files that a process needs beside the connections of its clients."""


def service_routes(
    registry: CollectorRegistry,
    *,
    ready: Probe,
    live: Probe = always_well,
    token: SecretStr | None = None,
    exemplars: bool = False,
) -> list[Route]:
    """Return the routes `/metrics`, which wants the token if there is one, `/health/live` and `/health/ready`.

    With `exemplars` whoever asks for OpenMetrics gets it: the only form that has room for them.
    """

    async def metrics(request: Request) -> Response:
        if not exemplars:
            return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    async def health_live(_request: Request) -> Response:
        return _answer(live())

    async def health_ready(_request: Request) -> Response:
        return _answer(ready())

    return [
        *guarded([Route("/metrics", metrics)], token, "PCARE_METRICS_TOKEN"),
        Route("/health/live", health_live),
        Route("/health/ready", health_ready),
    ]


def _answer(health: Health) -> Response:
    document = {"status": "ok" if health.ok else "unavailable", "reasons": list(health.reasons)}
    return JSONResponse(document, status_code=OK if health.ok else UNAVAILABLE)


RENEW_AFTER_TICKS = 100
"""uvicorn ticks ten times a second: every ten seconds it is looked whether the certificate was renewed."""


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the service decides when to stop, and in which order."""

    def __init__(self, config: uvicorn.Config, certificate: Certificate | None) -> None:
        super().__init__(config)
        self._certificate = certificate

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept: with a certificate as `Handshakes` does, else as uvicorn does."""
        if self._certificate is None or sockets is None:
            await super().startup(sockets)
            return
        accepting = [Handshakes(one, self._certificate.context, self._protocol) for one in sockets]
        for one in accepting:
            one.start(self.config.backlog)
        self.servers = accepting  # type: ignore[assignment]  # only ever closed and waited for
        self.started = True

    def _protocol(self) -> asyncio.Protocol:
        make = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)  # type: ignore[call-arg]

    async def on_tick(self, counter: int) -> bool:
        """Do what uvicorn does now and then, and look after the certificate."""
        if self._certificate is not None and counter % RENEW_AFTER_TICKS == 0:
            self._certificate.renew()
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class HttpServer:
    """Serves an ASGI application on the running loop until it is told to stop.

    `start` returns when the port answers and raises OperatorError when it cannot be had. `stop` lets requests in
    hand finish for at most `grace_seconds`. `turned_away` answers requests of connections that are too many. With a
    `certificate` it speaks TLS, and nothing else.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        grace_seconds: float = 5.0,
        turned_away: ASGIApp = come_back_later,
        certificate: Certificate | None = None,
    ) -> None:
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
            http=partial(BoundedHttpProtocol, turned_away=turned_away),  # type: ignore[arg-type]
            ws="none",
            proxy_headers=False,
            ssl_context_factory=None if certificate is None else lambda _config, _default: certificate.context,
        )
        self._server = _Server(config, certificate)
        self._certificate = certificate
        self._address = (host, port)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bind and begin to answer."""
        _allow_files(MAX_CONNECTIONS + SPARE_CONNECTIONS + MAX_HANDSHAKES + FILES_BESIDE)
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
        # uvloop accepts one connection of a listening socket in a turn of the loop: so it has the socket several times,
        # or new connections, those of a supervisor's probe among them, would wait in a queue for half a minute
        copies = ACCEPTED_AT_ONCE - 1 if self._certificate is None else 0
        listeners = [listener, *(listener.dup() for _ in range(copies))]
        self._task = asyncio.create_task(self._server.serve(sockets=listeners), name="http-server")
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


def server_of(settings: HttpSettings, app: ASGIApp) -> HttpServer:
    """Return the server of a service that only its operators and their tools ask, as its settings say."""
    host, port = settings.http_address
    return HttpServer(app, host=host, port=port, grace_seconds=1.0, certificate=settings.certificate())


def _allow_files(wanted: int) -> None:
    """Let this process open as many files as its connections take, where it may.

    Many systems begin with 1,024: clients would use up what the connections to Kafka and the database need.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
