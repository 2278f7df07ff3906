"""What the head of the board says: as at when, how far behind the log, whether all is counted, and what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pcare_kpi_aggregator import wording
from pcare_kpi_aggregator.years import SECOND

LATE = 30 * SECOND
"""Partitions at rest are counted every five seconds; numbers older than this are not the present ones."""

QUIET = 60 * SECOND
"""After so long without a new event the board says for how long, as by night, or when the recorder is down."""

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
    """What is known of the whole at the moment `now`.

    `written` is when the newest event counted was written to the log; None while there is none. `lags` are the offsets
    not counted yet, a partition each; None where Kafka does not say. `heard` is when it last did.
    """

    now: int
    complete: bool
    oldest: int | None
    heard: int
    written: int | None
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
    newest: str
    age_seconds: float
    behind: str
    counted: str
    reading: Sequence[Progress]
    reasons: Sequence[str]


def status_of(facts: Facts) -> Status:
    """Return what to say about the numbers.

    While Kafka is silent the counts go on with the clock, for plans lapse; but what happened since is not in them. So
    they are as old as Kafka's last word.
    """
    silent = None in facts.lags
    as_at = min(facts.oldest or 0, facts.heard) if silent else facts.oldest or 0
    shown = facts.complete and facts.oldest is not None
    age = max(0, facts.now - as_at) if shown else 0
    state: State = "reading"
    if shown:
        state = "late" if age > LATE or silent else "good"
    return Status(
        state=state,
        sentence=_sentence(state, silent=silent),
        as_at=wording.moment(as_at) if shown else None,
        time=wording.time_of_day(as_at) if shown else None,
        newest=_newest(facts.written, facts.now),
        age_seconds=round(age / SECOND, 1),
        behind=_behind(facts.lags, age),
        counted=_counted(facts),
        reading=facts.reading,
        reasons=facts.reasons,
    )


def _sentence(state: State, *, silent: bool) -> str:
    if state == "reading":
        return "Not all events are counted yet. The numbers appear here by themselves."
    if state == "good":
        return "Everything that is recorded is counted."
    if silent:
        return "Kafka does not answer: what happened since then is not in these numbers."
    return "These numbers are old: some events are not being counted at present."


def _behind(lags: Sequence[int | None], age: int) -> str:
    known = [lag for lag in lags if lag is not None]
    events = "An unknown number of events" if len(known) < len(lags) else wording.counted(sum(known), "event")
    return f"{events} and {wording.duration(age)} behind the log"


def _newest(written: int | None, now: int) -> str:
    """Tell it always: where nothing arrives any more although all that arrived is counted, only this shows it."""
    if written is None:
        return "No event is recorded yet."
    quiet = f", {wording.duration(now - written)} ago" if now - written >= QUIET else ""
    return f"Newest event recorded at {wording.moment(written)}{quiet}."


def _counted(facts: Facts) -> str:
    total, missing = len(facts.lags), len(facts.missing)
    if not total:
        return "Waiting for Kafka"
    if missing:
        return f"{total - missing} of {total} partitions counted"
    if not facts.complete:
        return f"All {total} partitions read, waiting for Kafka to say where the log ends"
    return (
        f"all {total} partitions counted up to then"
        if None in facts.lags
        else f"complete: all {total} partitions counted"
    )
