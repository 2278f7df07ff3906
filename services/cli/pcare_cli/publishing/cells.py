"""The text of a cell as the value of a field. Whether the value is right is not judged here, but by ingest.

What cannot be read as its form is passed on as it stands, for ingest to refuse with its own words; only where that
would mislead is it refused here (CellError): dates, and NHS numbers that a spreadsheet has rounded.
"""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from pcare_cli.publishing.fields import Form

LONDON = ZoneInfo("Europe/London")
NOON = dt.time(12)
"""When something took place of which only the day is known: no change of the clocks moves it to another day."""

_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})?)?")
_BRITISH = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?:,? (\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_WHOLE = re.compile(r"([+-]?\d{1,18})(?:\.0+)?")
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?")
_SCIENTIFIC = re.compile(r"(\d)\.?(\d*)[Ee]\+?0*9")
_GROUPING = re.compile("[\\s\u00a0\u2007\u202f-]")
_YES = frozenset({"true", "yes", "y", "1"})
_NO = frozenset({"false", "no", "n", "0"})
_SEPARATORS = "|;,"


class CellError(Exception):
    """A cell that cannot be read. Neither text repeats what it holds."""

    def __init__(self, message: str, expected: str) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected


Value = str | int | float | bool | list[str] | list[int] | list[str | int]


def tidy(text: str) -> str:
    """Return a cell's text without what spreadsheets wrap around it: spaces, `="0123"`, a leading apostrophe."""
    text = text.strip()
    if text[:1] in {"=", "'"}:
        formula = _FORMULA.fullmatch(text)
        text = formula[1].strip() if formula else text.removeprefix("'")
    return text


def reader(form: Form, formats: Sequence[str] = (), separator: str | None = None) -> Callable[[str], Value]:
    """Return what reads a cell of a form. `formats` stand in place of the British ones, beside ISO 8601."""
    if form is Form.DAY:
        return lambda text: _moment(text, formats).date().isoformat()
    if form is Form.INSTANT:
        return lambda text: _instant(text, formats)
    if form in {Form.TEXTS, Form.INTEGERS}:
        return lambda text: _several(text, separator, whole=form is Form.INTEGERS)
    return _PLAIN[form]


def _whole(text: str) -> str | int:
    found = _WHOLE.fullmatch(text)
    return int(found[1]) if found else text


def _number(text: str) -> str | int | float:
    return float(text) if _NUMBER.fullmatch(text) else text


def _boolean(text: str) -> str | bool:
    word = text.lower()
    return True if word in _YES else False if word in _NO else text


def _several(text: str, separator: str | None, *, whole: bool) -> list[str | int]:
    parts = text.split(separator) if separator else re.split(f"[{re.escape(_SEPARATORS)}]", text)
    tidied = [part.strip() for part in parts if part.strip()]
    return [_whole(part) for part in tidied] if whole else list(tidied)


def _nhs_number(text: str) -> str:
    rounded = _SCIENTIFIC.fullmatch(text)
    if rounded:
        digits = (rounded[1] + rounded[2]).rstrip("0")
        if len(rounded[2]) < 9 and len(digits) < 10:
            raise CellError("The spreadsheet has rounded this number.", "the column formatted as text, all ten digits")
        return (rounded[1] + rounded[2]).ljust(10, "0")
    return _GROUPING.sub("", text.removesuffix(".0"))


def _instant(text: str, formats: Sequence[str]) -> str:
    moment = _moment(text, formats)
    return (moment if moment.tzinfo else moment.replace(tzinfo=LONDON)).isoformat()


def _moment(text: str, formats: Sequence[str]) -> dt.datetime:
    try:
        if _ISO.fullmatch(text):
            return _iso(text)
        if formats:
            return _by_format(text, formats)
        found = _BRITISH.fullmatch(text)
        if found:
            day, month, year, hour, minute, second = (None if part is None else int(part) for part in found.groups())
            date = dt.date(year or 0, month or 0, day or 0)
            time = NOON if hour is None else dt.time(hour, minute or 0, second or 0)
            return dt.datetime.combine(date, time)
    except ValueError:
        pass
    raise CellError("No date, or one in another form than expected.", _expected(formats))


def _iso(text: str) -> dt.datetime:
    if len(text) == 10:
        return dt.datetime.combine(dt.date.fromisoformat(text), NOON)
    return dt.datetime.fromisoformat(text.replace(",", ".").replace("z", "Z"))


def _by_format(text: str, formats: Sequence[str]) -> dt.datetime:
    for number, form in enumerate(formats, start=1):
        try:
            moment = dt.datetime.strptime(text, form)  # noqa: DTZ007 - a cell without an offset is London's time
        except ValueError:
            if number == len(formats):
                raise
            continue
        return moment if _TIME_OF_DAY.search(form) else dt.datetime.combine(moment.date(), NOON)
    raise ValueError("no format")


_TIME_OF_DAY = re.compile("%[HIMScXT]")


def _expected(formats: Sequence[str]) -> str:
    return " or ".join(["2024-04-19", "2024-04-19 10:30", *(formats or ("19/04/2024", "19/04/2024 10:30"))])


_PLAIN: dict[Form, Callable[[str], Value]] = {
    Form.TEXT: str,
    Form.INTEGER: _whole,
    Form.NUMBER: _number,
    Form.BOOLEAN: _boolean,
    Form.NHS_NUMBER: _nhs_number,
}
