"""Whether a rejected event may go in again, and as what. Pure: the time and the rules are handed in.

It is held against the checks before it is sent, so what is still wrong is refused right here. The recorder judges it
once more, as it judges everything.
"""

import datetime as dt
import hashlib
import re
from dataclasses import dataclass

import msgspec

from pcare_cli.desk.rejections import OPEN, Entry, State
from pcare_schemas.check import Record, check
from pcare_schemas.rejections import FieldError, Reason, Rejection
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED

_NHS_NUMBER = re.compile("nhs-number:", re.IGNORECASE)

_SAME_VERDICT = frozenset({Reason.id_reused, Reason.not_retractable})
"""The same bytes meet these again, for what is recorded does not go away."""

_THROUGH_INGEST = (
    "It names its person by an NHS number. Only ingest has the key that makes the pseudonym, so send the event to "
    "ingest (POST /events), as its provider does, under the same id."
)


@dataclass(frozen=True, slots=True)
class Sendable:
    """An event that passes the checks: its bytes, its key, what it is, and whether it is another than was rejected."""

    value: bytes
    key: bytes
    source: str
    event_id: str
    changed: bool

    @property
    def sha256(self) -> bytes:
        """Return the hash of its bytes."""
        return hashlib.sha256(self.value).digest()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why it does not go in: in a word or two to count by, in a sentence that says what to do, and where."""

    word: str
    words: str
    errors: tuple[FieldError, ...] = ()


def unchanged(entry: Entry, rules: Rules, now: dt.datetime) -> Sendable | Refused:
    """Return the very bytes that were rejected, if they may go in again now."""
    settled = already(entry)
    if settled is not None:
        return settled
    kept = bytes_kept(entry)
    if isinstance(kept, Refused):
        return kept
    if entry.reason in _SAME_VERDICT:
        words = f"The same event would be rejected again ({entry.reason}). Repair it: `pcare rejected repair`."
        return Refused(f"still {entry.reason}", words)
    return _checked(entry, kept, rules, now)


def mended(entry: Entry, value: bytes, rules: Rules, now: dt.datetime) -> Sendable | Refused:
    """Return a mended event, if it may go in in place of the one that was rejected."""
    return already(entry) or _checked(entry, value, rules, now)


def already(entry: Entry) -> Refused | None:
    """Return why there is nothing left to do about it, or None."""
    if entry.state in OPEN:
        return None
    words = {
        State.recorded: "The event is recorded: nothing is left to do. To correct it, retract it and send a new one.",
        State.sent: "It was sent in again already, and is not judged yet. Is the recorder running?",
        State.rejected_again: "It was sent in again and rejected again. Repair that rejection: see `pcare rejected "
        f"show {entry.origin}`.",
    }
    return Refused(str(entry.state), words[entry.state])


def bytes_kept(entry: Entry) -> bytes | Refused:
    """Return the bytes that were rejected, or why they cannot be used."""
    if entry.redacted:
        return Refused(
            "masked",
            "It held an NHS number, which is masked in what was kept. Get the event from its provider without the "
            "number, and repair it from a file: `pcare rejected repair ID --file EVENT.json`.",
        )
    if entry.evidence is None:
        size = f" ({entry.size} bytes)" if entry.size else ""
        known = f" Its SHA-256 is {entry.sha256}." if entry.sha256 else ""
        return Refused(
            "not kept",
            f"Its bytes were not kept{size}.{known} Let its provider send it again, or repair it from a file: "
            "`pcare rejected repair ID --file EVENT.json`.",
        )
    return entry.evidence


def _checked(entry: Entry, value: bytes, rules: Rules, now: dt.datetime) -> Sendable | Refused:
    subject = _subject_of(value)
    if subject is not None and _NHS_NUMBER.match(subject):
        return Refused("NHS number", _THROUGH_INGEST)
    # Held against the topic that it came by, though it goes to the shared one: what a provider may not say by its own
    # topic, for it is another's to say, must not get in from here.
    topic = SUBMITTED if entry.sender is None else f"{SUBMITTED}.{entry.sender}"
    key = None if subject is None else subject.encode("utf-8", "surrogatepass")
    found = check(Record(value=value, key=key, topic=topic, timestamp=now), rules)
    if not isinstance(found, Rejection):
        changed = value != entry.evidence
        return Sendable(value, found.subject.encode(), found.source, found.id, changed)
    if found.reason is Reason.identifiable_data:
        words = "It holds an NHS number, which must not get further than this. Take it out."
    elif found.reason is Reason.source_not_allowed:
        words = (
            f"It came by the topic of {entry.sender}, whose it is, and speaks in the name of another organisation. "
            "That organisation has to send it itself."
        )
    else:
        words = f"It would be rejected again ({found.reason})."
    return Refused(f"still {found.reason}", words, found.errors)


class _Subject(msgspec.Struct, frozen=True, gc=False):
    subject: str | None = None


_DECODER = msgspec.json.Decoder(_Subject)


def _subject_of(value: bytes) -> str | None:
    try:
        return _DECODER.decode(value).subject
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # the checks say what is wrong with it
