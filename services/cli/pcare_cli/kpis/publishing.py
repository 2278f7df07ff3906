"""`--publish`: disclosure control on a finished reading, and the one instant a day that may be published."""

import datetime as dt
from dataclasses import replace

from pcare_cli.kpis.reading import Reading, ReadingError, Row
from pcare_kpi_aggregator.years import LONDON, midnight
from pcare_schemas.kpis import disclosure
from pcare_schemas.kpis.catalogue import Catalogue

RULE = (
    "Disclosure control is applied: below NCL, of what counts people or what happened to them, 1 to 7 is suppressed "
    "(*) and 8 and more is rounded to the nearest 5."
)
NEVER_LIVE = (
    "Counted from what had been recorded by the end of the day before publication, never from live numbers: "
    "between two rounded readings taken moments apart, one person could be told."
)


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
