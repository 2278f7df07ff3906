"""An address of the kit's own, which the provider's system sends to in place of the test system.

Requests are passed on as they are, and their answers back; what went by is kept for the judges, to a bound. A few are
tried: see `trials.py`. Nothing about a person who may be real is passed on.
"""

import gzip
import io
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pcare_cli.conformance.address import BATCH, PROBLEM
from pcare_cli.conformance.seen import Seen, is_of_a_real_person
from pcare_cli.conformance.trials import REAL_PERSON, WAIT_SECONDS, Trial, Trials
from pcare_common.clock import Clock

MOST_BYTES: Final = 8 * 1024 * 1024
MOST_SEEN: Final = 5_000
_METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]
_OF_THE_CONNECTION = frozenset({"host", "content-length", "connection", "transfer-encoding", "keep-alive"})
_OF_THE_ANSWER = _OF_THE_CONNECTION | {"content-encoding", "date", "server"}


class Listener:
    """Passes requests on to `client`. `seen` is what the judges look at; `changed` is called when it has grown."""

    def __init__(self, client: httpx.AsyncClient, clock: Clock, changed: Callable[[], None]) -> None:
        self._client = client
        self._clock = clock
        self._changed = changed
        self._trials = Trials()
        self.seen: list[Seen] = []

    def app(self) -> Starlette:
        """Return the application that listens."""
        return Starlette(routes=[Route("/{path:path}", self._pass, methods=_METHODS)])

    async def _pass(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return Response(status_code=413)
        if request.method != "POST" or request.url.path != "/events":
            return await self._forward(request, body)
        events, is_batch = events_of(request.headers, body)
        if any(is_of_a_real_person(event) for event in events):
            return _answer(422, REAL_PERSON)
        if len(self.seen) + len(events) > MOST_SEEN:
            return Response("The conformance kit has seen enough. End it and read its report.", status_code=413)
        at = self._clock.now()
        known = [one.event for one in self.seen]
        trial = self._trials.next(new=bool(events) and not any(event in known for event in events))
        if trial is not None and not trial.forwarded:
            self._keep(Seen(at, event, None, trial.name, WAIT_SECONDS) for event in events)
            return _tried(trial, events, is_batch=is_batch)
        answer = await self._forward(request, body)
        problems = _problems(answer, len(events), is_batch=is_batch)
        name = None if trial is None or answer.status_code >= 400 else trial.name
        self._keep(Seen(at, event, problem, name) for event, problem in zip(events, problems, strict=True))
        return answer if trial is None or name is None else _tried(trial, events, is_batch=is_batch)

    def _keep(self, those: Any) -> None:
        self.seen += those
        self._changed()

    async def _forward(self, request: Request, body: bytes) -> Response:
        headers = [(name, value) for name, value in request.headers.items() if name not in _OF_THE_CONNECTION]
        target = request.scope["raw_path"].decode("ascii") + (f"?{request.url.query}" if request.url.query else "")
        try:
            response = await self._client.request(request.method, target, content=body, headers=headers)
        except httpx.TransportError:
            return Response(status_code=502)
        kept = {name: value for name, value in response.headers.items() if name not in _OF_THE_ANSWER}
        return Response(response.content, response.status_code, headers=kept)


def events_of(headers: Mapping[str, str], body: bytes) -> tuple[list[Mapping[str, Any] | None], bool]:
    """Return the events of a request to POST /events, and whether it is a batch. None stands for what is no object."""
    try:
        content = _unpacked(headers.get("content-encoding", ""), body)
        document = json.loads(content)
    except (ValueError, OSError, EOFError, zlib.error):
        return [None], False
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == BATCH:
        items = document if isinstance(document, list) else []
        return [item if isinstance(item, dict) else None for item in items], True
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    if attributes:  # binary mode
        return [{**attributes, "data": document}], False
    return [document if isinstance(document, dict) else None], False


def _unpacked(encoding: str, body: bytes) -> bytes:
    if encoding.lower() != "gzip":
        return body
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
        content = packed.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError("too large")
    return content


def _problems(answer: Response, count: int, *, is_batch: bool) -> list[Mapping[str, Any] | None]:
    """Return why each event of a request was refused, from the answer to it; 503 and the like are no refusals."""
    if answer.status_code < 400 and not is_batch:
        return [None] * count
    try:
        document = json.loads(bytes(answer.body))
    except ValueError:
        document = {"reason": f"http_{answer.status_code}"}
    if is_batch and isinstance(document, list) and len(document) == count:
        return [item.get("problem") if item.get("status") == "rejected" else _unknown(item) for item in document]
    return [document if answer.status_code >= 400 else None] * count


def _unknown(item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return None if item.get("status") == "accepted" else item.get("problem")


def _tried(trial: Trial, events: Sequence[Mapping[str, Any] | None], *, is_batch: bool) -> Response:
    if not is_batch:
        return _answer(trial.status, trial.document, trial.headers)
    status, verdicts = trial.to_batch(events)
    return JSONResponse(verdicts, status, trial.headers)


def _answer(status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(document, status, dict(headers or {}), media_type=PROBLEM)
