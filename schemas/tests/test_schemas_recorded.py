"""The form in the log, to the byte."""

import datetime as dt
import json

import pytest

from pcare_schemas import asyncapi
from pcare_schemas.examples import RECEIVED, VALID
from pcare_schemas.instants import utc, utc_milliseconds
from pcare_schemas.kinds import EVENT_ADAPTER
from pcare_schemas.log import read_event, read_line, read_rejected, read_subject_link
from pcare_schemas.recorded import (
    CLOUDEVENTS_HEADERS,
    SUBJECTS_MERGED_TYPE,
    Origin,
    moved_text,
    recorded_text,
    subject_linked_text,
    subjects_merged_text,
)
from pcare_schemas.rejections import FieldError, Reason, rejected_document, rejection

SUBJECT = "person:3f1c6a1e-0000-4000-8000-000000000001"
ORIGIN = Origin("interventions.submitted.rke", 2, 41)
AT = dt.datetime(2024, 6, 30, 12, 0, 0, 123999, tzinfo=dt.UTC)


def recorded(event, at=AT):
    read = EVENT_ADAPTER.validate_json(json.dumps(event))
    return recorded_text(read, subject=SUBJECT, recorded_at=at, origin=ORIGIN, rules_version="1-0123456789ab")


def test_an_event_reads_in_the_log_as_it_is_documented(changed):
    assert json.loads(recorded(changed("pam-scored", {"score": 47, "level": 1}))) == {
        "specversion": "1.0",
        "id": VALID["pam-scored"]["id"],
        "source": "https://fhir.nhs.uk/Id/ods-organization-code/RKE",
        "type": "uk.nhs.ncl.personalised-care.pam-scored.v1",
        "subject": SUBJECT,
        "time": "2024-04-19T09:00:00Z",
        "datacontenttype": "application/json",
        "recordedat": "2024-06-30T12:00:00.123Z",
        "origin": "interventions.submitted.rke/2/41",
        "rulesversion": "1-0123456789ab",
        "data": {**VALID["pam-scored"]["data"], "score": 47.0, "level": 1},
    }


def test_what_came_with_the_event_stays_with_it(changed):
    text = json.loads(recorded(changed("sp-referral", dataschema="urn:ncl:personalised-care:schema:sp-referral:v1")))
    assert text["recordedtime"] == "2024-04-12T08:21:43Z"
    assert text["traceparent"] == VALID["sp-referral"]["traceparent"]
    assert text["dataschema"] == "urn:ncl:personalised-care:schema:sp-referral:v1"


def test_defaults_are_written_out_and_absent_fields_left_out(changed):
    data = json.loads(recorded(VALID["phb-issued"]))["data"]
    assert (data["integrated"], data["one_off"]) == (False, False)
    assert "practice" not in data
    assert data["starts"] == "2024-05-01"


@pytest.mark.parametrize("kind", VALID)
def test_the_same_event_is_the_same_bytes(kind):
    turned = {name: VALID[kind][name] for name in sorted(VALID[kind], reverse=True)}
    turned["data"] = {name: turned["data"][name] for name in sorted(turned["data"])}
    assert recorded(VALID[kind]) == recorded(turned)
    assert recorded(VALID[kind]) == recorded(VALID[kind], AT.astimezone(dt.timezone(dt.timedelta(hours=1))))


def test_the_bytes_are_pinned():
    """Whoever changes this changes the log: a repeat would differ from the record that it repeats."""
    assert recorded(VALID["sp-declined"]) == (
        b'{"specversion":"1.0","id":"%s","source":"https://fhir.nhs.uk/Id/ods-organization-code/RKE",'
        b'"type":"uk.nhs.ncl.personalised-care.sp-declined.v1","subject":"%s","time":"2024-04-15T10:00:00Z",'
        b'"datacontenttype":"application/json","recordedat":"2024-06-30T12:00:00.123Z",'
        b'"origin":"interventions.submitted.rke/2/41","rulesversion":"1-0123456789ab","data":{"borough":"E09000003",'
        b'"age_band":"45-49","sex":"male","ethnic_category":"H","snomed_code":"871711000000103",'
        b'"snomed_version":"20240410","referral_ref":"SP-7f3b02"}}'
    ) % (VALID["sp-declined"]["id"].encode(), SUBJECT.encode())


@pytest.mark.parametrize("kind", VALID)
def test_the_log_reads_back(kind):
    event = read_event(recorded(VALID[kind]))
    sent = EVENT_ADAPTER.validate_json(json.dumps(VALID[kind]))
    assert (event.id, event.source, event.type, event.time) == (sent.id, sent.source, sent.type, sent.time)
    assert event.time.tzinfo is not None
    assert (event.subject, event.origin) == (SUBJECT, str(ORIGIN))
    assert event.recordedat == dt.datetime(2024, 6, 30, 12, 0, 0, 123000, tzinfo=dt.UTC)
    for name in event.data.__struct_fields__:
        assert getattr(event.data, name) in (getattr(sent.data, name, None), False), name


def test_the_log_may_hold_fields_that_this_reader_does_not_know():
    text = json.loads(recorded(VALID["phb-issued"]))
    text["later"] = {"a": [1]}
    text["data"]["later"] = [1, {"b": None}]
    assert read_event(json.dumps(text).encode()).data.budget_ref == "PHB-5512"


def test_a_pseudonyms_subject_reads_back():
    pseudonym = VALID["sp-referral"]["subject"]
    text = subject_linked_text(pseudonym, SUBJECT, linked_at=AT, origin=ORIGIN, rules_version="1-0123456789ab")
    link = read_subject_link(text)
    assert (link.data.pseudonym, link.data.subject, link.origin) == (pseudonym, SUBJECT, str(ORIGIN))
    assert json.loads(text)["subject"] == pseudonym


def test_a_merge_reads_back_as_a_line_of_the_log_and_fits_its_schema():
    gone, kept = SUBJECT, "person:00000000-0000-4000-8000-000000000002"
    text = subjects_merged_text(gone, kept, merged_at=AT, act=7, rules_version="1-0123456789ab")
    line = read_line(text)
    assert (line.id, line.subject, line.type) == (gone, gone, SUBJECTS_MERGED_TYPE)
    assert line.data == {"gone": gone, "kept": kept}
    assert str(Origin.parse(line.origin)) == "pcare.acts/0/7"
    schema = asyncapi.document()["components"]["schemas"]["subjectsMerged"]
    assert set(schema["required"]) <= json.loads(text).keys()


@pytest.mark.parametrize("kind", VALID)
def test_an_event_that_is_moved_is_the_event_as_recorded_about_the_other(kind, judge):
    event, other = judge(VALID[kind]), "person:00000000-0000-4000-8000-000000000002"
    about = {"recorded_at": AT, "origin": ORIGIN, "rules_version": "1-0123456789ab"}
    text = recorded_text(event, subject=SUBJECT, **about)
    assert moved_text(text, SUBJECT, other) == recorded_text(event, subject=other, **about)
    assert moved_text(text, other, SUBJECT) == text


@pytest.mark.parametrize("value", [b"\x00\xff not json", b"{}", None, b"x" * 65_537])
def test_a_rejection_reads_back(value):
    error = FieldError("/data/score", "Too large.", "at most 100")
    refused = rejection(value, Reason.invalid_data, error, source="urn:x", id="1")
    text = rejected_document(refused, origin=ORIGIN, received_at=AT, rules_version="1-0123456789ab")
    again = read_rejected(text)
    assert (again.id, again.origin, again.rulesversion) == (str(ORIGIN), str(ORIGIN), "1-0123456789ab")
    assert (again.data.event_source, again.data.event_id) == ("urn:x", "1")
    assert (again.data.evidence, again.data.redacted) == (refused.evidence, False)
    assert (again.data.size, again.data.sha256) == (refused.size, refused.sha256)
    assert [(found.pointer, found.message, found.expected) for found in again.data.errors] == [
        ("/data/score", "Too large.", "at most 100")
    ]
    assert text == rejected_document(refused, origin=ORIGIN, received_at=AT, rules_version="1-0123456789ab")
    assert json.loads(text)["subject"] == str(ORIGIN)
    assert len(text) < 2**20


@pytest.mark.parametrize("text", ["interventions.submitted/0/0", "interventions.submitted.rke/11/9223372036854775807"])
def test_an_origin_is_written_and_read(text):
    assert str(Origin.parse(text)) == text


@pytest.mark.parametrize("text", ["", "a/b", "a/1/x", "a/-1/2", "a/1/2/3", "a b/1/2", "a/1/2\n", "a/²/1"])
def test_nothing_else_is_an_origin(text):
    with pytest.raises(ValueError, match="origin"):
        Origin.parse(text)


def test_origins_are_ordered_by_topic_partition_and_offset():
    assert Origin("a", 9, 9) < Origin("b", 0, 0) < Origin("b", 0, 10) < Origin("b", 1, 2)


def test_instants_are_written_in_utc_and_only_with_the_parts_they_have():
    assert utc(dt.datetime(2024, 3, 31, 1, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))) == "2024-03-31T00:30:00Z"
    assert utc(RECEIVED.replace(microsecond=120)) == "2024-06-30T12:00:00.000120Z"
    assert utc_milliseconds(RECEIVED.replace(microsecond=999)) == "2024-06-30T12:00:00.000Z"
    with pytest.raises(ValueError, match="offset"):
        utc(dt.datetime(2024, 1, 1))  # noqa: DTZ001


def test_the_header_is_that_of_a_structured_cloudevent():
    assert CLOUDEVENTS_HEADERS == [("content-type", b"application/cloudevents+json; charset=UTF-8")]
