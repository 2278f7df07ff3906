"""The one form of a refusal."""

import json

import pytest

from pcare_schemas.invalid_examples import INVALID
from pcare_schemas.rejections import MEANINGS, FieldError, Reason, problem, rejection

REASONS = """not_json not_cloudevent unknown_type invalid_data unknown_code unknown_provider source_not_allowed
kind_not_allowed key_mismatch identifiable_data time_out_of_range id_reused not_retractable retraction_mismatch
unlinked_pseudonym too_large"""


def test_the_reasons_are_those_of_the_catalogue():
    assert {str(reason) for reason in Reason} == set(REASONS.split())


def test_every_reason_says_what_it_means_and_what_to_do():
    assert MEANINGS.keys() == set(Reason)
    for meaning in MEANINGS.values():
        assert 400 <= meaning.status < 500
        assert meaning.title
        assert meaning.action.endswith(".")


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.name)
def test_a_problem_document_is_complete_and_plain_json(wrong, judge):
    document = problem(judge(wrong.value, key=wrong.subject.encode()))
    assert json.loads(json.dumps(document)) == document
    assert document.keys() == {"type", "title", "status", "detail", "reason", "errors"}
    assert document["type"] == f"urn:ncl:personalised-care:problem:{wrong.reason}"
    assert document["reason"] == wrong.reason
    assert document["errors"][0]["pointer"] == wrong.path
    for error in document["errors"]:
        assert error.keys() == {"pointer", "message", "expected"}
        assert error["message"][0].isupper()
        assert error["message"].endswith((".", "?"))
        assert error["expected"]


def test_a_claim_that_identifies_is_not_kept():
    refused = rejection(b"x", Reason.invalid_data, FieldError("", "."), source="urn:x:9434765919", id="943-476-5919")
    assert (refused.source, refused.id) == (None, None)


@pytest.mark.parametrize("claim", ["", "x" * 65, "a b", "é", "a\nb", 7, None, ["x"]])
def test_a_claim_that_is_no_plain_token_is_not_kept(claim, changed, judge):
    assert judge(changed("pam-scored", {"score": -1}, id=claim)).id is None


def test_a_masked_refusal_masks():
    refused = rejection(b"nhs-number:9434765910", Reason.invalid_data, FieldError("", "."), mask=True)
    assert refused.evidence == b"nhs-number:**********"
    assert refused.redacted
