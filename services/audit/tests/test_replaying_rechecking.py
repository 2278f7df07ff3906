import datetime as dt

import pytest
from replaying_frames import (
    ANOTHER,
    NOW,
    PERSON,
    PSEUDONYM,
    RULES,
    event_of,
    frame,
    origin,
    published,
    retraction,
    sent,
)

from pcare_audit.replaying.findings import Findings
from pcare_audit.replaying.rechecking import Asked, Judging, Known, Link, Recorded, Rejected, first_difference, settle
from pcare_schemas.check import Record
from pcare_schemas.content import content_hash

NHS_NUMBER = "9434765919"  # for tests
BEFORE, AFTER = NOW - dt.timedelta(days=1), NOW + dt.timedelta(days=1)
KEY = ("https://fhir.nhs.uk/Id/ods-organization-code/RKE", "e-1")


def judging() -> tuple[Judging, Findings]:
    findings = Findings()
    return Judging(frame(), findings), findings


def kinds(findings: Findings) -> list[str]:
    return [str(one.kind) for one in findings.differences]


def refused(reason: str, message: str | None = None, evidence: bytes | None = None) -> Rejected:
    return Rejected(reason, message, RULES.version, evidence, redacted=False)


def known(record: Record, subject: str = PERSON, offset: int = 1) -> Known:
    event = event_of(record)
    return Known(event.kind, subject, content_hash(event, subject), origin(offset))


def test_what_follows_from_the_record_is_what_was_published() -> None:
    judge, findings = judging()
    agrees, use = judge.recorded(origin(3), sent(), Recorded(published(sent(), 3)))
    assert agrees
    assert use is not None
    assert (use.pseudonyms, use.subject) == ((PSEUDONYM,), PERSON)
    assert not findings.differences


@pytest.mark.parametrize("identifier", [NHS_NUMBER, "943 476 5919", "943\u00a0476\u00a05919", PSEUDONYM])
@pytest.mark.parametrize("apart", [*range(-24, 0), *range(19, 46)])
def test_where_a_text_differs_no_part_of_an_identifier_is_shown(identifier: str, apart: int) -> None:
    """What is shown is cut out of the text: an identifier may stand over its edge, before or behind the difference."""
    between = "z" * abs(apart)
    one, other = (
        f"{'w' * 150}{identifier}{between}{mark}{'v' * 150}" if apart < 0 else
        f"{'w' * 150}{mark}{between}{identifier}{'v' * 150}"
        for mark in "!?"
    )  # fmt: skip
    said = first_difference(one.encode(), other.encode())
    assert ["!" in said[0], "?" in said[1]] == [True, True]
    assert not any(character.isdigit() for text in said for character in text)
    assert all(len(text) == 60 for text in said)


def test_where_the_difference_is_in_an_identifier_nothing_of_it_is_shown() -> None:
    one, other = (f'{{"id":"{digits}","note":"{"x" * 99}"}}' for digits in (NHS_NUMBER, "9434765870"))
    said = first_difference(one.encode(), other.encode())
    assert said[0] == said[1] == '{"id":"**********","note":"' + "x" * 27
    escaped = one.replace("9", "\\u0039").encode()
    assert "withheld" in first_difference(escaped, one.encode())[0]
    assert first_difference(b"abc", b"abcd") == ("abc", "abcd")


def test_a_retraction_says_nothing_of_whom_its_pseudonym_leads_to() -> None:
    judge, findings = judging()
    taking = retraction("e-1")
    assert judge.recorded(origin(3), taking, Recorded(published(taking, 3))) == (True, None)
    assert not findings.differences


@pytest.mark.parametrize(
    "text",
    [published(sent(score=51.0), 3), published(sent(), 4), published(sent(), 3).replace(b"-24T12", b"-24T13")],
    ids=["another score", "another origin", "another time of recording"],
)
def test_a_text_that_does_not_follow_is_found(text: bytes) -> None:
    judge, findings = judging()
    agrees, _ = judge.recorded(origin(3), sent(), Recorded(text))
    assert not agrees
    assert kinds(findings) == ["text-differs"]


def test_an_event_that_its_rules_refuse_was_not_to_be_recorded() -> None:
    judge, findings = judging()
    wrong = sent()
    judge.recorded(origin(3), Record(wrong.value, b"another key", wrong.topic, NOW), Recorded(published(wrong, 3)))
    (found,) = findings.differences
    assert (str(found.kind), found.expected, found.found) == ("verdict-differs", "key_mismatch", "recorded")


def test_a_rejection_has_the_reason_that_the_rules_give() -> None:
    judge, findings = judging()
    nothing = Record(b"no json", b"a", "interventions.submitted", NOW)
    assert judge.rejected(origin(1), nothing, refused("not_json", evidence=b"no json")) is None
    assert not findings.differences
    judge.rejected(origin(1), nothing, refused("too_large"))
    judge.rejected(origin(2), sent(), refused("not_json"))
    judge.rejected(origin(1), nothing, refused("not_json", evidence=b"no JSON"))
    assert kinds(findings) == ["verdict-differs", "verdict-differs", "rejection-differs"]


def test_what_the_database_could_not_store_is_taken_at_its_word() -> None:
    judge, findings = judging()
    said = "The database cannot store what this event holds (SQLSTATE 22P05)."
    assert judge.rejected(origin(1), sent(), refused("invalid_data", said)) is None
    assert not findings.differences
    judge.rejected(origin(1), sent(), refused("invalid_data", "The field is wrong."))
    assert kinds(findings) == ["verdict-differs"]


def test_a_record_that_no_table_has_must_be_a_repeat() -> None:
    judge, findings = judging()
    asked = judge.neither(origin(5), sent())
    assert asked is not None
    assert settle(asked, {KEY: known(sent())}, {}, frame()) is None
    for there in ({}, {KEY: known(sent(score=51.0))}):
        wrong = settle(asked, there, {}, frame())
        assert wrong is not None
        assert str(wrong[0]) == "submitted-unaccounted"
    assert judge.neither(origin(6), Record(b"no json", b"a", "interventions.submitted", NOW)) is None
    assert kinds(findings) == ["submitted-unaccounted"]


def test_rules_whose_document_is_lost_or_wrong_are_a_trouble() -> None:
    for rules in ({}, {RULES.version: RULES.document() | {"code_lists": {}}}):
        findings = Findings()
        Judging(frame(rules=rules), findings).recorded(origin(3), sent(), Recorded(published(sent(), 3)))
        assert sum(findings.troubles.values()) == 1


LINKED = {PSEUDONYM: Link(PERSON, BEFORE)}
OTHERS = {PSEUDONYM: Link(ANOTHER, BEFORE)}
LATER = {PSEUDONYM: Link(PERSON, AFTER)}
SCORE = {KEY: known(sent())}
TAKEN_BACK = {KEY: known(retraction("e-0", "e-1"))}


@pytest.mark.parametrize(
    ("record", "reason", "there", "links", "right"),
    [
        (sent(score=51.0), "id_reused", SCORE, LINKED, True),
        (sent(), "id_reused", SCORE, LINKED, False),
        (sent(), "id_reused", SCORE, OTHERS, True),
        (sent(), "id_reused", {}, LINKED, False),
        (sent(), "unlinked_pseudonym", {}, {}, True),
        (sent(), "unlinked_pseudonym", {}, LATER, True),
        (sent(), "unlinked_pseudonym", {}, LINKED, False),
        (retraction("r-1"), "not_retractable", {}, LINKED, True),
        (retraction("e-1"), "not_retractable", TAKEN_BACK, LINKED, True),
        (retraction("e-1"), "not_retractable", SCORE, LINKED, False),
        (retraction("e-1"), "retraction_mismatch", SCORE, OTHERS, True),
        (retraction("e-1"), "retraction_mismatch", SCORE, LINKED, False),
        (sent(), "retraction_mismatch", SCORE, OTHERS, False),
    ],
)
def test_what_only_the_record_can_refuse_is_asked_of_the_record(record, reason, there, links, right) -> None:
    asked = Asked(origin(9), record, event_of(record), refused(reason))
    wrong = settle(asked, there, links, frame())
    assert (wrong is None) == right
    assert wrong is None or str(wrong[0]) == "verdict-differs"
