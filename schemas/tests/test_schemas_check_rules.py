"""The rules that the models do not show: times, organisations, keys and codes."""

import datetime as dt

import pytest

from pcare_schemas.envelope import Event
from pcare_schemas.examples import ODS, VALID
from pcare_schemas.kinds import KINDS
from pcare_schemas.register import ProviderEntry, Register
from pcare_schemas.rejections import Reason, Rejection
from pcare_schemas.rules import Rules


def verdict(found):
    assert isinstance(found, Rejection), found
    return found.reason, found.errors[0].path


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
        ProviderEntry(
            source="urn:ncl:provider:walks",
            name="Walks",
            kind="voluntary_sector",
            kinds=("self-management-completed", "self-management-referral"),
        ),
    ]
    return Rules(rules.contract, rules.lists, Register(entries))


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


@pytest.mark.parametrize("kind", KINDS)
def test_an_organisation_sends_the_kinds_of_its_entry_and_takes_back_what_it_sent(kind, changed, judge, local_rules):
    found = judge(changed(kind, source="urn:ncl:provider:walks"), by=local_rules)
    if kind in {"self-management-referral", "self-management-completed", "event-retracted"}:
        assert isinstance(found, Event)
        return
    assert verdict(found) == (Reason.kind_not_allowed, "/type")
    expected = found.errors[0].expected
    assert expected == "a type of one of: self-management-referral, self-management-completed"


def test_an_organisation_without_kinds_sends_all(changed, judge, local_rules):
    for kind in KINDS:
        assert isinstance(judge(changed(kind, source="urn:ncl:provider:age-well-camden"), by=local_rules), Event)


def test_another_organisations_topic_is_said_before_the_kind(changed, judge, local_rules):
    event = changed("pam-scored", source="urn:ncl:provider:walks")
    assert judge(event, by=local_rules, topic="interventions.submitted.rke").reason is Reason.source_not_allowed


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
