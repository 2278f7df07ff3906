"""London's calendar, for the audit alone: whoever counts the same numbers elsewhere has a calendar of their own.

Instants are aware and in UTC. A financial year is named by the calendar year in which it begins.
"""

import calendar
import datetime as dt
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
A_DAY = dt.timedelta(days=1)


def year_of(instant: dt.datetime) -> int:
    """Return the financial year in which an instant lies: it turns on 1 April at 00:00 by London's clocks."""
    day = instant.astimezone(LONDON).date()
    return day.year if day.month >= 4 else day.year - 1


def start_of_year(year: int) -> dt.datetime:
    """Return the instant at which a financial year begins, and the one before it ends."""
    return midnight(dt.date(year, 4, 1))


def midnight(day: dt.date) -> dt.datetime:
    """Return the instant at which a day begins in London."""
    return instant_of(dt.datetime.combine(day, dt.time()))


def end_of_day(instant: dt.datetime) -> dt.datetime:
    """Return the instant at which the London day ends on which an instant lies."""
    return midnight(instant.astimezone(LONDON).date() + A_DAY)


def months_after(instant: dt.datetime, months: int) -> dt.datetime:
    """Return the instant with the same London wall time so many calendar months later.

    Where that month has no such day, it is the month's last day: 29 February becomes 28 February.
    """
    wall = instant.astimezone(LONDON).replace(tzinfo=None)
    years, month = divmod(wall.month - 1 + months, 12)
    year, month = wall.year + years, month + 1
    day = min(wall.day, calendar.monthrange(year, month)[1])
    return instant_of(wall.replace(year=year, month=month, day=day))


def instant_of(wall: dt.datetime) -> dt.datetime:
    """Return the instant of a naive London wall time; of one that clocks show twice, or skip, the later reading."""
    return max(wall.replace(tzinfo=LONDON, fold=fold).astimezone(dt.UTC) for fold in (0, 1))
