"""`--publish`: disclosure control on a finished report. By default a report is exact, and says so on every page.

An auditor has to see the numbers that were compared; who reads a published report must not learn of one person.
"""

import datetime as dt

import msgspec

from pcare_cli.kpis import publishing
from pcare_cli.kpis.reading import Reading, Row, Shown
from pcare_cli.reporting.document import Number, Report
from pcare_cli.reporting.gathering import at_of
from pcare_cli.reporting.replayed import Counted, Difference, Replayed
from pcare_kpi_aggregator.years import LONDON
from pcare_schemas.kpis import disclosure
from pcare_schemas.kpis.areas import NCL
from pcare_schemas.kpis.catalogue import Catalogue

TOO_NEW = (
    "A replay of today is not published: two of them, moments apart, would tell of one person. Keep its file, "
    "`pcare audit replay --json FILE`, and make the report tomorrow: `pcare audit report --from FILE --publish`."
)
NO_EVENTS = "Which events differ, and in what, is left out: it may be about one person. The exact report names them."
NOT_ALIKE = (
    "Where the ways of counting differ neither the number nor its months are shown: they may differ by one person."
)
ONE_A_DAY = "It rests on a replay of an earlier day. Publish one report a day at most: two may tell of one person."


def too_new(replay: Replayed, now: dt.datetime) -> str | None:
    """Say why a replay may not be published yet, or None. Live numbers, moments apart, would tell of one person."""
    ended = dt.datetime.fromisoformat(replay.ended).astimezone(LONDON).date()
    if ended < now.astimezone(LONDON).date():
        return None
    return TOO_NEW


def publish(report: Report, catalogue: Catalogue) -> tuple[Report, str | None]:
    """Return the report as it may be published, and what to look at before, for who publishes it and not for others."""
    kpis = {kpi.id: kpi for kpi in catalogue.kpis}
    own = [number for number in report.numbers if number.kpi in kpis]
    reading = publishing.publish(_reading(report, own, catalogue), catalogue)
    numbers = [
        _public(number, row, protected=disclosure.protected(kpis[number.kpi], number.area))
        for number, row in zip(own, reading.rows, strict=True)
    ]
    unlike = {(number.kpi, number.year) for number in own if number.area == NCL and not number.exact}
    replay, seal = report.replay, report.checkpoint
    public = msgspec.structs.replace(
        report,
        public=True,
        result_sha256="",  # of numbers that are known but for a few small ones, a hash tells these
        numbers=numbers,
        courses=[course for course in report.courses if (course.kpi, course.year) not in unlike],
        kpis=[kpi for kpi in report.kpis if kpi.id in kpis],
        replay=msgspec.structs.replace(
            replay,
            differences=[_bare(one) for one in replay.differences],
            troubles=[f"Trouble {number}, named in the exact report." for number in range(1, len(replay.troubles) + 1)],
        ),
        checkpoint=None if seal is None else msgspec.structs.replace(seal, findings=[]),
        notes=[publishing.RULE, ONE_A_DAY, *_why_left_out(report), *report.notes],
    )
    return public, publishing.warning(reading)


def _reading(report: Report, numbers: list[Number], catalogue: Catalogue) -> Reading:
    shown = tuple(Shown.from_document(entry) for entry in catalogue.document()["kpis"])
    return Reading(shown, tuple(map(_row, numbers)), at_of(report.replay), report.catalogue)


def _row(number: Number) -> Row:
    told = number.replay or Counted(None, 0, 0)
    return Row(
        number.kpi,
        number.area,
        number.year,
        told.value,
        told.numerator if told.numerator is not None or told.value is None else int(told.value),
        told.denominator,
        target=number.target,
    )


def _why_left_out(report: Report) -> list[str]:
    """Say what a reader of the report would look for in it."""
    notes = [NO_EVENTS] if report.replay.differences else []
    return notes if all(number.exact for number in report.numbers) else [*notes, NOT_ALIKE]


def _public(number: Number, row: Row, *, protected: bool) -> Number:
    """Withhold or round. Where the ways of counting differ nothing is shown: they may differ by one person.

    Nor is what the running service had counted where that was less than there is: that is so many persons less.
    """
    stream = number.stream if number.replay_at_stream is None else None
    if number.exact and not protected:
        return msgspec.structs.replace(number, stream=stream, replay_at_stream=None)
    shown = None
    if number.exact and not row.suppressed:
        shown = Counted(row.value, row.numerator, row.denominator)
    withheld = row.suppressed or not number.exact
    return Number(
        number.kpi,
        number.area,
        number.year,
        number.exact,
        shown,
        shown if number.sql is not None else None,
        shown if stream is not None else None,
        target=number.target,
        suppressed=withheld,
    )


def _bare(one: Difference) -> Difference:
    return Difference(one.kind, "", field=one.field)
