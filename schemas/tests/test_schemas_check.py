"""The rules that the models do not show: each verdict, and which comes first."""

import datetime as dt
import hashlib
import json

import pytest

from pcare_schemas.check import refuse
from pcare_schemas.envelope import Event
from pcare_schemas.examples import ODS, RECEIVED, VALID, as_record
from pcare_schemas.invalid_examples import INVALID, NHS_NUMBER
from pcare_schemas.kinds import KINDS, TYPES
from pcare_schemas.register import ProviderEntry, Register
from pcare_schemas.rejections import MAX_EVENT_BYTES, MAX_EVIDENCE_BYTES, FieldError, Reason, Rejection
from pcare_schemas.rules import Rules


@pytest.fixture(scope="module")
def local_rules(rules):
    """The rules, with three organisations more."""
    entries = [ProviderEntry.model_validate(entry, strict=False) for entry in rules.register.document()]
    entries += [
        ProviderEntry(source="urn:ncl:provider:age-well-camden", name="Age Well", kind="voluntary_sector"),
        ProviderEntry(
            source="urn:ncl:provider:gone",
            name="Gone",
            kind="voluntary_sector",
            valid_from=dt.date(2016, 4, 1),
            valid_to=dt.date(2024, 4, 1),
        ),
        ProviderEntry(
            source="urn:ncl:provider:yet-to-come",
            name="To come",
            kind="voluntary_sector",
            valid_from=dt.date(2024, 5, 1),
        ),
    ]
    return Rules(rules.contract, rules.lists, Register(entries))


def verdict(found):
    assert isinstance(found, Rejection), found
    return found.reason, found.errors[0].path


@pytest.mark.parametrize("kind", KINDS)
def test_each_valid_example_is_taken(kind, judge):
    assert judge(VALID[kind]).kind == kind


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.name)
def test_each_invalid_example_is_refused_for_its_reason_at_its_place(wrong, judge):
    refused = judge(wrong.value, key=wrong.subject.encode())
    assert verdict(refused) == (wrong.reason, wrong.path)
    assert refused.size == len(wrong.value)
    assert refused.redacted == (wrong.reason is Reason.identifiable_data)
    if wrong.reason not in {Reason.not_json, Reason.not_cloudevent, Reason.identifiable_data}:
        assert (refused.source, refused.id) == (json.loads(wrong.value)["source"], json.loads(wrong.value)["id"])


def test_there_are_three_invalid_examples_of_each_kind_at_least():
    kinds = [wrong.kind for wrong in INVALID]
    assert all(kinds.count(kind) >= 3 for kind in KINDS)
    assert len({wrong.name for wrong in INVALID}) == len(INVALID)


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


@pytest.mark.parametrize(
    ("time", "taken"),
    [
        ("2014-12-31T23:59:59.999999Z", False),
        ("2015-01-01T00:00:00Z", True),
        ("2015-01-01T00:30:00+01:00", False),
        ("2024-06-30T12:05:00Z", True),
        ("2024-06-30T12:05:00.000001Z", False),
        ("2024-06-30T13:05:00+01:00", True),
    ],
)
def test_a_time_lies_between_2015_and_five_minutes_after_the_brokers(time, taken, changed, judge):
    found = judge(changed("pam-scored", time=time))
    assert isinstance(found, Event) if taken else verdict(found) == (Reason.time_out_of_range, "/time")
    found = judge(changed("pam-scored", recordedtime=time))
    assert isinstance(found, Event) if taken else verdict(found) == (Reason.time_out_of_range, "/recordedtime")


def test_the_broker_says_what_is_later_not_a_clock(changed, judge):
    late = changed("pam-scored", time="2024-07-15T10:00:00Z")
    assert judge(late).reason is Reason.time_out_of_range
    assert isinstance(judge(late, timestamp=dt.datetime(2024, 7, 15, 9, 55, tzinfo=dt.UTC)), Event)


@pytest.mark.parametrize(
    "source",
    ["urn:ncl:provider:nobody", ODS + "XXX", ODS + "rke", ODS, "https://example.org/", "x", "urn:ncl:provider:rke"],
)
def test_a_source_is_one_of_the_register(source, changed, judge):
    refused = judge(changed("pam-scored", source=source))
    assert verdict(refused) == (Reason.unknown_provider, "/source")


@pytest.mark.parametrize(
    ("slug", "time", "taken"),
    [
        ("gone", "2016-03-31T23:30:00+01:00", False),
        ("gone", "2016-04-01T00:00:00+01:00", True),
        ("gone", "2024-03-31T23:59:59+01:00", True),
        ("gone", "2024-03-31T23:00:00Z", False),
        ("yet-to-come", "2024-04-30T12:00:00Z", False),
        ("yet-to-come", "2024-05-01T00:00:00+01:00", True),
    ],
)
def test_a_source_is_registered_on_the_day_in_london(slug, time, taken, *, changed, judge, local_rules):
    found = judge(changed("pam-scored", source=f"urn:ncl:provider:{slug}", time=time), by=local_rules)
    assert isinstance(found, Event) if taken else verdict(found) == (Reason.unknown_provider, "/source")


def test_an_organisation_that_merged_names_its_successor(changed, judge):
    event = changed("pam-scored", source=ODS + "RAP", time="2025-01-01T00:00:00Z")
    refused = judge(event, timestamp=dt.datetime(2025, 2, 1, tzinfo=dt.UTC))
    assert verdict(refused) == (Reason.unknown_provider, "/source")
    assert "RAL" in refused.errors[0].message
    assert refused.errors[0].expected == "a time before 2025-01-01"
    assert isinstance(judge(changed("pam-scored", source=ODS + "RAP")), Event)


@pytest.mark.parametrize(
    ("topic", "taken"),
    [
        ("interventions.submitted", True),
        ("interventions.submitted.rke", True),
        ("interventions.submitted.ral", False),
        ("interventions.submitted.rk", False),
    ],
)
def test_a_providers_own_topic_takes_its_own_source_only(topic, taken, changed, judge):
    found = judge(changed("pam-scored"), topic=topic)
    assert isinstance(found, Event) if taken else verdict(found) == (Reason.source_not_allowed, "/source")


def test_an_organisation_without_an_ods_code_has_a_topic_by_its_slug(changed, judge, local_rules):
    event = changed("pam-scored", source="urn:ncl:provider:age-well-camden")
    assert isinstance(judge(event, by=local_rules, topic="interventions.submitted.age-well-camden"), Event)
    assert judge(event, by=local_rules, topic="interventions.submitted.rke").reason is Reason.source_not_allowed


def test_a_topic_of_something_else_is_a_fault_of_the_caller_not_of_the_event(changed, judge):
    with pytest.raises(ValueError, match="submitted"):
        judge(changed("pam-scored"), topic="interventions.recorded")


@pytest.mark.parametrize("key", [None, b"", b"x", VALID["pam-scored"]["subject"].upper().encode(), b"\xff"])
def test_the_key_is_the_subject_to_the_byte(key, changed, judge):
    assert verdict(judge(changed("pam-scored"), key=key)) == (Reason.key_mismatch, "/subject")


@pytest.mark.parametrize(
    ("kind", "field", "code", "suggestion"),
    [
        ("pam-scored", "borough", "E09000020", "E09000019"),
        ("pam-scored", "borough", "Islington", "E09000019"),
        ("pam-scored", "ethnic_category", "99x", "99"),
        ("sdm-conversation", "situation", "knee_pian", "knee_pain"),
        ("sdm-conversation", "situation", "Atrial_Fibrillation", "atrial_fibrillation"),
        ("sp-referral", "snomed_code", "871691000000100", "871731000000106"),
        ("sp-declined", "snomed_code", "871731000000106", "871711000000103"),
        ("link-worker-joined", "borough", "E09000020", "E09000019"),
        ("collaborate-scored", "borough", "E09000020", "E09000019"),
        ("choice-standards-assessed", "standards_met", [0], "1"),
    ],
)
def test_an_unknown_code_gets_the_nearest(kind, field, code, suggestion, *, changed, judge):
    refused = judge(changed(kind, {field: code}))
    assert verdict(refused) == (Reason.unknown_code, f"/data/{field}")
    assert suggestion in refused.errors[0].expected


def test_every_snomed_code_goes_with_its_kinds_and_no_other(rules, changed, judge):
    for code in rules.lists["snomed"].codes.values():
        for name, kind in KINDS.items():
            if "snomed_code" in kind.model_fields["data"].annotation.model_fields:
                found = judge(changed(name, {"snomed_code": code.code}))
                assert isinstance(found, Event) == (name in code.kinds), (name, code)


@pytest.mark.parametrize(
    ("code", "time", "taken"),
    [
        ("07R", "2020-03-31T23:00:00+01:00", True),
        ("07R", "2020-04-01T00:00:00+01:00", False),
        ("93C", "2020-04-01T00:00:00+01:00", True),
        ("93C", "2020-03-31T22:59:59Z", False),
        ("QMJ", "2022-06-30T12:00:00Z", False),
        ("QMJ", "2022-07-01T00:00:00+01:00", True),
        ("ABC", "2023-01-01T00:00:00Z", False),
    ],
)
def test_a_commissioner_is_one_at_the_events_time(code, time, taken, changed, judge):
    subject = f"commissioner:{code}"
    found = judge(changed("choice-standards-assessed", subject=subject, time=time, source=ODS + "RKE"))
    assert isinstance(found, Event) if taken else verdict(found) == (Reason.unknown_code, "/subject")


def test_a_retired_code_is_named_with_its_successor(changed, judge):
    event = changed("choice-standards-assessed", subject="commissioner:07R", source=ODS + "RKE")
    error = judge(event).errors[0]
    assert "07R (NHS Camden CCG)" in error.message
    assert error.expected == "such as 93C (NHS North Central London CCG (from July 2022 the sub-ICB location))"


@pytest.mark.parametrize(("time", "taken"), [("2024-05-14T23:59:59+01:00", True), ("2024-05-15T00:00:00+01:00", False)])
def test_a_code_is_judged_at_the_events_time(time, taken, rules, changed, judge):
    document = rules.document()
    knee = next(code for code in document["code_lists"]["situations"]["codes"] if code["code"] == "knee_pain")
    knee |= {"valid_to": "2024-05-15", "successor": "hip_pain"}
    found = judge(changed("sdm-conversation", time=time), by=Rules.from_document(document))
    assert isinstance(found, Event) if taken else verdict(found) == (Reason.unknown_code, "/data/situation")
    assert taken or found.errors[0].expected == "such as hip_pain (Hip pain)"


def test_a_retraction_names_its_subject_as_it_was(changed, judge):
    """What was valid when the event was made may have ended when it is taken back."""
    assert isinstance(judge(changed("event-retracted", subject="commissioner:07R")), Event)


@pytest.mark.parametrize(
    ("giver", "taken"),
    [
        ("urn:ncl:provider:gone", True),
        ("urn:ncl:provider:age-well-camden", True),
        ("urn:ncl:provider:yet-to-come", False),
        ("urn:ncl:provider:nobody", False),
        (ODS + "XXX", False),
    ],
)
def test_the_giver_of_a_reference_is_one_who_had_begun_to_send(giver, taken, changed, judge, local_rules):
    event = changed("sp-closed", {"ref_source": giver}, time="2024-04-15T12:00:00Z")
    found = judge(event, by=local_rules)
    assert isinstance(found, Event) if taken else verdict(found) == (Reason.unknown_provider, "/data/ref_source")


@pytest.mark.parametrize(("code", "taken"), [("ABC123", True), ("age-well-camden", True), ("age-well", False)])
def test_a_slug_is_one_of_the_register(code, taken, changed, judge, local_rules):
    for event, path in (
        (changed("sp-referral", {"link_worker_provider": code}), "/data/link_worker_provider"),
        (changed("link-worker-joined", {"employer": code}), "/data/employer"),
        (changed("link-worker-joined", subject=f"link-worker:{code}:1"), "/subject"),
        (changed("collaborate-scored", {"team": "1"}, subject=f"team:{code}:1"), "/subject"),
    ):
        found = judge(event, by=local_rules)
        assert isinstance(found, Event) if taken else verdict(found) == (Reason.unknown_code, path)


def test_an_event_of_up_to_256_kib_is_read(changed, judge):
    value = json.dumps(changed("pam-scored")).encode()
    key = VALID["pam-scored"]["subject"].encode()
    assert isinstance(judge(value.ljust(MAX_EVENT_BYTES), key=key), Event)
    refused = judge(value.ljust(MAX_EVENT_BYTES + 1), key=key)
    assert verdict(refused) == (Reason.too_large, "")
    assert refused.sha256 == hashlib.sha256(value.ljust(MAX_EVENT_BYTES + 1)).hexdigest()
    assert (refused.evidence, refused.source, refused.size) == (None, None, MAX_EVENT_BYTES + 1)


def test_size_is_judged_before_anything_is_read(judge):
    assert judge(b"{" * (MAX_EVENT_BYTES + 1)).reason is Reason.too_large


def test_evidence_is_kept_up_to_64_kib_and_above_by_its_hash(judge):
    for size, kept in ((MAX_EVIDENCE_BYTES, True), (MAX_EVIDENCE_BYTES + 1, False)):
        value = b"x" * size
        refused = judge(value)
        assert refused.evidence == (value if kept else None)
        assert refused.sha256 == (None if kept else hashlib.sha256(value).hexdigest())
        assert not refused.redacted


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


def test_the_reasons_come_in_their_order(changed, judge):
    """Each fault is mended in turn; the next shows."""
    event = changed(
        "pam-scored", {"level": 4, "borough": "E09000001"}, time="2034-01-01T00:00:00Z", type="x", specversion="0"
    )
    seen = [judge(event, topic="interventions.submitted.ral", key=b"x").reason]
    mended = VALID["pam-scored"]
    for name in ("specversion", "type"):
        event[name] = mended[name]
        seen.append(judge(event, topic="interventions.submitted.ral", key=b"x").reason)
    event["data"]["level"] = mended["data"]["level"]
    seen.append(judge({**event, "source": "urn:x"}, topic="interventions.submitted.ral", key=b"x").reason)
    event["time"] = mended["time"]
    seen.append(judge({**event, "source": "urn:x"}, topic="interventions.submitted.ral", key=b"x").reason)
    seen.append(judge(event, topic="interventions.submitted.ral", key=b"x").reason)
    seen.append(judge(event, key=b"x").reason)
    seen.append(judge(event).reason)
    assert seen == [
        Reason.not_cloudevent,
        Reason.unknown_type,
        Reason.invalid_data,
        Reason.time_out_of_range,
        Reason.unknown_provider,
        Reason.source_not_allowed,
        Reason.key_mismatch,
        Reason.unknown_code,
    ]


def test_a_verdict_that_needs_what_is_recorded_has_the_same_form(changed, judge):
    event = judge(changed("pam-scored"))
    record = as_record(json.dumps(changed("pam-scored")).encode(), event.subject)
    refused = refuse(record, event, Reason.id_reused, FieldError("/id", "Another event has it.", "a new id"))
    assert (refused.reason, refused.source, refused.id) == (Reason.id_reused, event.source, event.id)
    assert refused.evidence == record.value


@pytest.mark.parametrize(
    ("written", "doubled", "path"),
    [
        ('"score": 52.9', '"score": 12.0, "score": 52.9', "/data/score"),
        ('"score": 52.9', '"score": 52.9,"score"\n\t: 52.9', "/data/score"),
        ('"score"', '"score" :12.0, "score"', "/data/score"),
        ('"id"', '"id":"x","id"', "/id"),
        ('"data"', '"data":{"reason":1},"data"', "/data"),
    ],
)
def test_a_name_given_twice_is_refused(written, doubled, path, changed, judge):
    value = json.dumps(changed("pam-scored"))
    assert written in value
    refused = judge(value.replace(written, doubled).encode(), key=VALID["pam-scored"]["subject"].encode())
    assert verdict(refused) == (Reason.invalid_data, path)


@pytest.mark.parametrize("colon", [": ", ":", " : ", "\n:\t", "\r\n:"])
def test_white_space_around_names_repeats_nothing(colon, changed, judge):
    value = json.dumps(changed("pam-scored"), separators=(",", colon)).encode()
    assert isinstance(judge(value, key=VALID["pam-scored"]["subject"].encode()), Event)


def test_the_examples_were_received_after_they_happened():
    assert all(dt.datetime.fromisoformat(event["time"]) < RECEIVED for event in VALID.values())
