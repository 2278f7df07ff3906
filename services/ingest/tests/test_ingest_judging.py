"""What a caller is told of an event in somebody else's name: nothing that the register says of that somebody."""

import datetime as dt
import json
from typing import Any

import pytest
from ingest_support import KEY

from pcare_ingest.callers import ANYONE, Caller
from pcare_ingest.judging import Judge
from pcare_schemas.examples import RECEIVED
from pcare_schemas.pseudonym import Keys
from pcare_schemas.register import LOCAL_SOURCE, ProviderEntry, Register
from pcare_schemas.rejections import Rejection
from pcare_schemas.rules import Rules

GONE, BOUND, FREE, CALLER = (LOCAL_SOURCE + slug for slug in ("gone", "bound", "free", "caller"))
ENTRIES = (
    ProviderEntry(source=GONE, name="Gone", kind="council", valid_to=dt.date(2016, 1, 1), successor="caller"),
    ProviderEntry(source=BOUND, name="Bound", kind="council", kinds=("pam-scored",)),
    ProviderEntry(source=FREE, name="Free", kind="council"),
    ProviderEntry(source=CALLER, name="Caller", kind="council", kinds=("sp-referral", "sp-closed")),
)
RULES = Rules.load().with_register(Register(ENTRIES))
ONE = Caller("caller", frozenset({CALLER}), "key")


def judged(event: dict[str, Any], caller: Caller) -> Rejection:
    found = Judge(lambda: RULES, Keys(KEY)).judge(json.dumps(event).encode(), caller, RECEIVED)
    assert isinstance(found, Rejection)
    return found


@pytest.mark.parametrize("wrong", [{}, {"borough": "E09000001"}, {"ref_source": LOCAL_SOURCE + "nobody"}])
@pytest.mark.parametrize("source", [GONE, BOUND, FREE, LOCAL_SOURCE + "nobody"])
def test_of_anothers_source_a_caller_learns_only_that_it_is_not_theirs(
    event: dict[str, Any], source: str, wrong: dict[str, str]
) -> None:
    found = judged(event | {"source": source, "data": event["data"] | wrong}, ONE)

    assert found.reason == "source_not_allowed"
    assert [(error.path, error.expected) for error in found.errors] == [("/source", f"one of: {CALLER}")]
    assert (found.source, found.id) == (source, event["id"])


def test_of_its_own_a_caller_is_told_what_is_wrong(event: dict[str, Any]) -> None:
    wrong = judged(event | {"source": CALLER, "data": event["data"] | {"borough": "E09000001"}}, ONE)
    ended = judged(event | {"source": GONE}, Caller("gone", frozenset({GONE})))

    assert wrong.reason == "unknown_code"
    assert (ended.reason, ended.errors[0].expected) == ("unknown_provider", "a time before 2016-01-01")


def test_where_anyone_may_speak_for_anyone_they_are_told_all(event: dict[str, Any]) -> None:
    found = [judged(event | {"source": source}, ANYONE) for source in (GONE, BOUND, LOCAL_SOURCE + "nobody")]

    assert [one.reason for one in found] == ["unknown_provider", "kind_not_allowed", "unknown_provider"]
