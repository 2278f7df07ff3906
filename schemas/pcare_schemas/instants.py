"""Instants as text, always the same text for the same instant."""

import datetime as dt


def utc(instant: dt.datetime) -> str:
    """Return an aware instant as RFC 3339 in UTC, with microseconds only if there are any."""
    return _utc(instant, "microseconds" if instant.microsecond else "seconds")


def utc_milliseconds(instant: dt.datetime) -> str:
    """Return an aware instant as RFC 3339 in UTC to the millisecond, finer parts cut off."""
    return _utc(instant, "milliseconds")


def _utc(instant: dt.datetime, to: str) -> str:
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return instant.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec=to) + "Z"
