"""Instants as text, always the same text for the same instant."""

import datetime as dt

_OFFSET = len("+00:00")


def utc(instant: dt.datetime) -> str:
    """Return an aware instant as RFC 3339 in UTC, with microseconds only if there are any."""
    return _in_utc(instant).isoformat()[:-_OFFSET] + "Z"


def utc_milliseconds(instant: dt.datetime) -> str:
    """Return an aware instant as RFC 3339 in UTC to the millisecond, finer parts cut off."""
    return _in_utc(instant).isoformat(timespec="milliseconds")[:-_OFFSET] + "Z"


def _in_utc(instant: dt.datetime) -> dt.datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return instant if instant.tzinfo is dt.UTC else instant.astimezone(dt.UTC)
