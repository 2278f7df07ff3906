"""The routes of the service, and what it answers when a request fits none of them."""

import traceback
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pcare_common import logs
from pcare_ingest import answers, problems

log = logs.get(__name__)


def application(events: ASGIApp, others: Sequence[BaseRoute]) -> ASGIApp:
    """Return the whole application: POST /events and the other routes."""
    starlette = Starlette(
        routes=[Route("/events", events, methods=["POST"]), *others],
        exception_handlers={HTTPException: _no_such_thing},
    )
    starlette.router.redirect_slashes = False
    return _NothingEscapes(starlette)


async def _no_such_thing(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    headers = error.headers if isinstance(error, HTTPException) else None
    return answers.refuse(problems.METHOD_NOT_ALLOWED if status == 405 else problems.NOT_FOUND, headers)


class _NothingEscapes:
    """Answers 500 for what nobody foresaw, and logs where it happened.

    The words of an exception are not logged: a parser's may repeat what was sent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except Exception as error:  # noqa: BLE001 - the last place before the server, which would log its words
            frames = traceback.extract_tb(error.__traceback__)
            log.error(  # noqa: TRY400 - with the words of the exception left out
                "a request met an error of ours",
                error=type(error).__name__,
                path=scope.get("path"),
                at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            )
            if not started:
                await answers.refuse(problems.INTERNAL_ERROR)(scope, receive, send)
