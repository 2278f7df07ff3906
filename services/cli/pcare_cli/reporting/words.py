"""Texts and numbers as a person reads them on the page; whatever a sender wrote, it does nothing there but stand."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from pcare_cli.kpis.reading import AREAS
from pcare_cli.reporting.document import Kpi, Report
from pcare_cli.reporting.replayed import Counted, Replayed
from pcare_kpi_aggregator import wording
from pcare_kpi_aggregator.years import LONDON
from pcare_schemas import identifiers
from pcare_schemas.kpis.areas import NCL
from pcare_schemas.kpis.disclosure import SUPPRESSED

LONGEST = 400
NOTHING = wording.NOTHING
AREA_NAMES = {**AREAS, NCL: "North Central London"}
UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that are not seen, or change the order of those that are."""


def seen(value: Any) -> str:
    """Return a sender's text so that all of it is seen, and no NHS number.

    Control characters stand by number, and of a long text the beginning. What is no text stands as JSON.
    """
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = identifiers.mask(text)
    shown = ours(text[:LONGEST])
    return shown if len(text) <= LONGEST else f"{shown}… ({len(text):,} characters)"


def ours(text: str) -> str:
    """Return a name or a place of this system's own, whole: long hexadecimal digits are no NHS number."""
    return "".join(f"\\u{{{ord(one):x}}}" if unicodedata.category(one) in UNSEEN else one for one in text)


def number(kpi: Kpi, told: Counted | None, *, suppressed: bool = False) -> str:
    """Return a number and, if it is a share, what it is made of."""
    if suppressed:
        return SUPPRESSED
    if told is None:
        return NOTHING
    shown = value(kpi, told.value)
    if kpi.kind == "share" and told.denominator and told.numerator is not None:
        return f"{shown} ({told.numerator:,} of {told.denominator:,})"
    return shown


def value(kpi: Kpi, amount: float | None) -> str:
    """Return a value of a KPI: `1,204`, `87.0%`, `7.42`; a dash where there is none."""
    return wording.number(kpi.kind, amount)  # type: ignore[arg-type] # one of the catalogue's three


def moment(text: str | None) -> str:
    """Return an instant of ISO 8601 as London reads it: `29 November 2026, 14:03:27`; with the zone it was in."""
    if not text:
        return NOTHING
    local = datetime.fromisoformat(text).astimezone(LONDON)
    return f"{local.day} {local:%B %Y, %H:%M:%S} {local:%Z}"


def short(text: str | None) -> str:
    """Return an instant as London reads it, for a narrow column: `29 Nov 2026, 14:03`."""
    if not text:
        return NOTHING
    local = datetime.fromisoformat(text).astimezone(LONDON)
    return f"{local.day} {local:%b %Y, %H:%M}"


def day(text: str) -> str:
    """Return the London day of an instant."""
    local = datetime.fromisoformat(text).astimezone(LONDON)
    return f"{local.day} {local:%B %Y}"


def many(how_many: int, what: str) -> str:
    """Return `1 event`, `1,204 events`."""
    return wording.counted(how_many, what)


def verdict(report: Report) -> str:
    """Return the verdict as a headline that needs no explanation."""
    replay = report.replay
    if replay.equal:
        return "Equal: everything that was compared agrees."
    if replay.differences_total:
        return f"Not equal: {many(replay.differences_total, 'difference')} found."
    return "Not decided: not everything could be compared."


def verdict_in_full(report: Report) -> list[str]:
    """Return what the verdict rests on, in sentences."""
    replay = report.replay
    compared = sum(check.compared for check in replay.checks)
    said = [f"{many(compared, 'comparison')} in {many(len(replay.checks), 'check')}: {_of_what(replay)}."]
    if replay.equal:
        said.append(
            "In what was read, no event is missing, none was added, and none was changed, as far as these checks reach."
        )
    elif replay.differences_total:
        said.append(
            "The log, the database and the running service do not tell the same story. Each difference is listed "
            "below, with what it means and what to do about it."
        )
    if replay.troubles:
        stood = "thing" if len(replay.troubles) == 1 else "things"
        said.append(f"{len(replay.troubles)} {stood} stood in the way of the comparison; see below.")
    if replay.left_out:
        said.append(f"Left out, and not vouched for: {'; '.join(replay.left_out)}.")
    said.append(_about_numbers(report))
    if not replay.scope.whole:
        said.append("Only a part of the log was read: what lies outside is not vouched for.")
    return said


def _of_what(replay: Replayed) -> str:
    records = sum(one.records for one in replay.scope.topics)
    parts = [f"{many(records, 'record')} read from Kafka"]
    if (rows := replay.counts.get("rows")) is not None:
        parts.append(f"{many(rows, 'row')} of the database")
    return " and ".join(parts)


def _about_numbers(report: Report) -> str:
    if not report.numbers:
        return f"The indicators were not compared: {report.replay.kpis_why_not or 'the replay counted none'}."
    unlike = sum(not number.exact for number in report.numbers)
    if unlike:
        return f"{unlike:,} of {many(len(report.numbers), 'indicator value')} are not the same in all ways of counting."
    return f"All {many(len(report.numbers), 'indicator value')} are the same {_ways(report)}."


def _ways(report: Report) -> str:
    """Say by which ways the indicators were counted: no report may vouch for a way that nobody asked."""
    asked = {
        "by replay": [number.replay for number in report.numbers],
        "in the database": [number.sql for number in report.numbers],
        "in the running service": [number.stream for number in report.numbers],
    }
    ways = [words for words, numbers in asked.items() if any(number is not None for number in numbers)]
    return f"{', '.join(ways[:-1])} and {ways[-1]}" if len(ways) > 1 else "".join(ways)


def years_shown(report: Report, most: int) -> Sequence[str]:
    """Return the newest financial years that there are numbers of."""
    return sorted({number.year for number in report.numbers})[-most:]


def css_string(text: str) -> str:
    """Return a text as a string of CSS: whatever it holds, it ends nothing."""
    return '"' + "".join(one if one.isalnum() and one.isascii() else f"\\{ord(one):x} " for one in text) + '"'
