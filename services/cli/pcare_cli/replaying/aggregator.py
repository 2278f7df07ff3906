"""What the running aggregator counts, and of each partition up to where and for which instant."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from pcare_audit.replay import Counted, Counts
from pcare_audit.replaying.folding import Applied
from pcare_cli import accounting_readers
from pcare_cli.aggregator_client import client_options
from pcare_schemas.kpis.catalogue import Catalogue

ASK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Streamed:
    """One answer of the aggregator. `oldest` and `latest` are the instants of its partitions."""

    oldest: dt.datetime
    latest: dt.datetime
    applied: Mapping[int, Applied]
    values: Counts


class NoAnswerError(Exception):
    """The aggregator does not answer, or not for the whole. The message says why, for a person."""


async def catalogue_of(address: str) -> Catalogue:
    """Return the catalogue that the aggregator counts by. Raises NoAnswerError."""
    with _answer_of(address):
        async with _client(address) as client:
            return await accounting_readers.served_catalogue(client)


async def ask(address: str) -> Streamed:
    """Return what the aggregator counts now. Raises NoAnswerError."""
    with _answer_of(address):
        async with _client(address) as client:
            answer = await client.get("/kpis")
            answer.raise_for_status()
            document = json.loads(answer.content, parse_float=Decimal)
        if not document["complete"]:
            raise NoAnswerError("the aggregator does not know every partition yet")
        return _streamed(document)


def _streamed(document: Mapping[str, Any]) -> Streamed:
    return Streamed(
        oldest=dt.datetime.fromisoformat(document["instant"]),
        latest=dt.datetime.fromisoformat(document["instant_latest"]),
        applied={
            one["partition"]: Applied(one["applied_through"], dt.datetime.fromisoformat(one["instant"]))
            for one in document["partitions"]
        },
        values={
            (row["kpi"], row["borough"], row["year"]): Counted(
                None if row["value"] is None else Decimal(row["value"]), row["numerator"], row["denominator"]
            )
            for row in document["kpis"]
        },
    )


@contextmanager
def _answer_of(address: str) -> Iterator[None]:
    """Turn what can be wrong with an address, with what answers there, or with its answer, into a NoAnswerError."""
    try:
        yield
    except httpx.InvalidURL as error:
        raise NoAnswerError(f"{address} is no address: write it as http://127.0.0.1:8082") from error
    except httpx.HTTPError as error:
        raise NoAnswerError(f"the aggregator at {address} does not answer ({type(error).__name__})") from error
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        raise NoAnswerError(
            f"what answers at {address} is no aggregator of this release ({type(error).__name__})"
        ) from error


def _client(address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=address, timeout=ASK_SECONDS, **client_options())
