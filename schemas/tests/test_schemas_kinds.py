"""What each kind demands, field by field."""

import datetime as dt
import json

import pytest

from pcare_schemas.envelope import Event, type_of
from pcare_schemas.examples import VALID
from pcare_schemas.kinds import EVENT_ADAPTER, KINDS, TYPES
from pcare_schemas.rejections import Reason, Rejection
from pcare_schemas.self_management import CUT_POINTS, pam_level

CATALOGUE = [
    "choice-offered",
    "choice-standards-assessed",
    "sp-referral",
    "sp-declined",
    "sp-closed",
    "link-worker-joined",
    "link-worker-left",
    "sdm-conversation",
    "collaborate-scored",
    "pam-scored",
    "self-management-referral",
    "self-management-completed",
    "care-plan-agreed",
    "care-plan-reviewed",
    "care-plan-ended",
    "care-plan-declined",
    "phb-issued",
    "phb-ended",
    "event-retracted",
]


def test_the_kinds_are_those_of_the_catalogue():
    assert list(KINDS) == CATALOGUE
    assert list(TYPES) == [f"uk.nhs.ncl.personalised-care.{kind}.v1" for kind in CATALOGUE]


@pytest.mark.parametrize("kind", CATALOGUE)
def test_the_one_parser_gives_the_kind_that_the_type_names(kind):
    event = EVENT_ADAPTER.validate_json(json.dumps(VALID[kind]))
    assert type(event) is KINDS[kind]
    assert event.kind == kind
    assert event.type == type_of(kind)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_an_event_cannot_be_changed_once_checked(kind):
    event = EVENT_ADAPTER.validate_json(json.dumps(VALID[kind]))
    with pytest.raises(ValueError, match="frozen"):
        event.id = "other"
    with pytest.raises(ValueError, match="frozen"):
        event.data.__setattr__(next(iter(type(event.data).model_fields)), None)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_unknown_fields_are_refused_in_envelope_and_payload(kind, changed, judge):
    for event, path in ((changed(kind, extra="x"), "/extra"), (changed(kind, {"extra": "x"}), "/data/extra")):
        refused = judge(event)
        assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, path)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_every_required_field_is_required(kind, changed, judge):
    data = KINDS[kind].model_fields["data"].annotation
    for name, field in data.model_fields.items():
        if field.is_required():
            refused = judge(changed(kind, without=(name,)))
            assert [(error.path, error.message) for error in refused.errors] == [(f"/data/{name}", "This is missing.")]


@pytest.mark.parametrize("kind", CATALOGUE)
@pytest.mark.parametrize(
    "subject",
    [
        "person:k1:00112233445566778899aabbccddeeff",
        "link-worker:RYX:lw-1",
        "commissioner:QMJ",
        "team:RAL:msk-clinic-2",
    ],
)
def test_each_kind_is_about_one_form_of_subject(kind, subject, changed, judge):
    found = judge(changed(kind, subject=subject))
    form = subject.partition(":")[0]
    if KINDS[kind].SUBJECT in {form, "any"}:
        assert isinstance(found, Event), found
    else:
        assert (found.reason, found.errors[0].path) == (Reason.invalid_data, "/subject")


@pytest.mark.parametrize(
    "subject",
    [
        "person:k1:00112233445566778899AABBCCDDEEFF",
        "person:k1:0011",
        "person:3f1c6a1e-0000-4000-8000-000000000001",
        "person:k1:00112233445566778899aabbccddeeff\n",
        " person:k1:00112233445566778899aabbccddeeff",
        "",
        7,
        None,
    ],
)
def test_a_person_is_named_by_pseudonym_only(subject, changed, judge):
    refused = judge(changed("sp-referral", subject=subject))
    assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, "/subject")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-04-12T09:15:00+01:00", dt.datetime(2024, 4, 12, 8, 15, tzinfo=dt.UTC)),
        ("2024-04-12t09:15:00z", dt.datetime(2024, 4, 12, 9, 15, tzinfo=dt.UTC)),
        ("2024-04-12T09:15:00.1234567Z", dt.datetime(2024, 4, 12, 9, 15, 0, 123456, tzinfo=dt.UTC)),
        ("2024-04-12T00:15:00-00:00", dt.datetime(2024, 4, 12, 0, 15, tzinfo=dt.UTC)),
    ],
)
def test_times_are_instants(text, instant, changed, judge):
    event = judge(changed("sp-referral", time=text, recordedtime=text))
    assert event.time == event.recordedtime == instant
    assert event.time.tzinfo is dt.UTC


@pytest.mark.parametrize(
    "text",
    [
        "2024-04-12",
        "2024-04-12T09:15:00",
        "2024-04-12 09:15:00Z",
        "2024-04-12T09:15Z",
        "2024-04-12T24:00:00Z",
        "2024-04-12T09:15:60Z",
        "2024-02-30T09:15:00Z",
        "2024-04-12T09:15:00+99:99",
        "2024-04-12T09:15:00.Z",
        "20240412T091500Z",
        "1712913300",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "",
        1712913300,
        1712913300.5,
        True,
        [],
    ],
)
@pytest.mark.parametrize("field", ["time", "recordedtime"])
def test_nothing_else_is_a_time(field, text, changed, judge):
    refused = judge(changed("sp-referral", **{field: text}))
    assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, f"/{field}")


@pytest.mark.parametrize(
    "day", ["2024-02-30", "2024-04-12T00:00:00Z", "12/04/2024", "1999-12-31", "2100-01-01", 19825, "0"]
)
def test_nothing_else_is_a_day(day, changed, judge):
    refused = judge(changed("phb-issued", {"starts": day}))
    assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, "/data/starts")


@pytest.mark.parametrize("ref", ["a", "A.b_c:d-9", "x" * 64])
def test_a_reference_is_up_to_64_plain_characters(ref, changed, judge):
    assert judge(changed("sp-referral", {"referral_ref": ref}, id=ref)).id == ref


@pytest.mark.parametrize("ref", ["", "x" * 65, "a b", "a/b", "é", "a\n", "Jane Smith", 7, None])
def test_a_reference_is_nothing_else(ref, changed, judge):
    refused = judge(changed("sp-referral", {"referral_ref": ref}))
    assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, "/data/referral_ref")


def test_every_payload_with_a_reference_takes_its_giver():
    for kind in KINDS.values():
        fields = kind.model_fields["data"].annotation.model_fields
        assert ("ref_source" in fields) == any(name.endswith("_ref") for name in fields), kind


def test_every_payload_about_a_person_takes_the_common_part():
    for kind in KINDS.values():
        if kind.SUBJECT == "person":
            fields = kind.model_fields["data"].annotation.model_fields
            assert {"borough", "pcn", "practice", "age_band", "sex", "ethnic_category", "imd_decile"} <= fields.keys()
            assert {"snomed_code", "snomed_version"} <= fields.keys()
            assert [name for name in ("borough", "pcn", "snomed_code") if fields[name].is_required()] == ["borough"]


@pytest.mark.parametrize("cut_points", CUT_POINTS)
def test_a_pam_score_has_the_level_that_its_cut_points_give(cut_points, changed, judge):
    for score10 in range(1001):
        score = score10 / 10
        level = pam_level(score, cut_points)
        assert level == 1 + (score10 > 470) + (score10 > 551) + (score10 > (670 if cut_points == "classic" else 724))
        for other in (
            {1, 2, 3, 4, level - 1, level + 1} if score10 in {0, 470, 471, 551, 552, 670, 671, 724, 725} else ()
        ):
            found = judge(changed("pam-scored", {"score": score, "level": other, "cut_points": cut_points}))
            assert isinstance(found, Rejection) == (other != level)


@pytest.mark.parametrize("score", [-0.1, 100.1, 52.95, 1e300, "52.9", True, None])
def test_no_other_score_is_a_pam_score(score, changed, judge):
    refused = judge(changed("pam-scored", {"score": score}))
    assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, "/data/score")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_a_number_is_finite(number, changed, judge):
    value = json.dumps(changed("pam-scored")).encode().replace(b"52.9", number)
    refused = judge(value, key=VALID["pam-scored"]["subject"].encode())
    assert refused.reason in {Reason.invalid_data, Reason.not_json}


def test_a_set_has_no_order_and_no_repeats(changed, judge):
    first = judge(changed("phb-issued", {"cohorts": ["s117", "adult_mh"]}))
    second = judge(changed("phb-issued", {"cohorts": ["adult_mh", "s117"]}))
    assert first.data.cohorts == second.data.cohorts
    refused = judge(changed("phb-issued", {"cohorts": ["s117", "s117"]}))
    assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, "/data/cohorts")


@pytest.mark.parametrize(
    ("kind", "field", "values"),
    [
        ("phb-issued", "annual_value_pence", [-1, 1_000_000_000, 1.5, "1", True]),
        ("link-worker-joined", "wte", [-0.1, 1.01, 0.555, "1"]),
        ("collaborate-scored", "listen", [-1, 10, 4.5, "9", None]),
        ("choice-offered", "providers_offered", [-1, 1000, 2.5]),
        ("choice-offered", "choice_exercised", ["true", 1, None]),
        ("sp-referral", "imd_decile", [0, 11, 2.5, "1"]),
        ("sp-referral", "reasons", [[], ["gp"], "mental_health", None]),
        ("sp-referral", "pcn", ["U1234", "u12345", "X12345"]),
        ("sp-referral", "practice", ["F8", "f83004", "F83004 "]),
        ("sp-referral", "age_band", ["65-70", 65]),
        ("sp-referral", "snomed_version", ["2024-04-10", 20240410]),
        ("sp-referral", "link_worker_provider", ["Age UK", "-x"]),
    ],
)
def test_fields_take_what_they_are_for_and_nothing_else(kind, field, values, changed, judge):
    for value in values:
        refused = judge(changed(kind, {field: value}))
        assert refused.reason is Reason.invalid_data, value
        assert refused.errors[0].path.startswith(f"/data/{field}"), value


def test_a_snomed_version_needs_its_code(changed, judge):
    refused = judge(changed("sp-referral", without=("snomed_code",)))
    assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, "/data/snomed_version")
    assert isinstance(judge(changed("sp-referral", without=("snomed_version",))), Event)


def test_an_anonymous_score_names_its_team_twice_alike(changed, judge):
    refused = judge(changed("collaborate-scored", {"team": "other"}))
    assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, "/data/team")


@pytest.mark.parametrize(
    ("attribute", "good", "bad"),
    [
        ("datacontenttype", "application/json", "text/plain"),
        (
            "dataschema",
            "urn:ncl:personalised-care:schema:sp-referral:v1",
            "urn:ncl:personalised-care:schema:sp-closed:v1",
        ),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf9-00f0-01"),
    ],
)
def test_optional_attributes_are_checked_if_present(attribute, good, bad, changed, judge):
    for absent in (changed("sp-referral", **{attribute: None}), changed("sp-referral", **{attribute: good})):
        assert isinstance(judge(absent), Event)
    refused = judge(changed("sp-referral", **{attribute: bad}))
    assert (refused.reason, refused.errors[0].path) == (Reason.invalid_data, f"/{attribute}")


def test_no_field_of_any_kind_takes_free_text():
    """Every string of the contract has a pattern, a closed list or one value; none of them admits a space."""
    from pcare_schemas.json_schemas import of_kind

    def strings(node):
        if isinstance(node, dict):
            if node.get("type") == "string":
                yield node
            for inner in node.values():
                yield from strings(inner)
        elif isinstance(node, list):
            for inner in node:
                yield from strings(inner)

    for kind in KINDS.values():
        for string in strings(of_kind(kind)["properties"]):
            values = string.get("enum", [string.get("const", "")])
            assert string.keys() & {"pattern", "enum", "const"}, (kind, string)
            assert " " not in string.get("pattern", "") + "".join(values), (kind, string)
            assert r"\s" not in string.get("pattern", "")
            assert string.get("pattern", "^$").startswith("^")
            assert string.get("pattern", "^$").endswith("$")
