"""Trace context in the headers of Kafka's records, by the names that W3C gives them. Knows no client library."""

from collections.abc import Sequence

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
LONGEST = 512
"""Longer ones are nobody's trace."""

Headers = Sequence[tuple[str, bytes | None]]


def traceparent_of(headers: Headers) -> str | None:
    """Return the `traceparent` of a record as it stands there, or None. Whether it is one is not looked at."""
    for name, value in headers:
        if name == TRACEPARENT and value is not None and len(value) <= LONGEST:
            return value.decode("latin-1")
    return None


def with_traceparent(headers: list[tuple[str, bytes]], traceparent: str | None) -> list[tuple[str, bytes]]:
    """Return headers with this trace context beside; the same list where there is none."""
    return headers if traceparent is None else [*headers, (TRACEPARENT, traceparent.encode("latin-1"))]
