"""The edge's verdict on one event: what will be published of it, or why it is refused. Reads no clock."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from pcare_ingest.callers import Caller
from pcare_ingest.publishing import Outgoing
from pcare_schemas.check import Record, check
from pcare_schemas.deprecations import Deprecation, Deprecations
from pcare_schemas.envelope import Event
from pcare_schemas.pseudonym import Keys
from pcare_schemas.rejections import FieldError, Reason, Rejection, rejection
from pcare_schemas.rules import Rules
from pcare_schemas.submission import pseudonymise_subject
from pcare_schemas.topics import SUBMITTED

_NOTHING = Deprecations()
_TELLS_OF_THE_SOURCE = frozenset({Reason.unknown_provider, Reason.kind_not_allowed, Reason.unknown_code})
"""What is found once the register has been asked about the source, and so tells of its days, its kinds and its
successor: by its words, and by being found at all."""


@dataclass(frozen=True, slots=True)
class Ready:
    """An event that may be published: the record, and the identity that its sender is answered with."""

    record: Outgoing
    source: str
    id: str
    deprecated: tuple[Deprecation, ...] = ()
    """What it uses of the contract that is on its way out."""


class Judge:
    """Judges events under fixed keys and the rules that `rules` returns, which follow the register.

    `announced` is on its way out, and changes no verdict.
    """

    def __init__(self, rules: Callable[[], Rules], keys: Keys, announced: Deprecations = _NOTHING) -> None:
        self._rules = rules
        self._keys = keys
        self._announced = announced

    def judge(self, event: bytes, caller: Caller, now: dt.datetime) -> Ready | Rejection:
        """Return `event` ready to publish, or the reason against it.

        The recorder will judge the same bytes by the same function, so what passes here passes there: `now` stands
        for the broker's timestamp, which can only be later.
        """
        submission = pseudonymise_subject(event, self._keys.current, self._keys.previous)
        if isinstance(submission, Rejection):
            return submission
        key = None if submission.subject is None else submission.subject.encode("utf-8", "surrogatepass")
        record = Record(value=submission.value, key=key, topic=SUBMITTED, timestamp=now)
        checked = check(record, self._rules())
        if isinstance(checked, Rejection):
            if checked.reason in _TELLS_OF_THE_SOURCE and checked.source and not caller.may_speak_for(checked.source):
                return _not_allowed(record, checked, caller)
            return checked
        if not caller.may_speak_for(checked.source):
            return _not_allowed(record, checked, caller)
        deprecated = self._announced.used_by(checked, now)
        return Ready(Outgoing(checked.subject.encode(), submission.value), checked.source, checked.id, deprecated)


def _not_allowed(record: Record, claims: Event | Rejection, caller: Caller) -> Rejection:
    error = FieldError("/source", "The caller may not speak for this organisation.", _own(caller))
    return rejection(record.value, Reason.source_not_allowed, error, source=claims.source, id=claims.id)


def _own(caller: Caller) -> str:
    return "one of: " + ", ".join(sorted(caller.sources or ()))
