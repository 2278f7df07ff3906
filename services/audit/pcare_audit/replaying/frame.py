"""What a replay compares, fixed before it begins: so that what flows on meanwhile is no difference. Pure.

The tables are read as at one instant. A partition's cursor moved in the transaction of its rows, so what the tables
hold is what is of an origin below the cursors, nothing more and nothing less; whatever the topics hold beyond it came
later and is left out.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pcare_schemas.origin import Origin

ACTS = "pcare.acts"
"""Stands for a topic in the origin of what a person did by command."""


class Where(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class Cursor(NamedTuple):
    """What the database says of a partition of submitted records."""

    base_offset: int
    next_offset: int
    recorded: int
    duplicates: int
    rejected: int


class Span(NamedTuple):
    """The offsets [first, end) of a partition that are to be read."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What is compared with what. Handed to every part of a replay.

    `places` numbers the topics that origins name. `published` says up to where each partition's records were published
    when the ends of the topics were taken. `merged` says who each subject that is gone turned out to be, `merges` are
    the texts of the merges by subject, and `pending` those of them that are on their way to the topics.
    `held` are the first offsets that Kafka still has. `late_recorded`, `late_rejected` and
    `late_subjects` are the ends that their topics had before the tables were read: what stands behind may be newer than
    the tables, and what stands before was in the tables when it was written. `rejected_to_end` and `subjects_to_end`
    say that the newest record of a key is among those that are read, even where the oldest are not.
    """

    log: str
    places: tuple[str, ...]
    cursors: Mapping[Where, Cursor]
    published: Mapping[Where, int]
    merged: Mapping[str, str]
    merges: Mapping[str, str]
    pending: frozenset[str]
    rules: Mapping[str, Mapping[str, Any]]
    taken_at: dt.datetime
    submitted: Mapping[Where, Span] = field(default_factory=dict)
    held: Mapping[Where, int] = field(default_factory=dict)
    recorded: Mapping[Where, Span] = field(default_factory=dict)
    rejected: Mapping[Where, Span] = field(default_factory=dict)
    subjects: Mapping[Where, Span] = field(default_factory=dict)
    late_recorded: Mapping[Where, int] = field(default_factory=dict)
    late_rejected: Mapping[Where, int] = field(default_factory=dict)
    late_subjects: Mapping[Where, int] = field(default_factory=dict)
    log_whole: bool = True
    rejected_whole: bool = True
    subjects_whole: bool = True
    rejected_to_end: bool = True
    subjects_to_end: bool = True
    rejected_kept_from: int = 0
    buckets: int = 8

    def place_of(self, topic: str) -> int | None:
        """Return the number of a topic that origins name, or None for one that the database does not know."""
        try:
            return self.places.index(topic)
        except ValueError:
            return None

    def is_later(self, origin: Origin) -> bool:
        """Whether what has this origin came after the tables were read."""
        cursor = self.cursors.get(Where(origin.topic, origin.partition))
        return cursor is not None and origin.offset >= cursor.next_offset

    def must_be_published(self, origin: Origin) -> bool:
        """Whether what the tables hold of this origin must stand on the topics as they are read."""
        if origin.topic == ACTS:
            return not self.pending
        where = Where(origin.topic, origin.partition)
        published = self.published.get(where)
        return published is None or origin.offset < published

    def person(self, subject: str) -> str:
        """Return who a subject turned out to be."""
        return self.merged.get(subject, subject)
