"""What the columns of a row must hold, worked out from the event in the log alone. Pure.

An auditor's own derivation: it shares no line with the recorder, so that a mistake there shows. Both sides of a
comparison are brought to one form, and that to a digest, so that a million of them fit where a thousand rows would.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from pcare_audit import london
from pcare_audit.facts import REFERENCES
from pcare_schemas.content import hash_of
from pcare_schemas.envelope import TYPE_PREFIX, TYPE_SUFFIX
from pcare_schemas.kpis.year_labels import label
from pcare_schemas.log import LogLine

COLUMNS: Final = (
    "occurred_at",
    "recorded_at",
    "month",
    "financial_year",
    "kind",
    "borough",
    "pcn",
    "practice",
    "age_band",
    "sex",
    "ethnic_category",
    "imd_decile",
    "subject",
    "source",
    "id",
    "cohorts",
    "reasons",
    "setting",
    "situation",
    "starts",
    "one_off",
    "ref_source",
    "ref",
    "retracts",
    "details",
    "content_sha256",
    "rules_version",
)
"""Every column of pcare.interventions but those of the origin, by which a row is found."""

DETAILS: Final = COLUMNS.index("details")

_ALIKE: Final = (
    "borough",
    "pcn",
    "practice",
    "age_band",
    "sex",
    "ethnic_category",
    "imd_decile",
    "cohorts",
    "reasons",
    "setting",
    "situation",
    "one_off",
    "retracts",
)
"""Fields of the payload that have a column of their own, as they are."""
_IN_COLUMNS: Final = frozenset({*_ALIKE, "starts"})
_PREFIX, _SUFFIX = len(TYPE_PREFIX), len(TYPE_SUFFIX)
_HOUR = len("2024-06-30T12")
_MOST_HOURS = 200_000

_in_one_form = msgspec.msgpack.Encoder(order="deterministic").encode
_json = msgspec.json.Decoder()
_calendar: dict[str, tuple[dt.date, str]] = {}

Values = tuple[Any, ...]
"""What a row holds, in the order of COLUMNS."""


def derived(line: LogLine) -> Values:
    """Return what the row of an event must hold. Raises ValueError or TypeError where that is no event of ours."""
    data, kind = line.data, line.type[_PREFIX:-_SUFFIX]
    get = data.get
    named_by = REFERENCES.get(kind)
    ref = None if named_by is None else get(named_by)
    starts = get("starts")
    month, year = _month_and_year(line.time)
    return (
        dt.datetime.fromisoformat(line.time),
        dt.datetime.fromisoformat(line.recordedat),
        month,
        year,
        kind,
        get("borough"),
        get("pcn"),
        get("practice"),
        get("age_band"),
        get("sex"),
        get("ethnic_category"),
        get("imd_decile"),
        line.subject,
        line.source,
        line.id,
        get("cohorts"),
        get("reasons"),
        get("setting"),
        get("situation"),
        None if starts is None else dt.date.fromisoformat(starts),
        get("one_off"),
        None if ref is None else get("ref_source") or line.source,
        ref,
        get("retracts"),
        _rest(data, named_by if ref is not None else None),
        hash_of(line.type, line.subject, line.time, data),
        line.rulesversion,
    )


def held(row: Sequence[Any]) -> Values:
    """Return what a row of the table holds, given in the order of COLUMNS, with `details` as text."""
    details = row[DETAILS]
    values = tuple(row)
    if details is None:
        return values
    return (*values[:DETAILS], _json.decode(details), *values[DETAILS + 1 :])


def digest(values: Values) -> bytes:
    """Return 16 bytes that are the same for the same values, and for no others that anybody could find."""
    return blake2b(_in_one_form(values), digest_size=16).digest()


def text_digest(text: bytes, traceparent: bytes | None = None) -> bytes:
    """Return the same of a published text and the trace that its record belongs to."""
    return blake2b(text if traceparent is None else b"%b\0%b" % (text, traceparent), digest_size=16).digest()


def unlike(expected: Values, found: Values) -> list[tuple[str, str, str]]:
    """Return the columns that differ, each with what must be there and what is."""
    return [
        (name, in_words(one), in_words(other))
        for name, one, other in zip(COLUMNS, expected, found, strict=True)
        if not _is_same(one, other)
    ]


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values have one form, as `digest` has it: to Python 7 and 7.0 are equal, and so are 1 and true."""
    return bool(one == other) and _in_one_form(one) == _in_one_form(other)


def in_words(value: Any) -> str:
    """Return what a column holds, for a person to read."""
    if value is None:
        return "nothing"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict | list):
        return msgspec.json.encode(value, order="deterministic").decode()
    return value.isoformat() if isinstance(value, dt.datetime | dt.date) else str(value)


def _rest(data: Mapping[str, Any], named_by: str | None) -> dict[str, Any] | None:
    """Return what no column has, or None. The reference is in its columns only where there is one."""
    rest = {name: value for name, value in data.items() if name not in _IN_COLUMNS}
    if named_by is not None:
        rest.pop(named_by, None)
        rest.pop("ref_source", None)
    return rest or None


def _month_and_year(time: str) -> tuple[dt.date, str]:
    """Return the month in London and the financial year of a time in UTC. London's clocks turn at whole hours."""
    hour = time[:_HOUR]
    known = _calendar.get(hour)
    if known is None:
        instant = dt.datetime.fromisoformat(time)
        day = instant.astimezone(london.LONDON).date()
        if len(_calendar) >= _MOST_HOURS:
            _calendar.clear()
        known = _calendar[hour] = (day.replace(day=1), label(london.year_of(instant)))
    return known
