"""What becomes of each record of a batch: new, duplicate or rejected. Pure; it reads no clock and no database.

`check` judged each record by itself. Here it is judged against what is recorded: in the database, and earlier in the
same batch. Records are taken in the order of their origins, so of two that claim one id the lowest offset wins.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple

from pcare_recorder.cursors import Partition
from pcare_recorder.persons import UNLINKED, Persons
from pcare_schemas.check import Record, refuse
from pcare_schemas.content import content_hash, hash_of, payload
from pcare_schemas.envelope import PERSON_PREFIX, Event
from pcare_schemas.instants import utc
from pcare_schemas.origin import Origin
from pcare_schemas.rejections import FieldError, Reason, Rejection
from pcare_schemas.retraction import EventRetracted

PERSON = PERSON_PREFIX
RETRACTION = EventRetracted.KIND

EventKey = tuple[str, str]
"""What an event is, everywhere and for ever: (source, id)."""


class Outcome(StrEnum):
    """What became of a record. Every record of a partition has exactly one."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


class Submitted(NamedTuple):
    """A record as it was read, and where it stood."""

    origin: Origin
    record: Record


class Known(NamedTuple):
    """What there is to know of a recorded event.

    `nameable`: whether anybody can still be told to be its subject. Not so for a person whose every pseudonym was
    erased; such a subject is compared by nobody, and nothing is linked to it any more.
    """

    kind: str
    subject: str
    content_sha256: bytes
    nameable: bool = True


class Settled(NamedTuple):
    """A verdict that an origin has already, restored by a rebuild. It stands, and its text is published again.

    So is its `traceparent`, if it has one: what is published again is the same to the byte.
    """

    outcome: Outcome
    key: str
    text: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the database knows of a batch: its events and those they retract, its pseudonyms, its origins.

    `anchor` is the key by which persons are told apart, if a key was ever changed; `anchored` are the subjects that
    have a pseudonym under it, as `Persons` takes them.
    """

    events: Mapping[EventKey, Known] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    anchor: str | None = None
    anchored: Set[str] = frozenset()
    settled: Mapping[Origin, Settled] = field(default_factory=dict)


class NewEvent(NamedTuple):
    """An event to be recorded. `subject` and `data` are as in the log."""

    submitted: Submitted
    event: Event
    subject: str
    data: dict[str, Any]
    content_sha256: bytes


class NewLink(NamedTuple):
    """A pseudonym that is linked to a subject for the first time.

    By the first event about it that is new; or, beside a pseudonym that is linked, by a repeat.
    """

    pseudonym: str
    subject: str
    submitted: Submitted


@dataclass(slots=True)
class Verdicts:
    """What became of a batch. `outcomes` counts every record of it, by partition and outcome.

    `apart` are the events recorded whose two pseudonyms are linked to different subjects.
    """

    events: list[NewEvent] = field(default_factory=list)
    links: list[NewLink] = field(default_factory=list)
    rejections: list[tuple[Submitted, Rejection]] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    apart: list[Submitted] = field(default_factory=list)
    outcomes: Counter[tuple[Partition, Outcome]] = field(default_factory=Counter)


Checked = tuple[Submitted, Event | Rejection]


def asked_keys(batch: Iterable[Checked]) -> set[EventKey]:
    """Return the events that `judge` needs to know of: those of the batch and those they retract."""
    keys: set[EventKey] = set()
    for _, found in batch:
        if not isinstance(found, Rejection):
            keys.add((found.source, found.id))
            target = retracted(found)
            if target is not None:
                keys.add((found.source, target))
    return keys


def asked_pseudonyms(batch: Iterable[Checked]) -> set[str]:
    """Return the pseudonyms that `judge` needs the links of."""
    return {name for _, found in batch if not isinstance(found, Rejection) for name in found.pseudonyms}


def retracted(event: Event) -> str | None:
    """Return the id of the event that this one takes back, or None if it is no retraction."""
    # The kind is asked first: isinstance of a model's class costs as much as all the rest of a verdict.
    return event.data.retracts if event.kind == RETRACTION and isinstance(event, EventRetracted) else None


def judge(batch: Sequence[Checked], recorded: Recorded, new_subject: Callable[[], str]) -> Verdicts:
    """Return what becomes of `batch`, which holds the verdicts of `check`.

    `recorded` covers `asked_keys` and `asked_pseudonyms`. `new_subject` makes the subject of a person not seen
    before: `person:<uuid>`, never the same twice. Nobody begins with an event that will not be a new row, so that a
    repeat cannot bring back a link that was erased; all it may do is to link another pseudonym beside one that stands.
    """
    return _Judge(recorded, new_subject).judge(batch)


class _Judge:
    def __init__(self, recorded: Recorded, new_subject: Callable[[], str]) -> None:
        self._recorded = recorded
        self._persons = Persons(recorded.links, recorded.anchor, new_subject, recorded.anchored)
        self._accepted: dict[EventKey, Known] = {}
        self._verdicts = Verdicts()

    def judge(self, batch: Sequence[Checked]) -> Verdicts:
        for place, stretch in groupby(sorted(batch, key=_by_origin), key=_by_partition):
            counts = Counter(self._outcome(submitted, found) for submitted, found in stretch)
            self._verdicts.outcomes.update({(place, outcome): count for outcome, count in counts.items()})
        return self._verdicts

    def _outcome(self, submitted: Submitted, found: Event | Rejection) -> Outcome:
        settled = self._recorded.settled
        if settled and submitted.origin in settled:
            self._verdicts.settled.append(settled[submitted.origin])
            return settled[submitted.origin].outcome
        if isinstance(found, Rejection):
            return self._reject(submitted, found)
        known = self._known((found.source, found.id))
        if known is not None and self._is_same(found, known):
            if known.nameable:
                self._link(submitted, found, known.subject)
            return Outcome.DUPLICATE
        refusal = self._refused(found, known)
        if refusal is not None:
            return self._reject(submitted, refuse(submitted.record, found, *refusal))
        return self._accept(submitted, found)

    def _refused(self, event: Event, known: Known | None) -> tuple[Reason, FieldError] | None:
        if not self._persons.tells(event) and self._erased_target(event) is None:
            return Reason.unlinked_pseudonym, UNLINKED
        return (Reason.id_reused, _ID_REUSED) if known is not None else self._retraction_refused(event)

    def _accept(self, submitted: Submitted, event: Event) -> Outcome:
        subject = self._subject(event)
        nameable = self._erased_target(event) is None
        if nameable:
            self._link(submitted, event, subject)
        if len(self._persons.subjects(event)) > 1:
            self._verdicts.apart.append(submitted)
        data = payload(event)
        digest = hash_of(event.type, subject, utc(event.time), data)
        self._accepted[event.source, event.id] = Known(event.kind, subject, digest, nameable)
        self._verdicts.events.append(NewEvent(submitted, event, subject, data, digest))
        return Outcome.RECORDED

    def _link(self, submitted: Submitted, event: Event, subject: str) -> None:
        for pseudonym in self._persons.link(event, subject):
            self._verdicts.links.append(NewLink(pseudonym, subject, submitted))

    def _reject(self, submitted: Submitted, rejection: Rejection) -> Outcome:
        self._verdicts.rejections.append((submitted, rejection))
        return Outcome.REJECTED

    def _known(self, key: EventKey) -> Known | None:
        return self._recorded.events.get(key) or self._accepted.get(key)

    def _subject(self, event: Event) -> str:
        """Return the subject to record an event under. A retraction goes where its target is, if it may mean that."""
        subjects = self._persons.subjects(event)
        target = self._target(event)
        if target is not None and (not target.nameable or target.subject in subjects):
            return target.subject
        return self._persons.begin() if self._persons.is_new(event) else subjects[0]

    def _target(self, event: Event) -> Known | None:
        target_id = retracted(event)
        return None if target_id is None else self._known((event.source, target_id))

    def _erased_target(self, event: Event) -> Known | None:
        """Return the event that this one takes back, where nobody can be told to be its subject any more.

        A provider may take back what it sent, also about a person who was erased since: else a mistake would count for
        ever. As with a repeat, source and id must do; and nothing is linked, or the erasure would be undone.
        """
        target = self._target(event)
        return None if target is None or target.nameable else target

    def _is_same(self, event: Event, known: Known) -> bool:
        # Of an erased person only the content can be compared: an honest retry stays a duplicate, and links nothing.
        about = not known.nameable or known.subject in self._persons.subjects(event)
        return about and content_hash(event, known.subject) == known.content_sha256

    def _retraction_refused(self, event: Event) -> tuple[Reason, FieldError] | None:
        target_id = retracted(event)
        if target_id is None:
            return None
        target = self._target(event)
        if target_id == event.id or (target is not None and target.kind == RETRACTION):
            return Reason.not_retractable, _NOT_RETRACTABLE
        if target is not None and target.nameable and target.subject not in self._persons.subjects(event):
            return Reason.retraction_mismatch, _RETRACTION_MISMATCH
        return None


_ID_REUSED = FieldError(
    "/id",
    "An event with this source and id is recorded, with other content.",
    "a new id; or, for a repeat, the very same event",
)
_NOT_RETRACTABLE = FieldError("/data/retracts", "This is itself a retraction.", "the id of an event that is none")
_RETRACTION_MISMATCH = FieldError(
    "/data/retracts", "The event of this id is about another subject.", "an event of the same source and subject"
)


def _by_origin(checked: Checked) -> tuple[str, int, int]:
    origin = checked[0].origin
    return origin.topic, origin.partition, origin.offset


def _by_partition(checked: Checked) -> Partition:
    origin = checked[0].origin
    return Partition(origin.topic, origin.partition)
