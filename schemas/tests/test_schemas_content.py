"""The content hash: the same for the same content, another for another, and RFC 8785 to the byte."""

import datetime as dt
import hashlib
import json

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from pcare_schemas.content import content_hash, hash_of
from pcare_schemas.examples import VALID
from pcare_schemas.kinds import EVENT_ADAPTER
from pcare_schemas.log import read_line
from pcare_schemas.recorded import Origin, recorded_text

SUBJECT = "person:3f1c6a1e-0000-4000-8000-000000000001"
ORIGIN = Origin("interventions.submitted", 0, 7)


def read(event):
    return EVENT_ADAPTER.validate_json(event if isinstance(event, bytes) else json.dumps(event))


def hashed(event):
    return content_hash(read(event), SUBJECT)


def again(event):
    """Write the same content in another order, with other white space."""
    turned = {name: event[name] for name in sorted(event, reverse=True)}
    turned["data"] = {name: event["data"][name] for name in sorted(event["data"])}
    return json.dumps(turned, indent=3, separators=(" ,", " : ")).encode()


@pytest.mark.parametrize("kind", VALID)
def test_formatting_is_not_content(kind):
    assert hashed(VALID[kind]) == hashed(again(VALID[kind]))


@pytest.mark.parametrize(
    "time",
    ["2024-04-19T09:00:00Z", "2024-04-19T10:00:00+01:00", "2024-04-19T09:00:00-00:00", "2024-04-19t09:00:00.000000z"],
)
def test_the_offset_of_the_time_is_not_content(time, changed):
    assert hashed(changed("pam-scored", time=time)) == hashed(changed("pam-scored", time="2024-04-19T09:00:00+00:00"))


def test_what_travels_with_an_event_is_not_content(changed):
    bare = changed("sp-referral", without=("recordedtime", "traceparent", "datacontenttype"))
    schema = "urn:ncl:personalised-care:schema:sp-referral:v1"
    assert hashed(bare) == hashed(changed("sp-referral")) == hashed(changed("sp-referral", dataschema=schema))
    assert hashed(bare) == hashed(changed("sp-referral", recordedtime="2024-05-01T00:00:00Z"))


@pytest.mark.parametrize("score", ["47", "47.0", "47.00", "4.7e1", "0.47E+2"])
def test_the_writing_of_a_number_is_not_content(score, changed):
    value = json.dumps(changed("pam-scored", {"level": 1})).replace("52.9", score).encode()
    assert hashed(value) == hashed(changed("pam-scored", {"score": 47, "level": 1}))


def test_minus_nought_is_nought(changed):
    assert hashed(changed("pam-scored", {"score": -0.0, "level": 1})) == hashed(
        changed("pam-scored", {"score": 0, "level": 1})
    )


def test_a_default_written_out_is_not_content(changed):
    written = changed("phb-issued", {"integrated": False, "one_off": False, "practice": None, "ref_source": None})
    assert hashed(written) == hashed(changed("phb-issued"))
    assert hashed(changed("sdm-conversation", {"decision_aid": False})) == hashed(
        changed("sdm-conversation", without=("decision_aid",))
    )


def test_the_order_of_a_set_is_not_content(changed):
    assert hashed(changed("phb-issued", {"cohorts": ["s117", "adult_mh"]})) == hashed(
        changed("phb-issued", {"cohorts": ["adult_mh", "s117"]})
    )


@pytest.mark.parametrize("kind", VALID)
def test_all_else_is_content(kind, changed):
    original = hashed(VALID[kind])
    assert hashed(changed(kind, time="2024-03-29T10:00:00Z")) != original
    assert content_hash(read(VALID[kind]), SUBJECT[:-1] + "2") != original
    others = [other for other in VALID if VALID[other]["data"].keys() == VALID[kind]["data"].keys() and other != kind]
    for other in others:
        assert hashed(VALID[other]) != original


def test_every_field_is_content(changed):
    changes = {
        "score": 53.0,
        "instrument": "PAM-10",
        "cut_points": "revised",
        "plan_ref": "other",
        "borough": "E09000007",
        "pcn": "U54321",
        "practice": "F83005",
        "age_band": "70-74",
        "sex": "male",
        "ethnic_category": "B",
        "imd_decile": 4,
        "snomed_code": "925431000000109",
        "snomed_version": "20241010",
        "ref_source": "urn:ncl:provider:x",
    }
    hashes = {hashed(changed("pam-scored", {name: value})) for name, value in changes.items()}
    assert len(hashes | {hashed(VALID["pam-scored"])}) == len(changes) + 1


@pytest.mark.parametrize("kind", VALID)
def test_the_log_alone_is_enough_to_compute_it_again(kind):
    event = read(VALID[kind])
    text = recorded_text(
        event, subject=SUBJECT, recorded_at=dt.datetime(2024, 7, 1, tzinfo=dt.UTC), origin=ORIGIN, rules_version="1-0"
    )
    line = read_line(text)
    assert hash_of(line.type, line.subject, line.time, line.data) == content_hash(event, SUBJECT)


@pytest.mark.parametrize("kind", VALID)
def test_it_is_the_hash_of_the_canonical_json(kind):
    event = read(VALID[kind])
    content = {
        "type": event.type,
        "subject": SUBJECT,
        "time": event.time.isoformat().replace("+00:00", "Z"),
        "data": event.data.model_dump(mode="json", exclude_none=True),
    }
    assert content_hash(event, SUBJECT) == hashlib.sha256(rfc8785.dumps(content)).digest()


def values():
    """Whatever a payload of the contract may hold, once checked."""
    text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\'), max_size=20)
    decimals = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)
    single = text | decimals | st.booleans() | st.integers(0, 999_999_999) | st.just(-0.0)
    return single | st.lists(text | st.integers(0, 999), max_size=5)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), values(), max_size=12))
def test_the_fast_way_and_the_library_agree(data):
    content = {"type": "t", "subject": SUBJECT, "time": "2024-04-19T09:00:00Z", "data": data}
    expected = hashlib.sha256(rfc8785.dumps(content)).digest()
    assert hash_of("t", SUBJECT, "2024-04-19T09:00:00Z", orjson.loads(orjson.dumps(data))) == expected


def test_every_score_and_every_share_of_a_week_agrees_with_the_library():
    for hundredths in range(10_001):
        value = hundredths / 100
        expected = rfc8785.dumps({"data": {"v": value}, "subject": "", "time": "", "type": ""})
        assert hash_of("", "", "", {"v": value}) == hashlib.sha256(expected).digest()
