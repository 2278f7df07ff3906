"""Instants, financial years and the Europe/London calendar.

An instant is an integer: microseconds since 1970-01-01T00:00Z. A financial year is named by the calendar year in
which it starts: 2023 is 1 April 2023 00:00 Europe/London (inclusive) to 1 April 2024 00:00 (exclusive), "2023/24".
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
DAY = 86_400 * SECOND
END_OF_TIME = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
"""Later than anything that can be stated: the end of what has no end."""

_FIRST_LISTED = 2000
_LAST_LISTED = 2100


def instant_of(moment: datetime) -> int:
    """Return the instant of an aware `moment`."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(instant: int) -> datetime:
    """Return `instant` as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=instant)


def iso(instant: int) -> str:
    """Return `instant` in RFC 3339, UTC, with microseconds."""
    return moment_of(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def midnight(day: date) -> int:
    """Return the instant at which `day` begins in London. Midnight there is never skipped and never repeated."""
    return instant_of(datetime(day.year, day.month, day.day, tzinfo=LONDON))


def end_of_day(instant: int) -> int:
    """Return the instant at which the London day that holds `instant` ends."""
    day = moment_of(instant).astimezone(LONDON).date()
    return midnight(day + timedelta(days=1)) if day < date.max else END_OF_TIME


@lru_cache(maxsize=1024)
def start_of(year: int) -> int:
    """Return the first instant of a financial year."""
    return midnight(date(year, 4, 1))


def end_of(year: int) -> int:
    """Return the first instant after a financial year."""
    return start_of(year + 1)


_STARTS = [start_of(year) for year in range(_FIRST_LISTED, _LAST_LISTED + 1)]


def year_of(instant: int) -> int:
    """Return the financial year that holds `instant`."""
    if _STARTS[0] <= instant < _STARTS[-1]:
        return _FIRST_LISTED - 1 + bisect_right(_STARTS, instant)
    day = moment_of(instant).astimezone(LONDON).date()
    return day.year if (day.month, day.day) >= (4, 1) else day.year - 1


def label(year: int) -> str:
    """Return how the plan writes a financial year: `2023/24`."""
    return f"{year}/{(year + 1) % 100:02d}"


def year_from_label(text: str) -> int:
    """Return the financial year written `2023/24`. Raises ValueError for anything else."""
    start = text[:4]
    if not (start.isascii() and start.isdigit()) or label(int(start)) != text:
        raise ValueError(f"{text!r} is not a financial year: write it as 2023/24")
    return int(start)


def months_later(instant: int, months: int) -> int:
    """Return the instant that shows the same London date and wall time `months` calendar months later.

    The 29 February becomes the 28th in a common year (so for other months' missing days). A wall time that the
    clocks show twice, or skip, is read as the later of its two readings: so a plan never lapses early. PostgreSQL
    reads both in the same way.
    """
    wall = moment_of(instant).astimezone(LONDON)
    index = wall.year * 12 + wall.month - 1 + months
    year, month = divmod(index, 12)
    day = min(wall.day, _days_in(year, month + 1))
    target = wall.replace(year=year, month=month + 1, day=day)
    return max(instant_of(target.replace(fold=0)), instant_of(target.replace(fold=1)))


def _days_in(year: int, month: int) -> int:
    return (date(year + month // 12, month % 12 + 1, 1) - date(year, month, 1)).days
