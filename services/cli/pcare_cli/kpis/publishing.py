"""`--publish`: disclosure control on a finished reading, and the one instant a day that may be published."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from pcare_cli.kpis.reading import AREAS, Reading, ReadingError, Row
from pcare_kpi_aggregator.years import LONDON, midnight
from pcare_schemas.kpis import disclosure
from pcare_schemas.kpis.areas import NCL
from pcare_schemas.kpis.catalogue import Catalogue

RULE = (
    "Disclosure control is applied: below NCL, of what counts people or what happened to them, 1 to 7 is suppressed "
    "(*) and 8 and more is rounded to the nearest 5."
)
NEVER_LIVE = (
    "Counted from what had been recorded by the end of the day before publication, never from live numbers: "
    "between two rounded readings taken moments apart, one person could be told."
)

Part = Literal["numerator", "denominator"]


def moments(as_of: dt.date | None, *, publish: bool, now: dt.datetime) -> tuple[int, int | None]:
    """Return the instant to count at, and by when an event must have been recorded to count (None: by now).

    The end of the London day `as_of`; to publish, that of yesterday by default, and always only what had been
    recorded by the end of yesterday, so that one day's publications are all alike. Raises ReadingError for a day that
    has not ended.
    """
    today = now.astimezone(LONDON).date()
    day = as_of or today - dt.timedelta(days=1)
    if day >= today:
        raise ReadingError(f"{day} has not ended in London: --as-of takes a past day.")
    return midnight(day + dt.timedelta(days=1)), midnight(today) if publish else None


def publish(reading: Reading, catalogue: Catalogue) -> Reading:
    """Return the reading as it may leave the programme."""
    rows = tuple(_publish(row, catalogue) for row in reading.rows)
    return replace(reading, rows=rows, published=True, notes=(RULE, NEVER_LIVE, *reading.notes))


def warning(public: Reading) -> str | None:
    """Name the withheld numbers that follow all the same from NCL's exact ones: for who publishes, not for others."""
    named = [f"{kpi} of {year}, {AREAS[area]}" for kpi, year, area in _told(public)]
    if not named:
        return None
    return (
        "Look before you publish: the method withholds these, but they follow from NCL's exact number and the other "
        f"boroughs'. Leave out one or the other: {'; '.join(named)}."
    )


def _told(public: Reading) -> Iterator[tuple[str, str, str]]:
    tables: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in public.rows:
        tables[row.kpi, row.year].append(row)
    kinds = {kpi.id: kpi.kind for kpi in public.kpis}
    for (kpi, year), rows in tables.items():
        if kinds[kpi] == "mean":
            continue  # its sum is withheld everywhere, and what it rests on is rounded by the field
        share = kinds[kpi] == "share"
        areas = _told_of(rows, "numerator", any_number=share) | _told_of(rows, "denominator", any_number=False)
        yield from ((kpi, year, area) for area in AREAS if area in areas)


def _told_of(rows: Sequence[Row], part: Part, *, any_number: bool) -> set[str]:
    """Return the areas of which a part is withheld and follows. A share's numerator may be withheld whatever it is."""
    whole = next((getattr(row, part) for row in rows if row.area == NCL), None)
    numbers = {row.area: getattr(row, part) for row in rows if row.area != NCL}
    if not whole or None not in numbers.values():
        return set()
    withheld = (0, whole) if any_number else disclosure.span(None)
    spans = {area: withheld if number is None else disclosure.span(number) for area, number in numbers.items()}
    return {area for area in disclosure.told(whole, spans) if numbers[area] is None}


def _publish(row: Row, catalogue: Catalogue) -> Row:
    """Withhold or round a row. Beside a protected number only the target is left: the number follows from all else."""
    kpi = catalogue[row.kpi]
    if not disclosure.protected(kpi, row.area):
        return row
    shown = disclosure.published(kpi, row.area, row.value, row.numerator, row.denominator)
    return Row(
        row.kpi,
        row.area,
        row.year,
        shown.value,
        shown.numerator,
        shown.denominator,
        target=row.target,
        suppressed=shown.suppressed,
    )
