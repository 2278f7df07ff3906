"""Which trace the running code works for: what log lines name. Knows no client library."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import NamedTuple


class Ids(NamedTuple):
    """A span's ids, as they are written: 32 and 16 hexadecimal digits."""

    trace_id: str
    span_id: str


_CURRENT: ContextVar[Ids | None] = ContextVar("trace", default=None)


def ids() -> Ids | None:
    """Return the ids of the span that is worked for, or None."""
    return _CURRENT.get()


@contextlib.contextmanager
def working_for(ids: Ids) -> Iterator[None]:
    """Let log lines name this span, in this task and in those that it starts."""
    token = _CURRENT.set(ids)
    try:
        yield
    finally:
        _CURRENT.reset(token)
