"""The events that the kit sends are what they claim: valid, of a test person, and marked."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_cli.conformance.making import LATE, RETRACTION, TEST_PERSON, WRONG_CHECK_DIGIT, Party, source_of
from pcare_schemas import code_lists
from pcare_schemas.check import Record, check
from pcare_schemas.check_digit import is_valid
from pcare_schemas.kinds import KINDS
from pcare_schemas.pseudonym import PseudonymKey
from pcare_schemas.rejections import Rejection
from pcare_schemas.rules import Rules
from pcare_schemas.submission import Submission, pseudonymise_subject
from pcare_schemas.topics import SUBMITTED

RULES = Rules.load()
KEY = PseudonymKey("k1", b"a key for tests, of no worth at all")
NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
COMMISSIONERS = code_lists.built_in()["commissioners"]
RKE = source_of("RKE")
FROM, UNTIL = dt.datetime(2023, 7, 1), dt.datetime(2030, 1, 1)  # noqa: DTZ001 - as hypothesis wants bounds


def party(now: dt.datetime = NOW, mark: str = "abcdefgh", source: str = RKE) -> Party:
    return Party(source, mark, now, COMMISSIONERS)


def judged(event: dict, now: dt.datetime = NOW) -> object:
    submission = pseudonymise_subject(json.dumps(event).encode(), KEY)
    assert isinstance(submission, Submission)
    assert submission.subject is not None
    return check(Record(submission.value, submission.subject.encode(), SUBMITTED, now), RULES)


@pytest.mark.parametrize("kind", KINDS)
@given(
    now=st.datetimes(FROM, UNTIL, timezones=st.just(dt.UTC)),
    mark=st.text("abcdefghijklmnopqrstuvwxyz", min_size=8, max_size=8),
    earlier=st.sampled_from([dt.timedelta(hours=1), LATE, 2 * LATE]),
)
def test_every_kind_is_valid_whenever_it_is_played(
    kind: str, now: dt.datetime, mark: str, earlier: dt.timedelta
) -> None:
    event = party(now, mark).event(kind, kind, earlier=earlier)
    assert not isinstance(judged(event, now), Rejection), judged(event, now)
    assert event["id"].startswith("conformance-")
    assert event["subject"].startswith((TEST_PERSON, "link-worker:RKE:conformance-", "team:RKE:conf", "commissioner:"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != RETRACTION])
def test_every_kind_can_be_taken_back(kind: str) -> None:
    event = party().event(kind, kind)
    retraction = party().retraction(event, "back-1")
    assert not isinstance(judged(retraction), Rejection)
    assert (retraction["subject"], retraction["data"]["retracts"]) == (event["subject"], event["id"])


def test_the_test_person_is_one_and_the_wrong_number_is_none() -> None:
    assert is_valid(TEST_PERSON.partition(":")[2])
    assert not is_valid(WRONG_CHECK_DIGIT.partition(":")[2])


@pytest.mark.parametrize(
    ("code", "source"),
    [
        ("RKE", "https://fhir.nhs.uk/Id/ods-organization-code/RKE"),
        ("93C", "https://fhir.nhs.uk/Id/ods-organization-code/93C"),
        ("demo-council", "urn:ncl:provider:demo-council"),
        ("urn:ncl:provider:demo-council", "urn:ncl:provider:demo-council"),
    ],
)
def test_a_provider_is_named_by_code_slug_or_source(code: str, source: str) -> None:
    assert source_of(code) == source


@pytest.mark.parametrize("code", ["", "Rke", "two words", "https://example.org/RKE"])
def test_what_names_no_provider_is_said(code: str) -> None:
    with pytest.raises(ValueError, match="no ODS code"):
        source_of(code)
