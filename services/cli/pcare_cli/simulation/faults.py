"""Ways to get an event wrong, one a reason code (`pcare_schemas.rejections.Reason`), as providers do."""

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import cycle
from random import Random
from typing import Any

from pcare_cli.simulation.organisations import Way
from pcare_cli.simulation.people import number_for_tests
from pcare_cli.simulation.postings import Expected, Posting, as_text, key_of, posting
from pcare_cli.simulation.teller import Told
from pcare_schemas.envelope import type_of
from pcare_schemas.rejections import MAX_EVENT_BYTES, Reason

Spoil = Callable[[Told, Random], Posting]


def retraction(told: Told, new_id: str, **changes: Any) -> Told:
    """Return the event that takes `told` back; `changes` are attributes of it that differ."""
    document = {
        **told.document,
        "id": new_id,
        "type": type_of("event-retracted"),
        "data": {"retracts": told.document["id"], "reason": "entered_in_error"},
        **changes,
    }
    return Told(told.organisation, document)


class Spoiler:
    """Makes the mistakes in turn, so that a few of them show every reason code that their ways can.

    `good` are events that are recorded, `retractions` retractions of some of them: what a wrong event can conflict
    with. Conflicts have to be sent last.
    """

    def __init__(
        self, random: Random, new_id: Callable[[], str], good: Sequence[Told], retractions: Sequence[Told]
    ) -> None:
        self._random = random
        self._new_id = new_id
        self._good = good
        self._retractions = retractions
        conflicts = (self._id_reused, self._retracted_retraction, self._mismatched_retraction)
        self._over_http = cycle((*BY_REASON.values(), *conflicts))
        self._over_kafka = cycle((*KAFKA_ONLY.values(), *BY_REASON.values(), *conflicts))

    def spoil(self, told: Told) -> Posting:
        """Return the event with the next mistake of its sender's way."""
        turn = self._over_kafka if told.organisation.way is Way.KAFKA else self._over_http
        return next(turn)(told, self._random)

    def _id_reused(self, _told: Told, random: Random) -> Posting:
        """Send other content, a minute before, under the id of an event that was recorded."""
        first = random.choice(self._good)
        before = dt.datetime.fromisoformat(first.document["time"]) - dt.timedelta(minutes=1)
        return _refused(_with(first, time=before.isoformat()), Reason.id_reused, last=True)

    def _retracted_retraction(self, told: Told, random: Random) -> Posting:
        """Retract a retraction; where there is none yet, send another conflict."""
        if not self._retractions:
            return self._id_reused(told, random)
        first = random.choice(self._retractions)
        return _refused(retraction(first, self._new_id()), Reason.not_retractable, last=True)

    def _mismatched_retraction(self, told: Told, random: Random) -> Posting:
        """Retract an event under the subject of another event of its sender; where there is none, reuse an id."""
        first = random.choice(self._good)
        subject = first.document["subject"]
        for other in random.choices(self._good, k=100):
            if other.organisation == first.organisation and other.document["subject"] != subject:
                taken = retraction(first, self._new_id(), subject=other.document["subject"])
                return _refused(taken, Reason.retraction_mismatch, last=True)
        return self._id_reused(told, random)


def _refused(told: Told, reason: Reason, **changes: Any) -> Posting:
    return posting(told, expected=Expected.REJECTED, reason=reason, **changes)


def _with(told: Told, **attributes: Any) -> Told:
    return Told(told.organisation, {**told.document, **attributes})


def _with_data(told: Told, **data: Any) -> Told:
    return _with(told, data={**told.document["data"], **data})


def _not_json(told: Told, random: Random) -> Posting:
    text = as_text(told.document)
    cut = random.randrange(20, text.index(b'"subject"'))  # behind it, an NHS number would be the graver mistake
    return _refused(told, Reason.not_json, value=text[:cut], source=None, id=None, alone=True)


def _not_cloudevent(told: Told, _random: Random) -> Posting:
    document = {name: value for name, value in told.document.items() if name != "specversion"}
    return _refused(Told(told.organisation, document), Reason.not_cloudevent)


def _unknown_type(told: Told, _random: Random) -> Posting:
    return _refused(_with(told, type=type_of("sdm-conversatoin")), Reason.unknown_type)


def _invalid_data(told: Told, random: Random) -> Posting:
    mistakes = (
        _with_data(told, barough="E09000007"),
        _with_data(told, borough=7),
        _with(told, data={}, type=type_of("pam-scored")),
        _with(told, time="yesterday"),
    )
    return _refused(random.choice(mistakes), Reason.invalid_data)


def _unknown_code(told: Told, _random: Random) -> Posting:
    if "borough" not in told.document["data"]:
        return _unknown_type(told, _random)
    return _refused(_with_data(told, borough="E09000030"), Reason.unknown_code)  # Tower Hamlets: not of this system


def _unknown_provider(told: Told, _random: Random) -> Posting:
    return _refused(_with(told, source="urn:ncl:provider:demo-unheard-of"), Reason.unknown_provider)


def _identifiable(told: Told, random: Random) -> Posting:
    number = number_for_tests(random.randrange(1_000_000))
    return _refused(_with_data(told, plan_ref=f"plan-{number}"), Reason.identifiable_data)


def _time_out_of_range(told: Told, random: Random) -> Posting:
    time = random.choice(("2014-12-31T10:00:00Z", "2099-01-01T10:00:00Z"))
    return _refused(_with(told, time=time), Reason.time_out_of_range)


def _too_large(told: Told, _random: Random) -> Posting:
    return _refused(_with_data(told, practice="X" * MAX_EVENT_BYTES), Reason.too_large, alone=True)


def _source_not_allowed(told: Told, _random: Random) -> Posting:
    return _refused(_with(told, source="urn:ncl:provider:demo-council"), Reason.source_not_allowed)


def _kind_not_allowed(told: Told, _random: Random) -> Posting:
    """Assess a commissioner, as only a commissioner may."""
    changes = {"type": type_of("choice-standards-assessed"), "subject": "commissioner:93C"}
    return _refused(_with(told, **changes, data={"standards_met": [1, 2]}), Reason.kind_not_allowed)


def _key_mismatch(told: Told, _random: Random) -> Posting:
    return _refused(told, Reason.key_mismatch, key=key_of(told)[:-1])


BY_REASON: dict[Reason, Spoil] = {
    Reason.not_json: _not_json,
    Reason.not_cloudevent: _not_cloudevent,
    Reason.unknown_type: _unknown_type,
    Reason.invalid_data: _invalid_data,
    Reason.unknown_code: _unknown_code,
    Reason.unknown_provider: _unknown_provider,
    Reason.identifiable_data: _identifiable,
    Reason.time_out_of_range: _time_out_of_range,
    Reason.too_large: _too_large,
}
KAFKA_ONLY: dict[Reason, Spoil] = {  # over HTTP, ingest makes the key, and credentials will say who sends
    Reason.source_not_allowed: _source_not_allowed,
    Reason.kind_not_allowed: _kind_not_allowed,  # of the organisations, the one that speaks to Kafka is limited
    Reason.key_mismatch: _key_mismatch,
}
