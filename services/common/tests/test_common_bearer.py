"""The token of what operators and their tools ask."""

import base64

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pcare_common.bearer import guarded
from pcare_common.health import Health
from pcare_common.http import service_routes

TOKEN = "7c1e0d5f9a2b4c68"
HERE = Route("/board", lambda _request: PlainTextResponse("here"))


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def ask(path: str, header: str | None, token: str | None = TOKEN, method: str = "GET") -> httpx.Response:
    secret = None if token is None else SecretStr(token)
    routes = [
        *guarded([HERE], secret, "PCARE_KPI_TOKEN"),
        *service_routes(CollectorRegistry(), ready=Health, token=secret),
    ]
    headers = {} if header is None else {"authorization": header}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Starlette(routes=routes)), base_url="http://service"
    ) as client:
        return await client.request(method, path, headers=headers)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        TOKEN,
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Token {TOKEN}",
        "Basic ",
        "Basic %%%",
        "Basic /w==",
        basic(TOKEN, ""),
        basic("board", TOKEN[:-1]),
    ],
)
async def test_without_the_token_nothing_is_told_but_how_to_come(header: str | None) -> None:
    for path, name in (("/metrics", "PCARE_METRICS_TOKEN"), ("/board", "PCARE_KPI_TOKEN")):
        answer = await ask(path, header)
        assert answer.status_code == 401
        assert name in answer.text
        assert TOKEN not in answer.text
        assert answer.headers.get_list("www-authenticate") == [
            'Bearer realm="pcare"',
            'Basic realm="pcare", charset="UTF-8"',
        ]


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer  {TOKEN}", basic("ada", TOKEN), basic("", TOKEN)])
async def test_with_it_all_is_answered(header: str) -> None:
    assert (await ask("/board", header)).text == "here"
    assert (await ask("/metrics", header)).status_code == 200
    assert (await ask("/board", header, method="POST")).status_code == 405


async def test_probes_never_want_it_and_without_one_nothing_does() -> None:
    for path in ("/health/live", "/health/ready"):
        assert (await ask(path, None)).status_code == 200
    for path in ("/metrics", "/board"):
        assert (await ask(path, None, token=None)).status_code == 200
