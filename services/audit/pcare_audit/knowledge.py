"""What the log told by an instant: events by when they were recorded, and each under the subject it was told of first.

A merge of two subjects is told at an instant too. Before it, what it moved was the other subject's; afterwards the log
holds those events a second time. So everything is read as it was first told, and what was told later is left out.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

from pcare_schemas.instants import utc_milliseconds
from pcare_schemas.log import LogLine
from pcare_schemas.recorded import SUBJECTS_MERGED_TYPE

Merged = Mapping[str, str]
"""By each subject that is gone, the one that it was merged into; which may be gone too."""


def is_merge(line: LogLine) -> bool:
    """Say whether a line merges two subjects, and is no event."""
    return line.type == SUBJECTS_MERGED_TYPE


def merged_by(lines: Iterable[LogLine]) -> dict[str, str]:
    """Return the merges among some lines."""
    return {line.data["gone"]: line.data["kept"] for line in lines if is_merge(line)}


def person_of(subject: str, merged: Merged) -> str:
    """Return who a subject turned out to be, by all merges; itself, where it was never merged."""
    while subject in merged:
        subject = merged[subject]
    return subject


def first_told(lines: Iterable[LogLine], merged: Merged) -> list[LogLine]:
    """Return each event once, as it was first told: of the subject that all others it is told of came from.

    `merged` are all merges there ever were. The lines may come in any order.
    """
    first: dict[tuple[str, str], LogLine] = {}
    for line in lines:
        other = first.setdefault((line.source, line.id), line)
        if other is not line and _steps(line.subject, merged) > _steps(other.subject, merged):
            first[line.source, line.id] = line
    return list(first.values())


def _steps(subject: str, merged: Merged) -> int:
    """Return how many merges lead from a subject to the person."""
    steps = 0
    while subject in merged:
        subject, steps = merged[subject], steps + 1
    return steps


def as_told(instant: dt.datetime) -> str:
    """Return an instant as the log writes when something was recorded, to be compared with it as a text."""
    return utc_milliseconds(instant)


def as_exact_as_the_log(instant: dt.datetime) -> dt.datetime:
    """Return an instant without what the log cannot tell of when something was recorded."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def known(lines: Iterable[LogLine], known_at: dt.datetime | None) -> Iterator[LogLine]:
    """Give what had been recorded before an instant, merges among it; None: all. The lines are as `first_told`."""
    if known_at is None:
        yield from lines
        return
    until = as_told(known_at)
    yield from (line for line in lines if line.recordedat < until)


def order_told(line: LogLine) -> tuple[str, bool, str, int]:
    """Return by what lines are ordered as they were recorded; where that is one instant, by their origin."""
    partition, _, offset = line.origin.rpartition("/")
    return line.recordedat, is_merge(line), partition, int(offset)
