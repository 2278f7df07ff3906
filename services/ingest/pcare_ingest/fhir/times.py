"""FHIR's dates as events have them. A day is one in London, and begins there."""

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OLDEST_BAND = 90


def instant(value: Any) -> Any:
    """Return a date or dateTime as the time of an event: of a mere day, its first moment in London.

    What is neither comes back as it is, for the check of the event to refuse.
    """
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return value
    try:
        return dt.datetime.combine(dt.date.fromisoformat(value), dt.time(), LONDON).isoformat()
    except ValueError:
        return value


def day(value: Any) -> Any:
    """Return the day in London of a date or dateTime; what is neither comes back as it is."""
    moment = _moment(instant(value))
    return value if moment is None else moment.astimezone(LONDON).date().isoformat()


def same_always(value: Any) -> str:
    """Return an instant as text that is the same however it was written."""
    moment = _moment(value)
    return str(value) if moment is None else moment.astimezone(dt.UTC).isoformat()


def age_band(born: Any, at: Any) -> str | None:
    """Return the five-year age band of somebody born then, at that instant; None where it cannot be told.

    Of a birth date without a day or month the band is told where all days of it agree.
    """
    moment = _moment(at)
    earliest, latest = _span(born)
    if moment is None or earliest is None or latest is None:
        return None
    on = moment.astimezone(LONDON).date()
    bands = {_band(_age(birth, on)) for birth in (earliest, latest)}
    return bands.pop() if len(bands) == 1 else None


def _moment(value: Any) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(value)
        return moment if moment.tzinfo is not None and 1 < moment.year < dt.MAXYEAR else None
    except (ValueError, TypeError):
        return None


def _span(born: Any) -> tuple[dt.date | None, dt.date | None]:
    found = re.fullmatch(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?", born) if isinstance(born, str) else None
    if found is None:
        return None, None
    year, month, day_of_month = int(found[1]), found[2], found[3]
    try:
        first = dt.date(year, int(month or 1), int(day_of_month or 1))
        if day_of_month:
            return first, first
        following = dt.date(year + 1, 1, 1) if not month or int(month) == 12 else dt.date(year, int(month) + 1, 1)
        return first, following - dt.timedelta(days=1)
    except ValueError:
        return None, None


def _age(born: dt.date, on: dt.date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _band(age: int) -> str | None:
    if not 0 <= age < 130:
        return None
    if age >= _OLDEST_BAND:
        return f"{_OLDEST_BAND}+"
    return f"{age // 5 * 5}-{age // 5 * 5 + 4}"
