"""The HTTP server: the three routes of each service, and an orderly stop."""

import asyncio
import socket

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pcare_common.errors import OperatorError
from pcare_common.health import Health
from pcare_common.http import HttpServer, service_routes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def registry():
    registry = CollectorRegistry()
    Gauge("a_gauge", "A gauge.", registry=registry).set(3)
    return registry


async def _get(app, path):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        return await client.get(path)


async def test_metrics_and_a_healthy_service(registry):
    app = Starlette(routes=service_routes(registry, ready=Health))
    assert "a_gauge 3.0" in (await _get(app, "/metrics")).text
    assert (await _get(app, "/health/live")).status_code == 200
    assert (await _get(app, "/health/ready")).json() == {"status": "ok", "reasons": []}


async def test_an_unready_service_says_why(registry):
    app = Starlette(routes=service_routes(registry, ready=lambda: Health(("Kafka does not answer",))))
    answer = await _get(app, "/health/ready")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["Kafka does not answer"]
    assert (await _get(app, "/health/live")).status_code == 200


async def test_a_request_in_hand_is_finished_before_the_server_stops():
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow(_request):
        entered.set()
        await release.wait()
        return PlainTextResponse("done")

    port = free_port()
    server = HttpServer(Starlette(routes=[Route("/slow", slow)]), host="127.0.0.1", port=port)
    await server.start()
    async with httpx.AsyncClient() as client:
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/slow"))
        await entered.wait()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        release.set()
        assert (await request).text == "done"
    await stopping
    await server.stop()
    with pytest.raises(OSError, match=r".*"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_in_use_is_an_operators_error_that_names_it():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OperatorError, match=str(port)):
            await HttpServer(Starlette(), host="127.0.0.1", port=port).start()
