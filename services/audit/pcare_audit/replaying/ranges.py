"""From where to where topics are read: `--from` and `--to`, as offsets or as times. Pure.

An offset is `topic/partition/offset`, for that partition alone; a time is for every partition, by the broker's clock.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pcare_audit.replaying.frame import Span, Where
from pcare_audit.replaying.linking import milliseconds
from pcare_schemas.origin import Origin


class RangeError(ValueError):
    """A bound cannot be read. The message says which, and what it must look like."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where to begin, or where to end."""

    at: dt.datetime | None = None
    offsets: Mapping[Where, int] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether anything was asked for."""
        return self.at is not None or bool(self.offsets)

    def times(self, partitions: Sequence[Where]) -> dict[Where, int]:
        """Return, in milliseconds, at what time to look up the offset of which partitions."""
        if self.at is None:
            return {}
        at = max(0, milliseconds(self.at))  # Kafka takes no time before 1970, when there was none
        return {where: at for where in partitions if where not in self.offsets}


def bounds(texts: Sequence[str], option: str) -> Bounds:
    """Read the values of `--from` or of `--to`. Raises RangeError."""
    at: dt.datetime | None = None
    offsets: dict[Where, int] = {}
    for text in texts:
        try:
            origin = Origin.parse(text)
        except ValueError:
            if at is not None:
                raise RangeError(f"{option} has two times. Say one, for all partitions.") from None
            at = _time(text, option)
        else:
            offsets[Where(origin.topic, origin.partition)] = origin.offset
    return Bounds(at, offsets)


def narrowed(
    held: Mapping[Where, Span],
    begin: Bounds,
    end: Bounds,
    begin_at: Mapping[Where, int | None],
    end_at: Mapping[Where, int | None],
) -> dict[Where, Span]:
    """Return what is to be read of partitions that hold so much; `begin_at` and `end_at` are offsets of the times."""
    found: dict[Where, Span] = {}
    for where, span in held.items():
        first = begin.offsets.get(where, _offset(begin_at, where, span))
        last = end.offsets.get(where, _offset(end_at, where, span))
        first = max(span.first, span.first if first is None else first)
        last = min(span.end, span.end if last is None else last)
        found[where] = Span(first, max(first, last))
    return found


def _offset(at: Mapping[Where, int | None], where: Where, span: Span) -> int | None:
    if where not in at:
        return None
    found: Any = at[where]
    return span.end if found is None else int(found)  # nothing was written as late as that


def _time(text: str, option: str) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise RangeError(
            f"{option} is a record, topic/partition/offset, or a time with its offset, 2024-03-31T00:00:00+00:00; "
            f"not {text!r}."
        )
    return at
