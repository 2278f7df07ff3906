"""Each submitted record judged once more, and held against what the tables say became of it. Pure.

What `check` alone decides is decided again, under the rules version that the verdict names, and must come out the same:
to the byte where an event was recorded. What needs the record as well (a duplicate, an id used twice, a retraction
of somebody else's event) is asked of the record as it is now.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from pcare_audit.replaying.findings import Findings
from pcare_audit.replaying.frame import Frame
from pcare_audit.replaying.harmless import harmless_part
from pcare_audit.replaying.result import Difference, Event, Kind
from pcare_schemas import envelope
from pcare_schemas.check import Record, check
from pcare_schemas.content import content_hash
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import recorded_text
from pcare_schemas.rejections import Reason, Rejection
from pcare_schemas.retraction import EventRetracted
from pcare_schemas.rules import Rules

BY_THE_RECORD = frozenset(
    {Reason.id_reused, Reason.not_retractable, Reason.retraction_mismatch, Reason.unlinked_pseudonym}
)
"""Reasons that `check` never gives: they need what is recorded."""
BY_THE_DATABASE = "The database cannot store"
"""So begin the words of the one error of an event whose row PostgreSQL refused."""
SHOWN_BEFORE, SHOWN_AFTER = 20, 40
LONGEST_IDENTIFIER = 100
"""In bytes: a pseudonym has some 45, an NHS number between long separators or in digits of another script fewer."""


class _Said(msgspec.Struct, frozen=True, gc=False):
    subject: str
    rulesversion: str


_said = msgspec.json.Decoder(_Said)


class Recorded(NamedTuple):
    """A published text, as the table has it under an origin."""

    text: bytes


class Rejected(NamedTuple):
    """A rejection, as the table has it under an origin."""

    reason: str
    first_message: str | None
    rules_version: str
    evidence: bytes | None
    redacted: bool


class Known(NamedTuple):
    """What the tables hold of an event that was asked for by its source and id."""

    kind: str
    subject: str
    content_sha256: bytes
    origin: Origin


class Link(NamedTuple):
    """Whose a pseudonym is, and when that was first said."""

    subject: str
    linked_at: dt.datetime


class Asked(NamedTuple):
    """An event whose verdict depends on the record; `rejected` says which, None where no table has its origin."""

    origin: Origin
    record: Record
    event: envelope.Event
    rejected: Rejected | None


class Use(NamedTuple):
    """That an event which names a person by these pseudonyms was recorded about a subject."""

    pseudonyms: tuple[str, ...]
    subject: str
    recorded_at: dt.datetime
    origin: Origin


class Judging:
    """Judges records again, under whichever rules a verdict names. `frame` has the documents of the rules."""

    def __init__(self, frame: Frame, findings: Findings) -> None:
        self._frame = frame
        self._findings = findings
        self._rules: dict[str, Rules | None] = {}
        self._last: tuple[str, ...] = ()  # the version that took a repeat is likely to take the next one

    def recorded(self, origin: Origin, record: Record, kept: Recorded) -> tuple[bool, Use | None]:
        """Judge a record that was recorded; say whether the same text comes out, and about whom it was recorded."""
        try:
            said = _said.decode(kept.text)
        except msgspec.MsgspecError:
            words = "The text in pcare.published is no event, so its verdict cannot be reached again."
            self._findings.differ("submitted", Difference(Kind.TEXT_DIFFERS, words, place=str(origin)))
            return False, None
        rules = self._of(said.rulesversion)
        if rules is None:
            return True, None
        found = check(record, rules)
        if isinstance(found, Rejection):
            words = "The event was recorded; its rules refuse it."
            self._differ(Kind.VERDICT_DIFFERS, words, origin, found, (str(found.reason), "recorded"))
            return False, None
        person = found.subject.startswith(envelope.PERSON_PREFIX)
        again = recorded_text(
            found,
            subject=said.subject if person else found.subject,
            recorded_at=record.timestamp,
            origin=origin,
            rules_version=said.rulesversion,
        )
        # A retraction goes where its target is, whomever its pseudonym leads to since.
        use = None
        if person and found.kind != EventRetracted.KIND:
            use = Use(found.pseudonyms, said.subject, record.timestamp, origin)
        if again != kept.text:
            words = "The text that follows from what was submitted is not the one in pcare.published."
            self._differ(Kind.TEXT_DIFFERS, words, origin, found, first_difference(again, kept.text))
            return False, use
        return True, use

    def rejected(self, origin: Origin, record: Record, kept: Rejected) -> Asked | None:
        """Judge a record that was rejected; return it where its reason depends on the record."""
        rules = self._of(kept.rules_version)
        if rules is None:
            return None
        found = check(record, rules)
        if not isinstance(found, Rejection):
            if kept.reason in BY_THE_RECORD:
                return Asked(origin, record, found, kept)
            if kept.reason == Reason.invalid_data and (kept.first_message or "").startswith(BY_THE_DATABASE):
                return None
            words = "The event was rejected; its rules accept it."
            self._differ(Kind.VERDICT_DIFFERS, words, origin, found, ("accepted", kept.reason))
        elif str(found.reason) != kept.reason:
            words = "The event was rejected for another reason than its rules give."
            self._differ(Kind.VERDICT_DIFFERS, words, origin, found, (str(found.reason), kept.reason))
        elif kept.evidence is not None and not kept.redacted and kept.evidence != found.evidence:
            words = "What a rejection keeps of the record is not what was submitted."
            self._differ(Kind.REJECTION_DIFFERS, words, origin, found, field="evidence")
        return None

    def neither(self, origin: Origin, record: Record) -> Asked | None:
        """Judge a record that no table has; return the event that it must be a repeat of, if it may be one."""
        refused: Rejection | None = None
        for version in [*self._last, *self._frame.rules]:
            rules = self._of(version)
            if rules is None:
                continue
            found = check(record, rules)
            if not isinstance(found, Rejection):
                self._last = (version,)
                return Asked(origin, record, found, None)
            refused = found
        if refused is not None:
            words = "The record was submitted, is refused by the rules, and no rejection of it is kept."
            self._differ(Kind.SUBMITTED_UNACCOUNTED, words, origin, refused, (str(refused.reason), "nothing"))
        return None

    def _of(self, version: str) -> Rules | None:
        if version not in self._rules:
            document = self._frame.rules.get(version)
            try:
                rules = None if document is None else Rules.from_document(document)
            except (KeyError, ValueError, TypeError):
                rules = None
            self._rules[version] = rules if rules is not None and rules.version == version else None
        found = self._rules[version]
        if found is None:
            self._findings.troubles[
                f"verdicts could not be reached again: pcare.rules has no document, or a wrong one, of {version}"
            ] += 1
        return found

    def _differ(
        self,
        kind: Kind,
        words: str,
        origin: Origin,
        found: envelope.Event | Rejection,
        values: tuple[str | None, str | None] = (None, None),
        *,
        field: str | None = None,
    ) -> None:
        named = Event(found.source, found.id) if found.source is not None and found.id is not None else None
        self._findings.differ("submitted", Difference(kind, words, named, str(origin), field, *values))


def settle(
    asked: Asked, known: Mapping[tuple[str, str], Known], links: Mapping[str, Link], frame: Frame
) -> tuple[Kind, str, str, str] | None:
    """Say what is wrong with a verdict that depends on the record, or None. `known` and `links` cover the event.

    The words, what was expected and what was found. A link that is later than the event proves nothing of its time.
    """
    event, origin = asked.event, asked.origin
    there = known.get((event.source, event.id))
    same = there is not None and content_hash(event, there.subject) == there.content_sha256
    if asked.rejected is None:
        if same:
            return None
        words = "The record is neither recorded nor rejected, and no recorded event has the same content."
        return Kind.SUBMITTED_UNACCOUNTED, words, "recorded, a duplicate or rejected", "nothing"
    right = _is_right(asked, there, same=same, known=known, links=links, frame=frame)
    if right:
        return None
    words = f"The event was rejected as {asked.rejected.reason}, which what is recorded does not bear out ({origin})."
    return Kind.VERDICT_DIFFERS, words, "duplicate" if same else "accepted", asked.rejected.reason


def _is_right(
    asked: Asked,
    there: Known | None,
    *,
    same: bool,
    known: Mapping[tuple[str, str], Known],
    links: Mapping[str, Link],
    frame: Frame,
) -> bool:
    event, kept = asked.event, asked.rejected
    assert kept is not None  # noqa: S101 -- the caller asks of rejections only
    lead_to = _subjects(asked, links, frame)
    if kept.reason == Reason.id_reused:
        return there is not None and (
            not same or there.subject not in lead_to or there.subject in frame.merged.values()
        )
    if kept.reason == Reason.unlinked_pseudonym:
        return bool(event.pseudonyms) and not lead_to
    if not isinstance(event, EventRetracted):
        return False
    target = known.get((event.source, event.data.retracts))
    if kept.reason == Reason.not_retractable:
        return event.data.retracts == event.id or (target is not None and target.kind == EventRetracted.KIND)
    return target is not None and (target.subject not in lead_to or target.subject in frame.merged.values())


def _subjects(asked: Asked, links: Mapping[str, Link], frame: Frame) -> set[str]:
    """Return whom the event's pseudonyms led to by the time of the record."""
    names: Sequence[str] = asked.event.pseudonyms
    if not names:
        return {asked.event.subject}
    found = [links[name] for name in names if name in links]
    return {frame.person(link.subject) for link in found if link.linked_at <= asked.record.timestamp}


def first_difference(expected: bytes, found: bytes) -> tuple[str, str]:
    """Return a little of both texts around the first byte that differs, without identifiers; the rest as in the log."""
    at = next(
        (place for place, (one, other) in enumerate(zip(expected, found, strict=False)) if one != other),
        min(len(expected), len(found)),
    )
    return _around(expected, at), _around(found, at)


def _around(text: bytes, at: int) -> str:
    """Return what stands around a byte. An identifier that reaches into it is seen whole before it is cut."""
    start = max(0, at - SHOWN_BEFORE - LONGEST_IDENTIFIER)
    wide = text[start : at + SHOWN_AFTER + LONGEST_IDENTIFIER].decode("utf-8", "replace")
    place = len(text[start:at].decode("utf-8", "replace"))
    return harmless_part(wide, slice(max(0, place - SHOWN_BEFORE), place + SHOWN_AFTER))
