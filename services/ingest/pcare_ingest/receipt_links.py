"""Where the receipt of an accepted event is: /events/{source}/{id}?at={topic}/{partition}/{offset}."""

from functools import lru_cache
from urllib.parse import quote

from pcare_ingest.intake import Verdict


def of(verdict: Verdict) -> str | None:
    """Return the address of an event's receipt, or None where it was not stored."""
    stored = verdict.at
    if stored is None or verdict.source is None or verdict.id is None:
        return None
    address = f"{_by_source(verdict.source)}{verdict.id}"  # an id that was taken holds nothing to encode
    if stored.offset is None:
        return address
    return f"{address}?at={stored.topic}/{stored.partition}/{stored.offset}"


def to(source: str, id: str, at: object = None) -> str:  # noqa: A002
    """Return the address of the receipt of any event that was taken."""
    address = f"{_by_source(source)}{quote(id, safe=':')}"
    return address if at is None else f"{address}?at={at}"


@lru_cache(maxsize=1024)
def _by_source(source: str) -> str:
    return f"/events/{quote(source, safe='')}/"


def rejections(source: str, after: str | None = None) -> str:
    """Return the address of a provider's rejections, behind `after` if that is given."""
    address = f"/rejections?source={quote(source, safe='')}"
    return address if after is None else f"{address}&after={quote(after, safe='')}"
