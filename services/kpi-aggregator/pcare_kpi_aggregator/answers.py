"""`GET /kpis`: the finished whole as JSON; `GET /kpis/catalogue`: by which rules."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pcare_kpi_aggregator.finish import KpiValue
from pcare_kpi_aggregator.partition import NOTHING_APPLIED
from pcare_kpi_aggregator.standings import Standings
from pcare_kpi_aggregator.whole import Answer, Whole
from pcare_kpi_aggregator.years import SECOND, iso
from pcare_schemas.kpis.areas import BOROUGHS, NCL, NCL_ONLY
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.year_labels import label, year_from_label

AREA_NAMES = {NCL: "North Central London", NCL_ONLY: "NCL only (no borough)", **BOROUGHS}
BAD_REQUEST = 400


class KpiAnswers:
    """Builds the answers from the whole, the catalogue and where each number stands."""

    def __init__(self, whole: Whole, catalogue: Catalogue, standings: Standings, now: Callable[[], int]) -> None:
        self._whole = whole
        self._catalogue = catalogue
        self._standings = standings
        self._now = now

    def routes(self) -> list[Route]:
        """Return the routes: `/kpis` takes `year` (2023/24) and `kpi` (an id) to narrow the answer."""
        return [Route("/kpis", self._get), Route("/kpis/catalogue", self._get_catalogue)]

    async def _get_catalogue(self, _request: Request) -> Response:
        return JSONResponse(self._catalogue.document())

    async def _get(self, request: Request) -> Response:
        kpi, year = request.query_params.get("kpi"), request.query_params.get("year")
        if kpi is not None and kpi not in self._catalogue.ids:
            return _problem(f"There is no KPI {kpi!r}: ask /kpis without it to see which there are.")
        try:
            wanted_year = None if year is None else year_from_label(year)
        except ValueError as error:
            return _problem(f"{error}.")
        return JSONResponse(self.document(kpi, wanted_year))

    def document(self, kpi: str | None = None, year: int | None = None) -> dict[str, Any]:
        """Return the answer. `kpis` is empty until the counts of every partition are known (`complete`)."""
        answer = self._whole.answer()
        return {
            "instant": None if answer.oldest is None else iso(answer.oldest),
            "instant_latest": None if answer.latest is None else iso(answer.latest),
            "complete": answer.complete,
            "catalogue": self._catalogue.version,
            "partitions": [self._partition(number) for number in self._whole.partitions],
            "kpis": [
                self._row(answer, value)
                for value in answer.values
                if (kpi is None or value.kpi == kpi) and (year is None or value.year == year)
            ],
        }

    def _partition(self, number: int) -> dict[str, Any]:
        partial, lag = self._whole.best.get(number), self._whole.lag(number)
        if partial is None:
            known = {"known": False, "applied_through": NOTHING_APPLIED, "lag": lag}
            return {"partition": number, **known, "instant": None, "age_seconds": None, "owner": None}
        return {
            "partition": number,
            "known": True,
            "applied_through": partial.snapshot.applied_through,
            "lag": lag,
            "instant": iso(partial.snapshot.at),
            "age_seconds": round((self._now() - partial.snapshot.at) / SECOND, 3),
            "owner": partial.owner,
        }

    def _row(self, answer: Answer, value: KpiValue) -> dict[str, Any]:
        standing = self._standings.of(answer, value)
        return {
            "kpi": value.kpi,
            "borough": value.area,
            "borough_name": AREA_NAMES[value.area],
            "year": label(value.year),
            "value": value.value,
            "numerator": value.numerator,
            "denominator": value.denominator,
            "target": standing.target,
            "trajectory": standing.trajectory,
            "gap": standing.gap,
            "forecast": standing.forecast,
            "words": standing.words,
        }


def _problem(detail: str) -> Response:
    problem = {"type": "about:blank", "title": "Bad Request", "status": BAD_REQUEST, "detail": detail}
    return JSONResponse(problem, status_code=BAD_REQUEST, media_type="application/problem+json")
