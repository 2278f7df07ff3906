"""Asks each copy of a service for its probes and metrics. Nothing is stored by it."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from pcare_cli.doctor.services_facts import Copy, Samples

OK = httpx.codes.OK


async def look(
    client: httpx.AsyncClient, service: str, address: str, headers: Mapping[str, str], now: Callable[[], dt.datetime]
) -> Copy:
    """Return what a copy says of itself. `headers` show who may see its metrics."""
    try:
        live = await client.get(f"{address}/health/live")
        before = now()
        ready = await client.get(f"{address}/health/ready")
        after = now()
        shown = await client.get(f"{address}/metrics", headers=headers)
        return Copy(
            service,
            address,
            not_live=_reasons(live),
            not_ready=_reasons(ready),
            apart=_apart(ready, before, after),
            metrics=samples(shown.text) if shown.status_code == OK else None,
        )
    except httpx.HTTPError as error:
        return Copy(service, address, trouble=words_of(error))
    except ValueError as error:  # something else answers there
        return Copy(service, address, trouble=f"what answers is no service of ours ({error})")


def words_of(error: Exception) -> str:
    """Return why there was no answer, in a line."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _reasons(answer: httpx.Response) -> tuple[str, ...]:
    document: Any = answer.json()
    if not isinstance(document, dict) or not isinstance(document.get("reasons"), list):
        raise ValueError(f"{answer.url.path} has no reasons")  # noqa: TRY004 - whatever was answered, it is not ours
    reasons = tuple(map(str, document["reasons"]))
    return reasons or (() if answer.status_code == OK else (f"it answers {answer.status_code}",))


def _apart(answer: httpx.Response, before: dt.datetime, after: dt.datetime) -> float | None:
    """Return by how much its clock is ahead, as far as the answer's own date, in whole seconds, says it."""
    try:
        said = parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return None
    if said < before - dt.timedelta(seconds=1):
        return (said - before).total_seconds()
    return max(0.0, (said - after).total_seconds())


def samples(text: str) -> Samples:
    """Read what /metrics says. Raises ValueError where it is not Prometheus' format."""
    found: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name].append((sample.labels, sample.value))
    return dict(found)
