"""An NHS number anywhere comes before every other reason, and is not kept."""

import json

import pytest

from pcare_schemas.envelope import Event
from pcare_schemas.examples import ODS
from pcare_schemas.invalid_examples import NHS_NUMBER
from pcare_schemas.rejections import MAX_EVENT_BYTES, MAX_EVIDENCE_BYTES, Reason, Rejection
from pcare_schemas.rules import Rules


def verdict(found):
    assert isinstance(found, Rejection), found
    return found.reason, found.errors[0].path


PLACES = {
    "the id": {"id": NHS_NUMBER},
    "the source": {"source": ODS + NHS_NUMBER},
    "the type": {"type": "x" + NHS_NUMBER},
    "the subject": {"subject": "nhs-number:" + NHS_NUMBER},
    "a reference": {"data": {"referral_ref": "ref-999-000-0018"}},
    "a number": {"data": {"imd_decile": int(NHS_NUMBER)}},
    "an unknown field": {"data": {"comment": "she is 999 000 0018"}},
    "the name of a field": {"data": {"nhs" + NHS_NUMBER: 1}},
    "a time": {"time": NHS_NUMBER},
    "deep down": {"data": {"a": [{"b": ["x", {"c": NHS_NUMBER}]}]}},
}


@pytest.mark.parametrize("place", PLACES)
def test_an_nhs_number_anywhere_comes_before_every_other_reason(place, changed, judge):
    change = PLACES[place]
    event = changed(
        "sp-referral", change.get("data"), **{name: value for name, value in change.items() if name != "data"}
    )
    refused = judge(event, topic="interventions.submitted.ral", key=b"other")
    assert refused.reason is Reason.identifiable_data
    assert refused.redacted
    assert refused.evidence is not None
    assert b"9990000018" not in refused.evidence
    assert b"999 000" not in refused.evidence
    assert "9990000018" not in repr(refused)
    assert refused.sha256 is None


def test_where_it_stands_is_told(changed, judge):
    event = changed("sp-referral", {"referral_ref": NHS_NUMBER, "reasons": [NHS_NUMBER]}, id="nhs" + NHS_NUMBER)
    assert {error.path for error in judge(event).errors} == {"/id", "/data/referral_ref", "/data/reasons/0"}
    assert [error.path for error in judge(changed("sp-referral", {NHS_NUMBER: 1})).errors] == ["/data"]
    assert [error.path for error in judge(changed("sp-referral", {f"nhs{NHS_NUMBER}": NHS_NUMBER})).errors] == ["/data"]
    assert judge(event).id is None
    assert judge(event).source == event["source"]
    many = changed("sp-referral", {f"x{n}": NHS_NUMBER for n in range(50)})
    assert len(judge(many).errors) == 10


def test_a_number_in_the_key_alone_identifies_too(changed, judge):
    event = changed("sp-referral")
    refused = judge(event, key=b"nhs-number:" + NHS_NUMBER.encode())
    assert verdict(refused) == (Reason.identifiable_data, "")
    assert refused.evidence == json.dumps(event).encode()
    assert not refused.redacted
    refused = judge(None, key=NHS_NUMBER.encode())
    assert verdict(refused) == (Reason.identifiable_data, "")
    assert (refused.evidence, refused.redacted) == (None, False)


@pytest.mark.parametrize("size", [MAX_EVIDENCE_BYTES + 1, MAX_EVENT_BYTES + 1])
def test_of_a_large_value_that_identifies_neither_bytes_nor_hash_are_kept(size, judge):
    refused = judge(NHS_NUMBER.encode().rjust(size))
    assert refused.reason is Reason.identifiable_data
    assert (refused.evidence, refused.sha256, refused.size) == (None, None, size)


@pytest.mark.parametrize(
    "subject", ["nhs-number:1234567890", "NHS-Number: 999 000 0019", "nhs-number:", "nhs-number:x9990000019"]
)
def test_a_subject_by_nhs_number_identifies_even_when_the_number_is_wrong(subject, changed, judge):
    refused = judge(changed("sp-referral", subject=subject))
    assert verdict(refused) == (Reason.identifiable_data, "/subject")
    kept = json.loads(refused.evidence)["subject"]
    assert not any(character.isdigit() for character in kept)


def test_a_code_that_looks_like_an_nhs_number_is_a_code(rules, changed, judge):
    document = rules.document()
    document["code_lists"]["snomed"]["codes"].append(
        {"code": NHS_NUMBER, "name": "By chance", "kinds": ["sp-referral"]}
    )
    with_code = Rules.from_document(document)
    event = changed("sp-referral", {"snomed_code": NHS_NUMBER})
    assert isinstance(judge(event, by=with_code), Event)
    assert judge(event).reason is Reason.identifiable_data
    event["data"]["referral_ref"] = "9434765919"
    assert judge(event, by=with_code).reason is Reason.identifiable_data
