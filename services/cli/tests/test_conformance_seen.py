"""The judges of the provider's own system, each with a system that does it and one that does not."""

import datetime as dt
from typing import Any

import pytest

from pcare_cli.conformance import seen
from pcare_cli.conformance.making import Party, source_of
from pcare_cli.conformance.script import judge_all, requirements
from pcare_cli.conformance.seen import Seen
from pcare_schemas import code_lists

RKE = source_of("RKE")
NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
PARTY = Party(RKE, "abcdefgh", NOW, code_lists.built_in()["commissioners"])
KINDS = ["sp-referral", "care-plan-agreed", "event-retracted"]
REFUSED = {"reason": "invalid_data", "errors": [{"pointer": "/data/borough", "message": "Missing.", "expected": "one"}]}


def after(seconds: float, event: Any, **more: Any) -> Seen:
    return Seen(NOW + dt.timedelta(seconds=seconds), event, **more)


def event(step: str, kind: str = "sp-referral", days: float = 0.1) -> dict[str, Any]:
    return PARTY.event(kind, step, earlier=dt.timedelta(days=days))


def exemplary() -> list[Seen]:
    one, plan, late = event("one"), event("plan", "care-plan-agreed"), event("late", days=3)
    return [
        after(0, one, trial="wait", retry_after=2),
        after(2.1, one),
        after(3, plan, trial="lost"),
        after(4, plan),
        after(5, late, trial="refused"),
        after(6, PARTY.retraction(one, "back")),
        after(7, event("anew")),
        after(20, late),
    ]


def test_an_exemplary_system_fulfils_everything() -> None:
    for listening in (True, False):
        results = judge_all(RKE, KINDS, exemplary(), listening=listening)
        assert [result.title for result in results if result.finding.failed] == []


def test_a_system_that_sends_nothing_fulfils_nothing() -> None:
    assert all(result.finding.failed for result in judge_all(RKE, KINDS, [], listening=True))
    assert all(one.ask.endswith(".") for one in requirements(RKE, KINDS, listening=False))


@pytest.mark.parametrize(
    ("judge", "those", "words"),
    [
        (lambda s: seen.sends_kind("sp-closed", s), exemplary(), "none seen"),
        (lambda s: seen.sends_kind("sp-referral", s), [after(0, event("x"), problem=REFUSED)], "none of them right"),
        (lambda s: seen.speaks_for_itself("urn:ncl:provider:demo-council", s), exemplary(), "claims to be"),
        (seen.is_right, [after(0, event("x"), problem=REFUSED)], "/data/borough"),
        (seen.is_right, [after(0, None, problem={"reason": "not_json"})], "not_json"),
        (seen.ids_stand_for_one, [after(0, event("x")), after(1, event("x", days=2))], "conformance-abcdefgh-x"),
        (seen.repeats, [after(0, event("x")), after(1, event("y"))], "none was sent again"),
        (seen.comes_back_in_time, [after(0, event("x"), trial="wait", retry_after=2)], "did not come again"),
        (
            seen.comes_back_in_time,
            [after(0, event("x"), trial="wait", retry_after=2), after(0.5, event("x"))],
            "after 0.5 s",
        ),
        (seen.sends_again_what_may_be_lost, [after(0, event("x"), trial="lost")], "not sent again"),
        (
            seen.sends_again_what_may_be_lost,
            [after(0, event("x"), trial="lost"), after(1, {**event("x"), "id": "another"})],
            "not sent again",
        ),
        (seen.does_not_hammer, [after(0, event("x"), trial="refused"), after(1, event("x"))], "came again unchanged"),
        (seen.does_not_hammer, [after(0, event("x"), trial="refused")], "nothing else came"),
        (seen.corrects, [after(0, event("x"))], "no event-retracted"),
        (seen.corrects, [after(0, event("x")), after(1, PARTY.retraction(event("x"), "b"))], "said anew"),
        (
            seen.corrects,
            [after(0, event("x")), after(1, PARTY.retraction(event("z"), "b")), after(2, event("y"))],
            "anew",
        ),
        (seen.sends_late, [after(0, event("x"))], "none that took place"),
        (seen.sends_late, [after(0, {**event("x", days=9), "time": "yesterday"})], "none that took place"),
    ],
)
def test_what_a_system_does_not_do_is_said(judge: Any, those: list[Seen], words: str) -> None:
    finding = judge(those)
    assert finding.failed
    assert words in finding.saw


def test_what_was_refused_may_be_mended_under_its_id() -> None:
    wrong = {**event("x"), "data": {}}
    those = [after(0, wrong, problem=REFUSED), after(1, event("x"))]
    assert not seen.is_right(those).failed
    assert not seen.ids_stand_for_one(those).failed


@pytest.mark.parametrize(
    ("subject", "real"),
    [
        ("nhs-number:9990000018", False),
        ("NHS-number:999 000 0018", False),
        ("nhs-number:9434765919", True),
        ("nhs-number: 943-476-5919", True),
        ("person:k1:0123", False),
        ("team:RKE:one", False),
    ],
)
def test_a_person_who_may_be_real_is_noticed(subject: str, real: bool) -> None:
    assert seen.is_of_a_real_person({"subject": subject}) is real
