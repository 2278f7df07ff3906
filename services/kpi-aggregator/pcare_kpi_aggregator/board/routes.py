"""Serves the board. However many look at it, a page is made at most once a second: what was made is kept that long."""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pcare_common.clock import Clock
from pcare_common.health import Probe
from pcare_kpi_aggregator.board.rendering import Numbers, Renderer
from pcare_kpi_aggregator.board.status import Facts, Progress, Status, status_of
from pcare_kpi_aggregator.board.view import Views
from pcare_kpi_aggregator.standings import Answered
from pcare_kpi_aggregator.whole import Whole
from pcare_kpi_aggregator.years import SECOND, instant_of
from pcare_schemas.kpis.year_labels import label, year_from_label

KEPT_SECONDS = 1.0

OK, NOT_MODIFIED, NOT_FOUND = 200, 304, 404
_COMPRESSION = 5


class Body:
    """Something made, as it goes out. Compressed once, and only if anyone asks for it so."""

    def __init__(self, content: bytes, media_type: str, status: int = OK) -> None:
        self.content = content
        self.media_type = media_type
        self.status = status

    @cached_property
    def compressed(self) -> bytes:
        """The content, by gzip."""
        return gzip.compress(self.content, _COMPRESSION, mtime=0)

    @cached_property
    def etag(self) -> str:
        """Names the content."""
        return f'W/"{hashlib.sha256(self.content).hexdigest()[:16]}"'


@dataclass(slots=True)
class _Kept:
    when: float
    body: Body


class Board:
    """The routes `/`, `/board` and `/board/status`. `reading` tells which partitions are being read, and how far."""

    def __init__(
        self,
        whole: Whole,
        views: Views,
        *,
        reading: Callable[[], list[Progress]],
        ready: Probe,
        clock: Clock,
    ) -> None:
        self._whole = whole
        self._views = views
        self._reading = reading
        self._ready = ready
        self._clock = clock
        self._renderer = Renderer()
        self._kept: dict[tuple[str, int | None], _Kept] = {}
        self._answer_kept: Answered | None = None
        self._answered = 0.0
        self._numbers: dict[int, Numbers] = {}
        self._headers = {
            "Content-Security-Policy": self._renderer.policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
            "Vary": "Accept-Encoding",
        }

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self._show_page),
            Route("/board", self._to_page),
            Route("/board/status", self._show_status),
        ]

    async def _to_page(self, request: Request) -> Response:
        question = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"./{question}", headers=self._headers)

    async def _show_page(self, request: Request) -> Response:
        return self._show(request, "page", self._page)

    async def _show_status(self, request: Request) -> Response:
        return self._show(request, "status", self._status)

    def _show(self, request: Request, what: str, make: Callable[[int | None], Body]) -> Response:
        asked = request.query_params.get("year")
        try:
            year = None if not asked else year_from_label(asked)
        except ValueError:
            year = -1  # of which there are no numbers either
        if year not in (None, *self._years(self._answer())):
            year = -1
        body = self._made((what, year), make)
        headers = {**self._headers, "ETag": body.etag}
        if body.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=NOT_MODIFIED, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(body.compressed, body.status, headers, body.media_type)
        return Response(body.content, body.status, headers, body.media_type)

    def _made(self, key: tuple[str, int | None], make: Callable[[int | None], Body]) -> Body:
        now = self._clock.monotonic()
        kept = self._kept.get(key)
        if kept is None or now - kept.when >= KEPT_SECONDS:
            kept = self._kept[key] = _Kept(now, make(key[1]))  # as many as there are years, twice
        return kept.body

    # --- what is shown ----------------------------------------------------------------------------------------

    def _page(self, year: int | None) -> Body:
        answer = self._answer()
        numbers = self._numbers_in(answer, year)
        years = [label(one) for one in self._years(answer)]
        html = self._renderer.page(numbers, self._status_now(answer), years)
        return Body(html.encode(), "text/html; charset=utf-8", NOT_FOUND if year == -1 and years else OK)

    def _status(self, year: int | None) -> Body:
        answer = self._answer()
        document: dict[str, Any] = {
            "version": self._renderer.version,
            "numbers": self._numbers_in(answer, year).etag,
            "status": self._renderer.status(self._status_now(answer)),
        }
        return Body(orjson.dumps(document), "application/json")

    def _answer(self) -> Answered:
        """Return the answer; within a second the same one, so that all that is shown speaks of one instant."""
        now = self._clock.monotonic()
        if self._answer_kept is None or now - self._answered >= KEPT_SECONDS:
            answer = self._whole.answer()
            if answer is not self._answer_kept:
                self._answer_kept, self._numbers = answer, {}
            self._answered = now
        return self._answer_kept

    def _numbers_in(self, answer: Answered, year: int | None) -> Numbers:
        years = self._years(answer)
        if not years:
            return self._renderer.nothing(
                "The numbers are being counted",
                "Part of a sum is no number, so nothing is shown until every event is counted. Just wait.",
            )
        if year is None:
            year = years[-1]
        if year not in years:
            return self._renderer.nothing(
                "There are no numbers for this year",
                f"There are numbers for the financial years {label(years[0])} to {label(years[-1])}: choose one above.",
            )
        if year not in self._numbers:
            self._numbers[year] = self._renderer.numbers(self._views.year(answer, year))
        return self._numbers[year]

    def _status_now(self, answer: Answered) -> Status:
        whole = self._whole
        return status_of(
            Facts(
                now=(now := instant_of(self._clock.now())),
                heard=now - round(whole.ends_age * SECOND),
                complete=bool(self._years(answer)),
                oldest=answer.oldest,
                written=whole.log_written,
                lags=[whole.lag(number) for number in whole.partitions],
                missing=whole.missing,
                reading=self._reading(),
                reasons=self._ready().reasons,
            )
        )

    @staticmethod
    def _years(answer: Answered) -> list[int]:
        return sorted({value.year for value in answer.values})
