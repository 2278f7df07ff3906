"""When a provider that normally sends by a certain hour is overdue. Pure, but for the calendar of bank holidays.

Hours are London's. A delivery counts for a day if it came no more than half a day before its hour, or later: so that a
batch of the evening before counts, and what came on Friday does not count for Monday.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import holidays

from pcare_cli.providers.words import DAYS
from pcare_schemas.validity import LONDON

BEFORE = dt.timedelta(hours=12)
A_DAY = dt.timedelta(days=1)
LOOK_BACK_DAYS = 14
"""Among so many days there is one on which something is expected: holidays do not last longer."""

IsHoliday = Callable[[dt.date], bool]


@dataclass(frozen=True, slots=True)
class Expectation:
    """By when something is to have come, on which weekdays (0 is Monday). Nothing was expected before `since`."""

    by: dt.time
    days: frozenset[int]
    on_bank_holidays: bool
    since: dt.datetime

    def last_hour(self, now: dt.datetime, is_holiday: IsHoliday) -> dt.datetime | None:
        """Return the latest instant by which something was expected, or None if there was none yet."""
        day = now.astimezone(LONDON).date()
        for _ in range(LOOK_BACK_DAYS):
            hour = dt.datetime.combine(day, self.by, LONDON).astimezone(dt.UTC)
            if hour < self.since:
                return None
            if hour <= now and day.weekday() in self.days and (self.on_bank_holidays or not is_holiday(day)):
                return hour
            day -= A_DAY
        return None

    def overdue(
        self, now: dt.datetime, arrived: dt.datetime | None, known_since: dt.datetime, is_holiday: IsHoliday
    ) -> float | None:
        """Return for how many seconds it has been overdue: 0 if it is not.

        None where that is not known: nothing is known of before `known_since`.
        """
        hour = self.last_hour(now, is_holiday)
        if hour is None or (arrived is not None and arrived > hour - BEFORE):
            return 0.0
        return (now - hour).total_seconds() if known_since <= hour - BEFORE else None


@cache
def _of_england(year: int) -> frozenset[dt.date]:
    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=year))


def is_bank_holiday(day: dt.date) -> bool:
    """Tell whether a day is a bank holiday in England, as far as this release's calendar knows."""
    return day in _of_england(day.year)


def weekdays(names: Iterable[str]) -> frozenset[int]:
    """Return the numbers of weekdays."""
    return frozenset(DAYS.index(name) for name in names)
