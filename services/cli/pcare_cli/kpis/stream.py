"""The numbers as a kpi-aggregator has them now."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import httpx

from pcare_cli.aggregator_client import client_options
from pcare_cli.kpis.reading import Reading, ReadingError, Row, Shown
from pcare_kpi_aggregator.years import instant_of

SECONDS = 10.0
_STANDING = ("numerator", "denominator", "target", "trajectory", "gap", "forecast", "words")


def read_now(address: str, client: httpx.Client | None = None) -> Reading:
    """Ask the kpi-aggregator at `address`. Raises ReadingError unless it answers for the whole."""
    base = address.rstrip("/")
    try:
        with client or httpx.Client(timeout=SECONDS, **client_options()) as asking:
            catalogue = _document(asking.get(f"{base}/kpis/catalogue"))
            answer = _document(asking.get(f"{base}/kpis"))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        if isinstance(error, httpx.HTTPStatusError) and error.response.status_code == httpx.codes.UNAUTHORIZED:
            raise ReadingError(f"{address} wants a token: set PCARE_KPI_TOKEN to the kpi-aggregator's.") from error
        raise ReadingError(
            f"No KPIs from {address}: {type(error).__name__}. Name a kpi-aggregator that runs with --address."
        ) from error
    try:
        return reading_of(catalogue, answer)
    except (KeyError, TypeError) as error:
        raise ReadingError(f"{address} answers with something else than KPIs: is it a kpi-aggregator?") from error


def reading_of(catalogue: Mapping[str, Any], answer: Mapping[str, Any]) -> Reading:
    """Return the answers of GET /kpis/catalogue and GET /kpis as rows. Raises ReadingError while not complete."""
    if not answer["complete"]:
        known = sum(partition["known"] for partition in answer["partitions"])
        raise ReadingError(
            f"The kpi-aggregator is still counting from the log ({known} of {len(answer['partitions'])} partitions "
            "are known), and part of the sum is never shown. Ask again in a moment."
        )
    return Reading(
        kpis=tuple(map(Shown.from_document, catalogue["kpis"])),
        rows=tuple(map(row_of, answer["kpis"])),
        at=instant_of(dt.datetime.fromisoformat(answer["instant"])),
        version=answer["catalogue"],
    )


def row_of(entry: Mapping[str, Any]) -> Row:
    """Return an entry of GET /kpis as a row. Raises KeyError if it is none."""
    standing: dict[str, Any] = {name: entry.get(name) for name in _STANDING}
    return Row(entry["kpi"], entry["borough"], entry["year"], entry["value"], **standing)


def _document(answer: httpx.Response) -> dict[str, Any]:
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document
