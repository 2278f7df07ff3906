"""Numbers and times as people read them: the same words on the board, in JSON and on the command line."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from pcare_kpi_aggregator.years import LONDON, SECOND, moment_of

KindOfValue = Literal["count", "share", "mean"]

NOTHING = "\N{EN DASH}"
"""Stands where there is no number."""

_SIGNIFICANT = 3
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def number(kind: KindOfValue, value: float | None) -> str:
    """Return a value: `1,204`, `87.0%`, `7.42`; a dash where there is none."""
    if value is None:
        return NOTHING
    if kind == "count":
        return f"{whole(value):,}"
    if kind == "mean":
        return f"{_places(value, 2):.2f}"
    places = _share_places(value)
    return f"{_plain(places) if places in {0, 100} else places}%"


def gap(kind: KindOfValue, value: float, trajectory: float) -> float:
    """Return value less trajectory as people see them, so that the three numbers on a page add up."""
    if kind == "count":
        return whole(value) - whole(trajectory)
    if kind == "share":
        return float(_share_places(value) - _share_places(trajectory))
    return float(_places(value, 2) - _places(trajectory, 2))


def difference(kind: KindOfValue, size: float) -> str:
    """Return the size of a gap: `1,204`, `12.5 percentage points`, `0.4`."""
    if kind == "count":
        return f"{whole(size):,}"
    if kind == "mean":
        return _plain(_places(size, 2))
    points = _plain(_share_places(size))
    return f"{points} percentage point{'' if points == '1' else 's'}"


def about(value: float) -> str:
    """Return a forecast with no more digits than it deserves: `26,900`, `847`."""
    rounded = whole(value)
    spare = len(str(rounded)) - _SIGNIFICANT
    if spare > 0:
        unit = 10**spare
        rounded = int((Decimal(rounded) / unit).quantize(Decimal(1), ROUND_HALF_UP)) * unit
    return f"{rounded:,}"


def whole(value: float) -> int:
    """Return the nearest whole number, halves upwards."""
    return int(_places(value, 0))


def time_of_day(instant: int) -> str:
    """Return London's time of day: `14:03:27`."""
    return f"{moment_of(instant).astimezone(LONDON):%H:%M:%S}"


def day(instant: int) -> str:
    """Return London's date: `24 November 2026`."""
    local = moment_of(instant).astimezone(LONDON)
    return f"{local.day} {local:%B %Y}"


def moment(instant: int) -> str:
    """Return when: `14:03:27 on 24 November 2026`."""
    return f"{time_of_day(instant)} on {day(instant)}"


def duration(microseconds: int) -> str:
    """Return how long, in its largest unit: `3 seconds`, `2 minutes`, `5 hours`, `4 days`."""
    seconds = max(0, microseconds) // SECOND
    for size, unit in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= 2 * size or (size == _MINUTE and seconds >= size):
            return counted(seconds // size, unit)
    return counted(seconds, "second")


def counted(many: int, what: str) -> str:
    """Return `1 event`, `1,204 events`."""
    return f"{many:,} {what}{'' if many == 1 else 's'}"


def _places(value: float, places: int) -> Decimal:
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _share_places(value: float) -> Decimal:
    """One place, or two where one would say 0 or 100 and it is not quite."""
    one = _places(value, 1)
    return one if one not in {0, 100} else _places(value, 2)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
