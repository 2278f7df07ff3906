"""The contract as it is beyond HTTP, and what of it is on its way out. Nothing comes from elsewhere."""

import html
import json
from functools import cache
from importlib import resources
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from pcare_ingest import announcing, asyncapi_page
from pcare_schemas import asyncapi, json_schemas
from pcare_schemas.deprecations import Deprecations
from pcare_schemas.kinds import KINDS

_NOTHING = "<p>Nothing at present.</p>"


def routes(deprecations: Deprecations, headers: dict[str, str]) -> list[BaseRoute]:
    """Return the routes `/asyncapi`, `/asyncapi.yaml`, `/json-schema/…` and that of the deprecations.

    All is made now, and not on the loop while events wait.
    """
    shown, written, files = _contract()
    announced = Template(_page("deprecations.html")).substitute(announced=_announced(deprecations))

    async def show_page(_request: Request) -> Response:
        return HTMLResponse(shown, headers=headers)

    async def show_document(_request: Request) -> Response:
        return Response(written, media_type="application/yaml", headers=headers)

    async def show_schema(request: Request) -> Response:
        return Response(files[request.url.path], media_type="application/schema+json", headers=headers)

    async def show_announced(_request: Request) -> Response:
        return HTMLResponse(announced, headers=headers)

    return [
        Route("/asyncapi", show_page),
        Route("/asyncapi.yaml", show_document),
        *(Route(path, show_schema) for path in files),
        Route(announcing.PAGE, show_announced),
    ]


@cache
def _contract() -> tuple[str, str, dict[str, str]]:
    """Return the page, the document, and the schemas by the path that they are served at."""
    document = asyncapi.document()
    schemas = {f"./json-schema/{name}.json": json_schemas.of_kind(kind) for name, kind in KINDS.items()}
    schemas["./json-schema/recorded.json"] = json_schemas.of_recorded()
    schemas["./json-schema/rejection.json"] = json_schemas.of_rejection()
    shown = asyncapi_page.render(Template(_page("asyncapi.html")), document, schemas)
    files = {
        reference.removeprefix("."): json.dumps(schema, indent=2, ensure_ascii=False)
        for reference, schema in schemas.items()
    }
    return shown, asyncapi.as_yaml(), files


def _page(name: str) -> str:
    return (resources.files("pcare_ingest") / "pages" / name).read_text(encoding="utf-8")


def _announced(deprecations: Deprecations) -> str:
    rows = "".join(
        f'<tr id="{html.escape(one.name)}"><td><code>{html.escape(one.name)}</code></td><td>{one.since}</td>'
        f"<td>{one.sunset or 'no day is set'}</td><td>{html.escape(one.instead)}</td></tr>"
        for one in deprecations.all
    )
    if not rows:
        return _NOTHING
    return f"<table><tr><th>what</th><th>announced from</th><th>taken until</th><th>instead</th></tr>{rows}</table>"
