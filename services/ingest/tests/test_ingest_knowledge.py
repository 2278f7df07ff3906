"""What ingest knows of the register, and for how long that is good."""

import datetime as dt

import pytest
from credential_support import providers
from ingest_support import RULES

from pcare_common.clock import FixedClock
from pcare_ingest.knowledge import Knowledge, UnknownError
from pcare_schemas.examples import RECEIVED
from pcare_schemas.register import LOCAL_SOURCE, ProviderEntry, Register


def test_before_anything_was_read_nobody_is_known_and_the_reason_says_what_to_do() -> None:
    clock = FixedClock(RECEIVED)
    knowledge = Knowledge(RULES, clock, stale=60)

    knowledge.in_the_way("PostgreSQL does not answer. See that it runs.")
    clock.advance(dt.timedelta(seconds=5))

    with pytest.raises(UnknownError):
        knowledge.providers()
    assert knowledge.health().reasons == (
        "Who may send has not been known for 5 s. PostgreSQL does not answer. See that it runs.",
    )
    assert knowledge.rules is RULES


def test_what_was_learned_holds_until_it_is_stale_and_again_once_it_was_seen_to_be_current() -> None:
    clock = FixedClock(RECEIVED)
    knowledge = Knowledge(RULES, clock, stale=60)
    known = providers()
    rules = RULES.with_register(Register([ProviderEntry(source=LOCAL_SOURCE + "a", name="A", kind="council")]))

    knowledge.learn(rules, known)
    clock.advance(dt.timedelta(seconds=60))
    assert knowledge.providers() is known
    assert knowledge.rules is rules
    assert knowledge.health().ok

    clock.advance(dt.timedelta(seconds=1))
    assert knowledge.age() == 61
    assert not knowledge.health().ok
    with pytest.raises(UnknownError):
        knowledge.providers()

    knowledge.still_current()
    assert knowledge.age() == 0
    assert knowledge.providers() is known
