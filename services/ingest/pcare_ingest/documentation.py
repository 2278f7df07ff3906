"""The pages for people: the index, the OpenAPI document, and the page to try it out. Nothing comes from elsewhere."""

import html
import json
from functools import cache
from importlib import resources
from string import Template

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from swagger_ui_bundle import swagger_ui_path

from pcare_ingest import contract_pages, openapi, openapi_requests
from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES
from pcare_ingest.media_types import Form
from pcare_schemas.deprecations import Deprecations

_PAGES = resources.files("pcare_ingest") / "pages"
_HEADERS = {
    # Scripts and styles of this service alone; the styles that the viewer sets on elements are allowed for.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def routes(deprecations: Deprecations, *, credentials: bool = False) -> list[BaseRoute]:
    """Return the routes `/`, `/openapi.json`, `/docs`, and those of `contract_pages`.

    `credentials`: whether they are asked for.
    """
    described = _described(credentials=credentials)  # now, and not on the loop while events wait
    index = Template(_page("index.html"))
    docs = _page("docs.html")
    script = _page("docs.js")

    async def show_index(request: Request) -> Response:
        return HTMLResponse(index.substitute(_index_values(str(request.base_url))), headers=_HEADERS)

    async def show_openapi(_request: Request) -> Response:
        return Response(described, media_type="application/json", headers=_HEADERS)

    async def show_docs(_request: Request) -> Response:
        return HTMLResponse(docs, headers=_HEADERS)

    async def show_script(_request: Request) -> Response:
        return Response(script, media_type="text/javascript", headers=_HEADERS)

    return [
        Route("/", show_index),
        Route("/openapi.json", show_openapi),
        Route("/docs", show_docs),
        Route("/docs/page.js", show_script),
        Mount("/docs/viewer", StaticFiles(directory=swagger_ui_path)),
        *contract_pages.routes(deprecations, _HEADERS),
    ]


@cache
def _described(*, credentials: bool) -> bytes:
    return orjson.dumps(openapi.document(credentials=credentials))


def _page(name: str) -> str:
    return (_PAGES / name).read_text(encoding="utf-8")


def _index_values(base: str) -> dict[str, str]:
    first = openapi_requests.examples()["sp-referral-by-nhs-number"]
    values = {
        "base": base.rstrip("/"),
        "single": Form.SINGLE.value,
        "batch": Form.BATCH.value,
        "event": json.dumps(first, indent=2),
        "max_event": f"{MAX_EVENT_BYTES // 1024} KiB",
        "max_batch": f"{MAX_BATCH_EVENTS} events, {MAX_BATCH_BYTES // 1024 // 1024} MiB",
    }
    return {name: html.escape(value) for name, value in values.items()}
