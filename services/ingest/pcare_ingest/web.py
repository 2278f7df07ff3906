"""The routes of the service, and what it answers when a request fits none of them or meets a fault of ours."""

import traceback
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pcare_common import logs
from pcare_ingest import answers, problems

log = logs.get(__name__)


def application(events: ASGIApp, check: ASGIApp, others: Sequence[BaseRoute]) -> ASGIApp:
    """Return the whole application: POST /events, POST /events/check and the other routes.

    Whatever goes wrong is a problem document.
    """
    starlette = Starlette(
        routes=[
            Route("/events", events, methods=["POST"]),
            Route("/events/check", check, methods=["POST"]),
            *others,
        ],
        exception_handlers={HTTPException: _no_such_thing, Exception: _fault},
    )
    starlette.router.redirect_slashes = False
    return _NothingEscapes(starlette)


async def _no_such_thing(_request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == problems.METHOD_NOT_ALLOWED.status:
        return answers.refuse(problems.METHOD_NOT_ALLOWED, error.headers)
    return answers.refuse(problems.NOT_FOUND)


async def _fault(_request: Request, _error: Exception) -> Response:
    return answers.refuse(problems.INTERNAL_ERROR)


class _NothingEscapes:
    """Logs where a fault happened, once it has been answered.

    The words of an exception are not logged, as the server would: a parser's may repeat what was sent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last place before the server
            frames = traceback.extract_tb(error.__traceback__)
            log.error(  # noqa: TRY400 - see above
                "a request met a fault of ours",
                error=type(error).__name__,
                path=scope.get("path"),
                at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            )
