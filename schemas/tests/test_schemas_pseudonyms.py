"""Keys, pseudonyms, and the edge's exchange of one for the other."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_schemas.content import content_hash
from pcare_schemas.examples import RECEIVED, VALID
from pcare_schemas.origin import Origin
from pcare_schemas.pseudonym import KeyMissingError, Keys, PseudonymKey, pseudonym
from pcare_schemas.recorded import recorded_text
from pcare_schemas.rejections import Reason, Rejection
from pcare_schemas.submission import Submission, pseudonymise_subject

SECRET = "0123456789abcdef" * 4
KEY = PseudonymKey("k1", SECRET.encode())
NUMBER = "9990000018"


def test_a_pseudonym_is_the_first_half_of_the_hmac_of_the_ten_digits():
    expected = hmac.new(SECRET.encode(), NUMBER.encode(), hashlib.sha256).hexdigest()[:32]
    assert pseudonym(NUMBER, KEY) == f"person:k1:{expected}"
    assert pseudonym("999 000 0018", KEY) == pseudonym("999-000-0018", KEY) == pseudonym(NUMBER, KEY)
    assert pseudonym(NUMBER, PseudonymKey("k2", SECRET.encode())) == f"person:k2:{expected}"
    assert pseudonym(NUMBER, PseudonymKey("k1", SECRET.encode() + b"x")) != pseudonym(NUMBER, KEY)


@pytest.mark.parametrize("number", ["9990000019", "", "999000001", "nhs9990000018"])
def test_what_is_no_nhs_number_gets_no_pseudonym_and_is_not_repeated(number):
    with pytest.raises(ValueError, match="not a valid NHS number") as raised:
        pseudonym(number, KEY)
    assert not number or number not in str(raised.value)


def test_a_key_is_read_from_the_file_that_is_named(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"  {SECRET}\n")
    assert PseudonymKey.read(environment={"PCARE_PSEUDONYM_KEY_FILE": str(file)}) == KEY
    assert PseudonymKey.read(file, environment={}) == KEY
    file.write_text(f"k7:{SECRET}\n")
    assert PseudonymKey.read(file, environment={}) == PseudonymKey("k7", SECRET.encode())


def test_a_key_is_read_from_the_environment():
    assert PseudonymKey.read(environment={"PCARE_PSEUDONYM_KEY": SECRET}) == KEY
    assert PseudonymKey.read(environment={"PCARE_PSEUDONYM_KEY": f"k2:{SECRET}"}).id == "k2"


def test_the_file_comes_before_the_variable(tmp_path):
    file = tmp_path / "key"
    file.write_text(SECRET[::-1])
    environment = {"PCARE_PSEUDONYM_KEY_FILE": str(file), "PCARE_PSEUDONYM_KEY": SECRET}
    assert PseudonymKey.read(environment=environment).secret == SECRET[::-1].encode()


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "PCARE_PSEUDONYM_KEY_FILE"),
        ({"PCARE_PSEUDONYM_KEY": ""}, "PCARE_PSEUDONYM_KEY"),
        ({"PCARE_PSEUDONYM_KEY": "x" * 31}, "PCARE_PSEUDONYM_KEY: "),
        ({"PCARE_PSEUDONYM_KEY": "k1:" + "x" * 31}, "PCARE_PSEUDONYM_KEY: "),
        ({"PCARE_PSEUDONYM_KEY_FILE": "/nowhere/key"}, "PCARE_PSEUDONYM_KEY_FILE: /nowhere/key"),
    ],
)
def test_a_key_that_is_missing_or_short_is_an_error_that_names_the_variable(environment, named):
    with pytest.raises(KeyMissingError) as raised:
        PseudonymKey.read(environment=environment)
    assert named in str(raised.value)
    assert "xxx" not in str(raised.value)


def test_an_empty_key_file_is_an_error_that_names_its_variable(tmp_path):
    file = tmp_path / "key"
    file.write_text("\n")
    with pytest.raises(KeyMissingError, match=r"PCARE_PSEUDONYM_KEY_FILE.*32 bytes"):
        PseudonymKey.read(environment={"PCARE_PSEUDONYM_KEY_FILE": str(file)})


def test_a_key_is_never_shown():
    assert SECRET not in repr(KEY)
    with pytest.raises(KeyMissingError):
        PseudonymKey("1", SECRET.encode())


@pytest.mark.parametrize("written", [NUMBER, "999 000 0018", " 9990000018 ", "999-000-0018"])
@pytest.mark.parametrize("indent", [None, 2])
def test_the_pseudonym_takes_the_numbers_place_and_nothing_else_changes(written, indent, changed):
    event = changed("sp-referral", subject=f"nhs-number:{written}")
    value = json.dumps(event, indent=indent).encode()
    subject = pseudonym(NUMBER, KEY)
    expected = value.replace(f"nhs-number:{written}".encode(), subject.encode())
    assert pseudonymise_subject(value, KEY) == Submission(expected, subject)
    of_mapping = pseudonymise_subject(event, KEY)
    assert json.loads(of_mapping.value) == {**event, "subject": subject}


def test_a_subject_written_with_escapes_is_exchanged_too(changed, judge):
    value = json.dumps(changed("sp-referral", subject="@")).replace('"@"', '"nhs-number:\\u0039990000018"').encode()
    submission = pseudonymise_subject(value, KEY)
    assert submission.subject == pseudonym(NUMBER, KEY)
    assert judge(submission.value, key=submission.subject.encode()).subject == submission.subject


@pytest.mark.parametrize("hostile", ["[" * 900 + "]" * 900, "9" * 5000])
def test_what_not_every_parser_reads_is_left_for_the_check_to_refuse(hostile, judge):
    value = f'{{"subject":"nhs-number:\\u0039990000018","x":{hostile}}}'.encode()
    assert pseudonymise_subject(value, KEY).value == value
    assert judge(value).reason is Reason.identifiable_data


def test_what_is_exchanged_passes_the_check(changed, judge):
    submission = pseudonymise_subject(json.dumps(changed("sp-referral", subject=f"nhs-number:{NUMBER}")).encode(), KEY)
    assert judge(submission.value, key=submission.subject.encode()).kind == "sp-referral"


def test_another_number_elsewhere_is_not_exchanged(changed, judge):
    event = changed("sp-referral", {"referral_ref": f"nhs-number:{NUMBER}"}, subject=f"nhs-number:{NUMBER}")
    submission = pseudonymise_subject(json.dumps(event).encode(), KEY)
    assert judge(submission.value, key=submission.subject.encode()).reason is Reason.identifiable_data
    twice = json.dumps(changed("sp-referral", subject=f"nhs-number:{NUMBER}")).replace(
        '"subject"', '"subject": "nhs-number:9434765919", "subject"'
    )
    submission = pseudonymise_subject(twice.encode(), KEY)
    assert judge(submission.value, key=submission.subject.encode()).reason is Reason.identifiable_data


@pytest.mark.parametrize("subject", ["nhs-number:9990000019", "nhs-number:999000001", "nhs-number:", "nhs-number:abc"])
def test_a_number_that_is_not_valid_is_told_so_and_not_kept(subject, changed):
    value = json.dumps(changed("sp-referral", subject=subject)).encode()
    refused = pseudonymise_subject(value, KEY)
    assert isinstance(refused, Rejection)
    assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, "/subject")
    assert not any(character.isdigit() for character in json.loads(refused.evidence)["subject"])
    assert "99900000" not in repr(refused)


@pytest.mark.parametrize("kind", VALID)
def test_other_subjects_pass_to_the_byte(kind):
    value = json.dumps(VALID[kind], indent=1).encode()
    assert pseudonymise_subject(value, KEY) == Submission(value, VALID[kind]["subject"])


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b"null", b'{"subject":7}', b'{"subject":"nhs-number:9990000018"', b"[" * 5000, b"\xff"]
)
def test_what_cannot_be_read_passes_for_the_check_to_refuse(value, judge):
    assert pseudonymise_subject(value, KEY) == Submission(value, None)
    assert isinstance(judge(value), Rejection)


def test_a_mapping_that_json_cannot_hold_is_refused():
    assert pseudonymise_subject({"subject": object()}, KEY).reason is Reason.not_json
    assert pseudonymise_subject({1: 2}, KEY).reason is Reason.not_json


@given(st.binary(max_size=100) | st.text(max_size=60).map(lambda text: json.dumps({"subject": text}).encode()))
def test_any_bytes_are_taken_or_refused(value):
    assert isinstance(pseudonymise_subject(value, KEY), Submission | Rejection)


def test_an_event_that_names_its_subject_or_anything_else_twice_is_not_written_anew() -> None:
    key = PseudonymKey("k1", b"0" * 32)
    for event in (
        b'{"id":"a","id":"b","subject":"nhs-number:9990000018","subject":"nhs-number:9990000018"}',
        b'{"id":"a","subject":"nhs-number:9990000018","subject":"nhs-number:9990000018"}',
        b'{"id":NaN,"subject":"nhs-number:9990000018","note":"nhs-number:9990000018"}',
    ):
        submission = pseudonymise_subject(event, key)
        assert isinstance(submission, Submission)
        assert submission.value == event


OTHER = PseudonymKey("k2", SECRET[::-1].encode())


@pytest.mark.parametrize("written", ["nhs-number:999 000 0018", "@"])
def test_while_the_key_is_changed_both_pseudonyms_are_sent(written, changed, judge):
    event = changed("sp-referral", subject=written)
    value = json.dumps(event).replace('"@"', '"nhs-number:\\u0039990000018"').encode()
    submission = pseudonymise_subject(value, KEY, OTHER)
    assert submission.subject == pseudonym(NUMBER, KEY)
    read = judge(submission.value, key=submission.subject.encode())
    assert read.pseudonyms == (pseudonym(NUMBER, KEY), pseudonym(NUMBER, OTHER))
    assert json.loads(submission.value) == {**event, "subject": read.subject, "subjectprev": read.pseudonyms[1]}


def test_whoever_sends_a_number_leaves_the_other_pseudonym_to_ingest(changed):
    event = changed("sp-referral", subject=f"nhs-number:{NUMBER}", subjectprev=pseudonym(NUMBER, OTHER))
    for previous in (None, OTHER):
        refused = pseudonymise_subject(json.dumps(event).encode(), KEY, previous)
        assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, "/subjectprev")
        assert NUMBER.encode() not in refused.evidence


@pytest.mark.parametrize(
    ("kind", "subject", "previous"),
    [
        ("sp-referral", pseudonym(NUMBER, KEY), "nhs-number:1234"),
        ("sp-referral", pseudonym(NUMBER, KEY), "person:k2:abc"),
        ("sp-referral", pseudonym(NUMBER, KEY), f"person:k1:{'0' * 32}"),
        ("collaborate-scored", "team:RAL:msk-clinic-2", pseudonym(NUMBER, OTHER)),
        ("event-retracted", "team:RAL:msk-clinic-2", pseudonym(NUMBER, OTHER)),
        ("event-retracted", pseudonym(NUMBER, KEY), pseudonym(NUMBER, KEY)),
    ],
)
def test_what_is_no_other_pseudonym_of_the_person_is_refused(kind, subject, previous, changed, judge):
    refused = judge(changed(kind, subject=subject, subjectprev=previous))
    assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, "/subjectprev")


def test_the_other_pseudonym_is_no_part_of_what_an_event_says(changed, judge):
    event = changed("sp-referral", subject=pseudonym(NUMBER, KEY))
    with_both = judge({**event, "subjectprev": pseudonym(NUMBER, OTHER)})
    assert content_hash(with_both, "person:x") == content_hash(judge(event), "person:x")
    text = recorded_text(
        with_both, subject="person:x", recorded_at=RECEIVED, origin=Origin("t", 0, 0), rules_version="1"
    )
    assert b"subjectprev" not in text


def test_the_previous_key_is_read_beside_the_current_one(tmp_path):
    (tmp_path / "old").write_text(SECRET)
    (tmp_path / "new").write_text(f"k2:{SECRET[::-1]}")
    environment = {
        "PCARE_PSEUDONYM_KEY_FILE": str(tmp_path / "new"),
        "PCARE_PSEUDONYM_PREVIOUS_KEY_FILE": str(tmp_path / "old"),
    }
    assert Keys.read(environment) == Keys(OTHER, KEY)
    assert Keys.read({"PCARE_PSEUDONYM_KEY": SECRET}) == Keys(KEY)


@pytest.mark.parametrize(
    ("old", "words"),
    [(SECRET, "both called k1"), (f"k2:{SECRET[::-1]}", "the secret of the current one"), (None, "read")],
)
def test_two_keys_that_cannot_be_told_apart_are_refused(old, words, tmp_path):
    if old is not None:
        (tmp_path / "old").write_text(old)
    environment = {
        "PCARE_PSEUDONYM_KEY": SECRET[::-1],
        "PCARE_PSEUDONYM_PREVIOUS_KEY_FILE": str(tmp_path / "old"),
    }
    with pytest.raises(KeyMissingError, match=f"PCARE_PSEUDONYM_PREVIOUS_KEY_FILE.*{words}") as raised:
        Keys.read(environment)
    assert SECRET not in str(raised.value)
    assert SECRET[::-1] not in str(raised.value)
