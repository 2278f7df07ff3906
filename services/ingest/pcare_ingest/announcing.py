"""Announcing in an answer what its events use of that which is on its way out (RFC 9745, RFC 8594)."""

import datetime as dt
from collections.abc import Sequence
from email.utils import format_datetime

from pcare_schemas.deprecations import Deprecation

PAGE = "/docs/deprecations"


def headers(used: Sequence[Deprecation]) -> dict[str, str]:
    """Return Deprecation, Sunset and Link for what a request used, at least one: of all, the day that comes first.

    Each is linked by name, so that a program can tell which it was.
    """
    announced = {
        "Deprecation": f"@{int(min(map(_since, used)).timestamp())}",
        "Link": ", ".join(f'<{PAGE}#{one.name}>; rel="deprecation"; type="text/html"' for one in used),
    }
    sunsets = [_midnight(one.sunset) for one in used if one.sunset is not None]
    if sunsets:
        announced["Sunset"] = format_datetime(min(sunsets), usegmt=True)
    return announced


def _since(one: Deprecation) -> dt.datetime:
    return _midnight(one.since)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
