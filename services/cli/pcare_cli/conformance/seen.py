"""What was seen of the provider's own system, and what it must be: pure judges.

They do not know whether a file was read or a request went by.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pcare_cli.conformance.findings import Finding, failed, passed
from pcare_cli.conformance.making import is_retraction
from pcare_schemas.envelope import type_of

LATE_BY: Final = dt.timedelta(days=1)
HAMMERS_WITHIN: Final = dt.timedelta(seconds=5)
SHOWN = 3
_TEST_PERSON = re.compile(r"nhs-number:[ -]*9[ -]*9[ -]*9", re.IGNORECASE)
_PERSON = re.compile(r"nhs-number:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Seen:
    """One event that the provider's system sent, once for each time. `event` is None where it is no JSON object.

    `problem` is why the address refuses it. `trial` is what the kit did to it on purpose: `wait` (told to come back
    after `retry_after` seconds), `lost` (taken, but answered as if it were not known), `refused`.
    """

    at: dt.datetime
    event: Mapping[str, Any] | None
    problem: Mapping[str, Any] | None = None
    trial: str | None = None
    retry_after: float = 0.0

    @property
    def identity(self) -> tuple[str, str] | None:
        """Its source and id."""
        if self.event is None or "id" not in self.event or "source" not in self.event:
            return None
        return str(self.event["source"]), str(self.event["id"])

    @property
    def counts(self) -> bool:
        """Whether it was taken, or would be."""
        return self.problem is None and self.trial in (None, "lost")


def is_of_a_real_person(event: Mapping[str, Any] | None) -> bool:
    """Say whether an event names a person by an NHS number that may be somebody's."""
    subject = str((event or {}).get("subject", ""))
    return bool(_PERSON.match(subject)) and not _TEST_PERSON.match(subject)


def sends_kind(kind: str, seen: Sequence[Seen]) -> Finding:
    """Judge that an event of the kind was seen, and was right."""
    those = [one for one in seen if one.event is not None and one.event.get("type") == type_of(kind)]
    right = sum(one.counts for one in those)
    if right:
        return passed(f"{right} seen")
    return failed(f"{len(those)} seen, none of them right" if those else "none seen")


def speaks_for_itself(source: str, seen: Sequence[Seen]) -> Finding:
    """Judge that every event is of this source."""
    others = {str(one.event.get("source")) for one in seen if one.event is not None} - {source}
    if others:
        return failed(f"it also claims to be {_some(sorted(others))}")
    return passed(f"every event is of {source}") if seen else failed("nothing was seen")


def is_right(seen: Sequence[Seen]) -> Finding:
    """Judge that nothing was refused, or that it was mended."""
    mended = {one.identity for one in seen if one.counts}
    wrong = [one for one in seen if one.problem is not None and (one.identity is None or one.identity not in mended)]
    if wrong:
        return failed(f"{len(wrong)} refused: {_some(_in_words(one) for one in wrong)}")
    return passed(f"{sum(one.counts for one in seen)} events are right") if seen else failed("nothing was seen")


def ids_stand_for_one(seen: Sequence[Seen]) -> Finding:
    """Judge that no id was used for two different events."""
    reused = [identity for identity, those in _by_identity(seen).items() if len(_contents(those)) > 1]
    if reused:
        return failed(f"used for different events: {_some(identity[1] for identity in reused)}")
    return passed(f"{len(_by_identity(seen))} ids") if seen else failed("nothing was seen")


def repeats(seen: Sequence[Seen]) -> Finding:
    """Judge that an event was sent more than once, unchanged."""
    taken = [one for one in seen if one.trial != "refused"]  # sending again what was refused is another matter
    repeated = [identity for identity, those in _by_identity(taken).items() if len(those) > len(_contents(those)) >= 1]
    return passed(f"{len(repeated)} sent more than once") if repeated else failed("none was sent again")


def comes_back_in_time(seen: Sequence[Seen]) -> Finding:
    """Judge that what was told to wait came again, and not too early."""
    told = [one for one in seen if one.trial == "wait"]
    if not told:
        return failed("it has sent nothing yet that it could be asked to send later")
    for one in told:
        after = [(later.at - one.at).total_seconds() for later in seen if later.at > one.at and _same(later, one)]
        if not after:
            return failed(f"{_id(one)} was told to wait, and did not come again")
        if min(after) < one.retry_after:
            return failed(f"{_id(one)} came again after {min(after):.1f} s; it was told {one.retry_after:.0f}")
    return passed(f"{len(told)} came again in time")


def sends_again_what_may_be_lost(seen: Sequence[Seen]) -> Finding:
    """Judge that what was answered 503 came again, though it had been stored."""
    lost = [one for one in seen if one.trial == "lost"]
    if not lost:
        return failed("it has not sent enough yet")
    never = [one for one in lost if not any(later.at > one.at and _same(later, one) for later in seen)]
    return failed(f"not sent again: {_some(map(_id, never))}") if never else passed(f"{len(lost)} came again")


def does_not_hammer(seen: Sequence[Seen]) -> Finding:
    """Judge that what was refused was put aside, and the rest went on."""
    refused = [one for one in seen if one.trial == "refused"]
    if not refused:
        return failed("it has not sent enough yet")
    for one in refused:
        again = sum(later.at > one.at and later.at - one.at < HAMMERS_WITHIN and _same(later, one) for later in seen)
        if again:
            return failed(f"{_id(one)} was refused, and came again unchanged {again} times within 5 s")
        if not any(later.at > one.at and not _same(later, one) for later in seen):
            return failed(f"after {_id(one)} was refused nothing else came")
    return passed("it went on with the others")


def corrects(seen: Sequence[Seen]) -> Finding:
    """Judge that an event was retracted, and said anew under a new id."""
    known = {one.identity: one.event for one in seen if one.event is not None and one.counts}
    retractions = [event for event in known.values() if is_retraction(event)]
    if not retractions:
        return failed("no event-retracted was seen")
    for one in retractions:
        data = one.get("data")
        old = known.get((str(one["source"]), str(data.get("retracts")))) if isinstance(data, dict) else None
        if old is None or old.get("subject") != one.get("subject"):
            continue
        if any(new is not old and _replaces(new, old) for new in known.values()):
            return passed(f"{old['id']} was taken back and said anew")
    return failed("there are retractions, but none of an event that was seen and said anew for the same subject")


def sends_late(seen: Sequence[Seen]) -> Finding:
    """Judge that an event came a day or more after it took place."""
    late = [one for one in seen if one.counts and (lag := _lag(one)) is not None and lag >= LATE_BY]
    return passed(f"{len(late)} of an earlier day") if late else failed("none that took place a day ago or earlier")


def _lag(one: Seen) -> dt.timedelta | None:
    try:
        time = dt.datetime.fromisoformat(str((one.event or {}).get("time")))
    except ValueError:
        return None
    return None if time.tzinfo is None else one.at - time


def _replaces(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    return all(new.get(name) == old.get(name) for name in ("type", "subject", "source")) and new["id"] != old["id"]


def _same(one: Seen, other: Seen) -> bool:
    return one.event is not None and one.event == other.event


def _by_identity(seen: Iterable[Seen]) -> dict[tuple[str, str], list[Seen]]:
    found: dict[tuple[str, str], list[Seen]] = {}
    for one in seen:
        if one.identity is not None:
            found.setdefault(one.identity, []).append(one)
    return found


def _contents(those: Sequence[Seen]) -> list[Mapping[str, Any]]:
    """Return the different contents of the events that were right: what was refused may be mended under its id."""
    contents: list[Mapping[str, Any]] = []
    for one in those:
        if one.event is not None and one.problem is None and one.event not in contents:
            contents.append(one.event)
    return contents


def _in_words(one: Seen) -> str:
    problem = one.problem or {}
    errors = problem.get("errors") or [{}]
    first = errors[0] if isinstance(errors[0], dict) else {}
    words = f"{_id(one)}: {problem.get('reason')} at {first.get('pointer') or 'the whole'}: {first.get('message')}"
    return words + (f" Expected: {first['expected']}" if first.get("expected") else "")


def _id(one: Seen) -> str:
    return str((one.event or {}).get("id", "an event without an id"))


def _some(words: Iterable[str]) -> str:
    those = list(words)
    more = f"; and {len(those) - SHOWN} more" if len(those) > SHOWN else ""
    return "; ".join(those[:SHOWN]) + more
