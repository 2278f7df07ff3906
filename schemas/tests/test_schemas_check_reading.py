"""What cannot be read as an event, and how that is told."""

import json

import pytest

from pcare_schemas.invalid_examples import NHS_NUMBER
from pcare_schemas.kinds import TYPES
from pcare_schemas.rejections import MAX_EVENT_BYTES, Reason, Rejection


def verdict(found):
    assert isinstance(found, Rejection), found
    return found.reason, found.errors[0].path


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"nonsense", b'{"a":1}x', b"\xff\xfe", b'{"a":"\xff"}', b'{"a":"\\ud800"}']
)
def test_what_is_not_json_is_told_so(value, judge):
    refused = judge(value)
    assert verdict(refused) == (Reason.not_json, "")
    assert refused.evidence == value
    assert (refused.source, refused.id) == (None, None)


def test_where_json_breaks_off_is_told(changed, judge):
    refused = judge(json.dumps(changed("pam-scored"), indent=2).encode()[:200])
    assert "line 6 column" in refused.errors[0].message


def test_nesting_without_end_is_refused_and_harms_nothing(judge):
    for opening in (b"[", b'{"a":', b'{"data":'):
        value = opening * (MAX_EVENT_BYTES // len(opening))
        assert judge(value).reason is Reason.not_json


@pytest.mark.parametrize("value", [b"null", b"true", b"7", b'"text"', b"[]", b"[{}]"])
def test_json_that_is_no_object_is_no_cloudevent(value, judge):
    assert verdict(judge(value)) == (Reason.not_cloudevent, "")


@pytest.mark.parametrize("attribute", ["specversion", "id", "source", "type"])
@pytest.mark.parametrize("value", [None, "", 7, ["1.0"]])
def test_a_cloudevent_has_its_required_attributes_as_text(attribute, value, changed, judge):
    assert verdict(judge(changed("sp-referral", **{attribute: value}))) == (Reason.not_cloudevent, f"/{attribute}")
    assert verdict(judge(changed("sp-referral", without=(attribute,)))) == (Reason.not_cloudevent, f"/{attribute}")


def test_everything_that_an_envelope_lacks_is_told_at_once(judge):
    assert [error.path for error in judge({}).errors] == ["/specversion", "/id", "/source", "/type"]


def test_an_unknown_type_gets_the_nearest_types(changed, judge):
    refused = judge(changed("sp-referral", type="uk.nhs.ncl.personalised-care.sp-refferal.v1"))
    assert verdict(refused) == (Reason.unknown_type, "/type")
    assert refused.errors[0].expected.startswith("one of: uk.nhs.ncl.personalised-care.sp-referral.v1")
    for kind_of_type in TYPES:
        assert kind_of_type in judge(changed("sp-referral", type="com.example.created")).errors[0].expected


def test_an_event_that_breaks_many_rules_gets_some_of_them_at_once(changed, judge):
    refused = judge(changed("sp-referral", {f"x{n}": n for n in range(50)}, time=1, subject="x"))
    assert refused.reason is Reason.invalid_data
    assert len(refused.errors) == 20


def test_an_array_with_a_wrong_item_gets_the_one_error(changed, judge):
    for items in (["x"], ["mental_health", "x"], ["x"] * 10_000):
        paths = [error.path for error in judge(changed("sp-referral", {"reasons": items})).errors]
        assert paths == [f"/data/reasons/{items.index('x')}"]
    paths = [error.path for error in judge(changed("sp-referral", {"reasons": ["mental_health"] * 5})).errors]
    assert paths == ["/data/reasons"]


def test_a_misspelt_field_gets_the_name_it_comes_near(changed, judge):
    error = judge(changed("sp-referral", {"refferal_ref": "x"})).errors[0]
    assert (error.path, "`referral_ref`" in error.message) == ("/data/refferal_ref", True)
    assert "referral_ref" in error.expected
    error = judge(changed("sp-referral", recordedtme="x")).errors[0]
    assert (error.path, "`recordedtime`" in error.message) == ("/recordedtme", True)


@pytest.mark.parametrize("name", ["Jane Smith", "a/b", "~", "", "é", "x" * 41, "a\nb", f"n{NHS_NUMBER}"])
def test_a_field_whose_name_may_say_anything_is_not_named(name, changed, judge):
    refused = judge(changed("sp-referral", {name: "x"}))
    assert refused.errors[0].path == "/data"
    assert all(not name or name not in f"{error.message}{error.expected}" for error in refused.errors)
