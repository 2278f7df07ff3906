"""`GET /kpis`: the finished whole as JSON."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pcare_kpi_aggregator.catalogue import Catalogue
from pcare_kpi_aggregator.finish import BOROUGHS, NCL, NCL_ONLY, KpiValue
from pcare_kpi_aggregator.partition import NOTHING_APPLIED
from pcare_kpi_aggregator.targets import Targets
from pcare_kpi_aggregator.whole import Whole
from pcare_kpi_aggregator.years import SECOND, iso, label, year_from_label

AREA_NAMES = {NCL: "North Central London", NCL_ONLY: "NCL only (no borough)", **BOROUGHS}
BAD_REQUEST = 400


class KpiAnswers:
    """Builds the answer from the whole, the catalogue and the targets."""

    def __init__(self, whole: Whole, catalogue: Catalogue, targets: Targets, now: Callable[[], int]) -> None:
        self._whole = whole
        self._catalogue = catalogue
        self._targets = targets
        self._now = now

    def route(self) -> Route:
        """Return the route `/kpis`, which takes `year` (2023/24) and `kpi` (an id) to narrow the answer."""
        return Route("/kpis", self._get)

    async def _get(self, request: Request) -> Response:
        kpi, year = request.query_params.get("kpi"), request.query_params.get("year")
        if kpi is not None and kpi not in {entry.id for entry in self._catalogue.kpis}:
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
                self._row(value)
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

    def _row(self, value: KpiValue) -> dict[str, Any]:
        return {
            "kpi": value.kpi,
            "borough": value.area,
            "borough_name": AREA_NAMES[value.area],
            "year": label(value.year),
            "value": value.value,
            "target": self._targets.value(value.kpi, value.area, value.year),
        }


def _problem(detail: str) -> Response:
    problem = {"type": "about:blank", "title": "Bad Request", "status": BAD_REQUEST, "detail": detail}
    return JSONResponse(problem, status_code=BAD_REQUEST, media_type="application/problem+json")
