"""GET /events/{source}/{id} and GET /rejections: a provider asks what became of what it sent, and of nothing else."""

import datetime as dt
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final

import orjson
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pcare_common.http_protocol import retry_after
from pcare_ingest import answers, problems, receipt_links, receipts
from pcare_ingest.callers import Caller
from pcare_ingest.gate import Gate
from pcare_ingest.receipt_store import Place, ReceiptsAwayError, ReceiptStore, Rejected
from pcare_ingest.refusal import RefusedError
from pcare_schemas.instants import utc, utc_milliseconds
from pcare_schemas.origin import Origin

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 500
_BEGINNING: Final = Place(dt.datetime(2000, 1, 1, tzinfo=dt.UTC), Origin("", 0, 0))
_HEADERS: Final = {"Cache-Control": "no-store"}


class ReceiptEndpoint:
    """Answers what became of events. `store`: None where this installation has not been told where the record is."""

    def __init__(self, store: ReceiptStore | None, gate: Gate, answered: Counter) -> None:
        self._store = store
        self._gate = gate
        self._answered = answered

    def routes(self) -> list[BaseRoute]:
        """Return the two routes."""
        return [
            Route("/events/{source:path}/{id}", self.show_receipt, methods=["GET"]),
            Route("/rejections", self.list_rejections, methods=["GET"]),
        ]

    async def show_receipt(self, request: Request) -> Response:
        """Answer what became of one event."""
        return await self._counted(self._receipt(request))

    async def list_rejections(self, request: Request) -> Response:
        """Answer with a page of what the recorder refused of one provider."""
        return await self._counted(self._rejections(request))

    async def _counted(self, answering: Awaitable[Response]) -> Response:
        try:
            response = await answering
        except RefusedError as refused:
            response = answers.refuse(refused.trouble, refused.headers)
        except Exception:
            self._answered.labels(str(problems.INTERNAL_ERROR.status)).inc()
            raise
        self._answered.labels(str(response.status_code)).inc()
        return response

    async def _receipt(self, request: Request) -> Response:
        caller = await self._gate.identify(request)
        self._gate.admit(caller, 1)
        source, id_ = request.path_params["source"], request.path_params["id"]
        if not receipts.may_exist(source, id_):
            raise RefusedError(problems.NO_RECEIPT)
        _only_own(caller, source)
        asked = request.query_params.get("at")
        at = None if asked is None else receipts.place(asked)
        if asked is not None and at is None:
            raise RefusedError(
                problems.INVALID_QUERY.saying("`at` is a place: topic/partition/offset, as in Location.")
            )
        if at is not None and not receipts.may_stand_at(source, at):
            raise RefusedError(problems.NO_RECEIPT)
        store = self._kept()
        try:
            known = await store.remembered(source, id_, at)
        except ReceiptsAwayError:
            raise _away() from None
        receipt = receipts.receipt(source, id_, at, known)
        if receipt is None:
            raise RefusedError(problems.NO_RECEIPT)
        return _json(receipt)

    async def _rejections(self, request: Request) -> Response:
        caller = await self._gate.identify(request)
        self._gate.admit(caller, 1)
        query = request.query_params
        source = query.get("source") or _only_source(caller)
        if source is None or not receipts.may_exist(source, "any"):
            raise RefusedError(problems.INVALID_QUERY.saying("`source` is the source of your events, percent-encoded."))
        _only_own(caller, source)
        limit = _limit(query.get("limit"))
        after = _after(query)
        store = self._kept()
        try:
            found = await store.rejections(source, after, limit)
        except ReceiptsAwayError:
            raise _away() from None
        document, following = page(source, found, query.get("after"), limit)
        return _json(document, {} if following is None else {"Link": f'<{following}>; rel="next"'})

    def _kept(self) -> ReceiptStore:
        if self._store is None:
            raise RefusedError(problems.RECEIPTS_NOT_KEPT)
        return self._store


def page(source: str, found: Sequence[Rejected], after: str | None, limit: int) -> tuple[dict[str, Any], str | None]:
    """Return a page of rejections, and the address of the one that follows; None when this one is not full."""
    links = {"self": receipt_links.rejections(source, after)}
    following = None
    if len(found) == limit:
        following = links["next"] = f"{receipt_links.rejections(source, _token(found[-1]))}&limit={limit}"
    return {"source": source, "rejections": [_rejection(one) for one in found], "links": links}, following


def _only_own(caller: Caller, source: str) -> None:
    if not caller.may_speak_for(source):
        raise RefusedError(problems.NOT_YOURS)


def _only_source(caller: Caller) -> str | None:
    """Return the source that goes without saying: that of a caller who has one."""
    return next(iter(caller.sources)) if caller.sources is not None and len(caller.sources) == 1 else None


def _away() -> RefusedError:
    return RefusedError(problems.RECEIPTS_AWAY, {"Retry-After": str(retry_after())})


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_LIMIT or len(text) > 9:
        raise RefusedError(problems.INVALID_QUERY.saying(f"`limit` is a whole number from 1 to {MAX_LIMIT}."))
    return int(text)


def _after(query: Mapping[str, str]) -> Place:
    """Return where a page begins: behind a rejection that the page before it ended with, or at an instant."""
    token, since = query.get("after"), query.get("since")
    if token is None and since is None:
        return _BEGINNING
    if token is not None and since is not None:
        raise RefusedError(problems.INVALID_QUERY.saying("Give `after` or `since`, not both."))
    text, _, place = (since or token or "").partition("~")
    instant = _instant(text)
    if instant is None or (since is not None and place):
        expected = "`since` is an instant with its offset (2026-04-01T00:00:00Z); `after` is as a page's `next` has it."
        raise RefusedError(problems.INVALID_QUERY.saying(expected))
    if since is not None:
        return Place(instant, _BEGINNING.origin)
    origin = receipts.place(place)
    if origin is None:
        raise RefusedError(problems.INVALID_QUERY.saying("`after` is what the `next` link of a page says."))
    return Place(instant, origin)


def _instant(text: str) -> dt.datetime | None:
    try:
        instant = dt.datetime.fromisoformat(text)
        return instant.astimezone(dt.UTC) if instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _token(rejected: Rejected) -> str:
    return f"{utc(rejected.received_at)}~{rejected.origin}"


def _rejection(rejected: Rejected) -> dict[str, Any]:
    return {
        "source": rejected.source,
        "id": rejected.id,
        "at": str(rejected.origin),
        "received_at": utc_milliseconds(rejected.received_at),
        "problem": receipts.problem_of(rejected),
    }


def _json(document: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), headers={**_HEADERS, **(headers or {})}, media_type=answers.JSON)
