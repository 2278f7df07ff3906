"""Instants, financial years and the Europe/London calendar.

An instant is an integer: microseconds since 1970-01-01T00:00Z. A financial year is named by the calendar year in
which it starts: 2023 is 1 April 2023 00:00 Europe/London (inclusive) to 1 April 2024 00:00 (exclusive), "2023/24".
A month is an integer too: twelve times its financial year, and 0 for April to 11 for March.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MILLISECOND = 1_000
SECOND = 1_000_000
DAY = 86_400 * SECOND
END_OF_TIME = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
"""Later than anything that can be stated: the end of what has no end."""

MONTHS = 12
"""Of a year."""

_APRIL = 4
_DAYS_IN_EVERY_MONTH = 28
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


@lru_cache(maxsize=4096)
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


@lru_cache(maxsize=4096)
def start_of_month(month: int) -> int:
    """Return the first instant of a month."""
    year, calendar_month = divmod(month + _APRIL - 1, MONTHS)
    return midnight(date(year, calendar_month + 1, 1))


def end_of_month(month: int) -> int:
    """Return the first instant after a month."""
    return start_of_month(month + 1)


_FIRST_MONTH = MONTHS * _FIRST_LISTED
_LISTED_MONTHS = list(range(_FIRST_MONTH, MONTHS * _LAST_LISTED + 1))
_MONTH_STARTS = [start_of_month(month) for month in _LISTED_MONTHS]


def month_of(instant: int) -> int:
    """Return the month that holds `instant`."""
    if _MONTH_STARTS[0] <= instant < _MONTH_STARTS[-1]:
        return _LISTED_MONTHS[bisect_right(_MONTH_STARTS, instant) - 1]
    day = moment_of(instant).astimezone(LONDON).date()
    return MONTHS * day.year + day.month - _APRIL


def first_month(year: int) -> int:
    """Return April of a financial year."""
    return MONTHS * year


def last_month(year: int) -> int:
    """Return March of a financial year."""
    return MONTHS * year + MONTHS - 1


def months_later(instant: int, months: int) -> int:
    """Return the instant that shows the same London date and wall time `months` calendar months later.

    The 29 February becomes the 28th in a common year (so for other months' missing days). A wall time that the
    clocks show twice, or skip, is read as the later of its two readings: so a plan never lapses early. PostgreSQL
    reads both in the same way.
    """
    days, time_of_day = divmod(instant + _offset(instant), DAY)
    wall = _day_later(days, months) * DAY + time_of_day
    # London is at +0 or at +1 h. Read at +0 the wall time is an hour later than read at +1 h, so that reading is the
    # one to take, but where the clocks are at +1 h for both.
    summer = _offset(wall)
    return wall - summer if _offset(wall - summer) == summer else wall


@lru_cache(maxsize=16_384)
def _day_later(days: int, months: int) -> int:
    """Return the day so many months later; days are counted from 1970."""
    return _add_months(date.fromordinal(_EPOCH_DAY + days), months).toordinal() - _EPOCH_DAY


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if day.day <= _DAYS_IN_EVERY_MONTH:
        return date(year, month + 1, day.day)
    first = date(year, month + 1, 1)
    days_in_month = (date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1) - first).days
    return first.replace(day=min(day.day, days_in_month))


def _offset(instant: int) -> int:
    """Return how far London's clocks are ahead of UTC, in microseconds."""
    if _CHANGES[0] <= instant < _CHANGES[-1]:
        return _OFFSETS[bisect_right(_CHANGES, instant) - 1]
    return _offset_of_zone(instant)


def _offset_of_zone(instant: int) -> int:
    offset = moment_of(instant).astimezone(LONDON).utcoffset()
    return 0 if offset is None else offset // MICROSECOND


def _changes(first_year: int, last_year: int) -> list[int]:
    """Return the instants at which London's clocks change, found by halving the stretch between two days' offsets."""
    changes = [start_of(first_year)]
    for day in range(start_of(first_year), start_of(last_year), 7 * DAY):
        low, high = day, day + 7 * DAY
        if _offset_of_zone(low) != _offset_of_zone(high):
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset_of_zone(middle) == _offset_of_zone(low) else (low, middle)
            changes.append(high)
    return [*changes, start_of(last_year)]


_EPOCH_DAY = EPOCH.toordinal()
_CHANGES = _changes(_FIRST_LISTED, _LAST_LISTED)
_OFFSETS = [_offset_of_zone(change) for change in _CHANGES]
