"""What the head of the board says: as at when, how far behind the log, whether all is counted, and what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pcare_kpi_aggregator import wording
from pcare_kpi_aggregator.years import SECOND

LATE = 30 * SECOND
"""Partitions at rest are counted every five seconds; numbers older than this are not the present ones."""

State = Literal["good", "late", "reading"]


@dataclass(frozen=True, slots=True)
class Progress:
    """A partition that is being read: how many of its events so far."""

    partition: int
    read: int
    of: int

    @property
    def words(self) -> str:
        """Say how far it is."""
        return f"Partition {self.partition}: {self.read:,} of {wording.counted(self.of, 'event')} read"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the whole at the moment `now`. `lags` are the offsets not counted yet, a partition each."""

    now: int
    complete: bool
    oldest: int | None
    lags: Sequence[int | None]
    missing: Sequence[int]
    reading: Sequence[Progress]
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class Status:
    """The head, in words. `sentence` is what is read out when it changes, so it holds nothing that changes always."""

    state: State
    sentence: str
    as_at: str | None
    time: str | None
    age_seconds: float
    behind: str
    counted: str
    reading: Sequence[Progress]
    reasons: Sequence[str]


def status_of(facts: Facts) -> Status:
    """Return what to say about the numbers."""
    age = 0 if facts.oldest is None else max(0, facts.now - facts.oldest)
    shown = facts.complete and facts.oldest is not None
    state: State = "reading"
    if shown:
        state = "late" if age > LATE or None in facts.lags else "good"
    return Status(
        state=state,
        sentence=_sentence(state, age),
        as_at=wording.moment(facts.oldest) if shown and facts.oldest is not None else None,
        time=wording.time_of_day(facts.oldest) if shown and facts.oldest is not None else None,
        age_seconds=round(age / SECOND, 1),
        behind=_behind(facts.lags, age),
        counted=_counted(facts),
        reading=facts.reading,
        reasons=facts.reasons,
    )


def _sentence(state: State, age: int) -> str:
    if state == "reading":
        return "Not all events are counted yet. The numbers appear here by themselves."
    if state == "good":
        return "Complete and up to date."
    if age > LATE:
        return "These numbers are old: some events are not being counted at present."
    return "Kafka does not answer: nobody can say which events are still to be counted."


def _behind(lags: Sequence[int | None], age: int) -> str:
    known = [lag for lag in lags if lag is not None]
    events = "An unknown number of events" if len(known) < len(lags) else wording.counted(sum(known), "event")
    return f"{events} and {wording.duration(age)} behind the log"


def _counted(facts: Facts) -> str:
    total, missing = len(facts.lags), len(facts.missing)
    if not total:
        return "Waiting for Kafka"
    if missing:
        return f"{total - missing} of {total} partitions counted"
    if not facts.complete:
        return f"All {total} partitions read, waiting for Kafka to say where the log ends"
    return f"complete: all {total} partitions counted"
