"""A token that a request has to bring before it is answered: for what operators and their tools ask, not for providers.

It comes as `Authorization: Bearer <token>`; or as the password of `Basic`, which is what a browser asks a person for.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

UNAUTHORIZED = 401


class Guarded:
    """An application that is asked only with the token. `setting` names the variable that holds it, for the answer."""

    def __init__(self, app: ASGIApp, token: SecretStr, setting: str) -> None:
        self._app = app
        self._expected = _digest(token.get_secret_value())
        self._setting = setting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 unless the token is there."""
        given = _given(Headers(scope=scope).get("authorization", ""))
        # digests, so that the time it takes tells nothing of the token, nor of how long it is
        if given is not None and hmac.compare_digest(_digest(given), self._expected):
            await self._app(scope, receive, send)
            return
        answer = PlainTextResponse(
            f"This wants the token of {self._setting}: as a bearer token, or as the password with any user name.\n",
            UNAUTHORIZED,
            {"Cache-Control": "no-store"},
        )
        for challenge in ('Bearer realm="pcare"', 'Basic realm="pcare", charset="UTF-8"'):
            answer.headers.append("WWW-Authenticate", challenge)
        await answer(scope, receive, send)


def guarded(routes: Iterable[Route], token: SecretStr | None, setting: str) -> list[Route]:
    """Return routes that want the token; as they are where there is none."""
    if token is None:
        return list(routes)
    return [Route(one.path, Guarded(one.app, token, setting), methods=sorted(one.methods or ())) for one in routes]


def _given(header: str) -> str | None:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return None
    return None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
