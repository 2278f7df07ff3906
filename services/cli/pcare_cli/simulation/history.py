"""When things happened in a made-up past: on working days, in working hours, and more of them as time goes on."""

import datetime as dt
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
OPENS, CLOSES = dt.time(8), dt.time(18)
GROWTH = 1.5  # on the last day so many times more happens than on the first, and one time besides
SATURDAY = 5


def instants(since: dt.date, now: dt.datetime, count: int) -> list[dt.datetime]:
    """Return `count` instants in order, from the day `since` in London to `now`; always the same for the same.

    Where no working day lies between, they are spread evenly over what does.
    """
    days = _working_days(since, now)
    if not days:
        start = dt.datetime.combine(since, dt.time(), LONDON).astimezone(dt.UTC)
        return [start + (now - start) * number / count for number in range(count)]
    weights = [1 + GROWTH * number / len(days) for number in range(len(days))]
    total = sum(weights)
    told: list[dt.datetime] = []
    reached = 0.0
    for (opens, closes), weight in zip(days, weights, strict=True):
        reached += weight
        today = round(count * reached / total) - len(told)
        told += [opens + (closes - opens) * number / today for number in range(today)]
    return told


def _working_days(since: dt.date, now: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return when each working day opens and closes, in UTC; the last one closes now."""
    days = []
    today = now.astimezone(LONDON).date()
    for number in range((today - since).days + 1):
        day = since + dt.timedelta(days=number)
        opens, closes = (dt.datetime.combine(day, hour, LONDON).astimezone(dt.UTC) for hour in (OPENS, CLOSES))
        if day.weekday() < SATURDAY and opens < now:
            days.append((opens, min(closes, now)))
    return days
