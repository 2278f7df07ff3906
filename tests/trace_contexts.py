"""Trace contexts as somebody else states them, anew for each call."""

from uuid import uuid4


def stated(flags: str = "01") -> str:
    """Return a `traceparent`. Each id has a letter: one of digits only may spell an NHS number, and is then none."""
    return f"00-a{uuid4().hex[1:]}-a{uuid4().hex[:15]}-{flags}"
