"""Rows and messages: the same bytes in both, the refs of each kind, nothing a column cannot hold."""

import json
import uuid

import pytest
from recorder_events import ALEX, RECEIVED, checked, event, submitted

from pcare_recorder import rows
from pcare_recorder.partitioner import murmur2, partition_of
from pcare_recorder.verdicts import NewLink, Outcome, Recorded, Settled, Verdicts, judge
from pcare_schemas.envelope import Event
from pcare_schemas.examples import VALID, WHITTINGTON
from pcare_schemas.kinds import KINDS
from pcare_schemas.recorded import content_hash
from pcare_schemas.rejections import Reason, Rejection
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS, provider_topic

SUBJECT = "person:7d444840-9dc0-11d1-b245-5ffdce74fad2"
VERSION = "1-0123456789ab"


def judged(*values: dict[str, object] | bytes) -> Verdicts:
    return judge(checked(*values), Recorded(), lambda: SUBJECT)


def test_a_row_holds_what_is_published_to_the_byte() -> None:
    new = judged(event("sp-referral", referral_ref="R1"))
    message = rows.event_message(new.events[0], VERSION)
    row = dict(
        zip(
            rows.EVENT_COLUMNS,
            rows.event_row(new.events[0], message.value.decode(), VERSION),
            strict=True,
        )
    )
    assert (message.topic, message.key) == (RECORDED, SUBJECT.encode())
    published = json.loads(message.value)
    assert published["subject"] == SUBJECT
    assert published["origin"] == "interventions.submitted/0/0"
    assert published["recordedat"] == "2024-06-30T12:00:00.000Z"
    assert row.pop("published").encode() == message.value
    found = new.events[0].event
    assert row == {
        "source": WHITTINGTON,
        "id": published["id"],
        "kind": "sp-referral",
        "subject": SUBJECT,
        "occurred_at": found.time,
        "borough": "E09000019",
        "pcn": "U12345",
        "practice": None,
        "age_band": "65-69",
        "sex": "female",
        "ethnic_category": "A",
        "imd_decile": 3,
        "cohorts": None,
        "reasons": ["lonely_or_isolated", "long_term_condition"],
        "setting": None,
        "situation": None,
        "starts": None,
        "one_off": None,
        "details": '{"snomed_code":"871731000000106","snomed_version":"20240410","referrer":"hospital"}',
        "ref_source": WHITTINGTON,
        "ref": "R1",
        "retracts": None,
        "content_sha256": content_hash(found, SUBJECT),
        "recorded_at": RECEIVED,
        "rules_version": VERSION,
        "origin_topic": "interventions.submitted",
        "origin_partition": 0,
        "origin_offset": 0,
        "traceparent": None,
    }


def test_a_row_holds_the_trace_that_is_published_too() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    (new,), ((submitted, refused),) = judged(event()).events, judged(b"broken").rejections
    assert rows.event_message(new, VERSION, trace).traceparent == trace
    assert rows.event_row(new, "{}", VERSION, trace)[-2:] == ("{}", trace)
    assert rows.rejection_message(submitted, refused, VERSION, trace).traceparent == trace
    assert rows.rejection_row(submitted, refused, "{}", VERSION, trace)[-2:] == ("{}", trace)
    assert rows.settled_message(Settled(Outcome.RECORDED, SUBJECT, "{}", trace)).traceparent == trace


def row_of(value: dict[str, object]) -> dict[str, object]:
    new = judged(value).events[0]
    return dict(zip(rows.EVENT_COLUMNS, rows.event_row(new, "{}", VERSION), strict=True))


def test_a_ref_belongs_to_who_gave_it() -> None:
    other = "https://fhir.nhs.uk/Id/ods-organization-code/RAL"
    row = row_of(event("sp-closed", referral_ref="R1", ref_source=other))
    assert (row["ref_source"], row["ref"]) == (other, "R1")


def test_without_a_ref_there_is_no_source_of_it() -> None:
    row = row_of(event("sp-declined", referral_ref=None))
    assert (row["ref_source"], row["ref"]) == (None, None)


def test_a_plan_that_a_score_or_a_budget_points_to_is_not_its_ref() -> None:
    assert row_of(event("pam-scored", plan_ref="P1"))["ref"] is None
    assert row_of(event("phb-issued", plan_ref="P1", budget_ref="B1"))["ref"] == "B1"


def test_a_retraction_names_its_target_and_has_no_borough() -> None:
    row = row_of(event("event-retracted", retracts="the-target"))
    assert (row["retracts"], row["borough"]) == ("the-target", None)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_with_a_ref_of_its_own_is_listed(kind: str) -> None:
    fields = set(KINDS[kind].model_fields["data"].annotation.model_fields)  # type: ignore[union-attr]
    refs = {name for name in fields if name.endswith("_ref")} - {"plan_ref" if not kind.startswith("care-plan") else ""}
    assert refs == ({rows.REF_FIELDS[kind]} if kind in rows.REF_FIELDS else set())


def test_a_link_is_published_from_its_row_alone() -> None:
    link = NewLink(ALEX, SUBJECT, submitted(event(), 5))
    row = rows.link_row(link, VERSION)
    message = rows.link_message(row)
    assert (message.topic, message.key) == (SUBJECTS, ALEX.encode())
    assert json.loads(message.value)["data"] == {"pseudonym": ALEX, "subject": SUBJECT}
    from_database = (row[0], uuid.UUID(str(row[1])), *row[2:])
    assert rows.link_message(from_database) == message


def test_a_subject_that_is_no_person_of_the_log_has_no_id() -> None:
    with pytest.raises(ValueError, match="badly formed"):
        rows.subject_id("team:RAL:1")


def test_a_rejection_is_stored_and_published_alike() -> None:
    broken = submitted(b"{", 9, topic=provider_topic("RKE"))
    verdicts = judge(checked(broken), Recorded(), lambda: SUBJECT)
    ((record, rejection),) = verdicts.rejections
    message = rows.rejection_message(record, rejection, VERSION)
    row = dict(
        zip(
            rows.REJECTION_COLUMNS,
            rows.rejection_row(record, rejection, message.value.decode(), VERSION),
            strict=True,
        )
    )
    assert (message.topic, message.key) == (REJECTED, b"interventions.submitted.rke/0/9")
    assert row["reason"] == "not_json"
    assert row["sender"] == "rke"
    assert row["evidence"] == b"{"
    assert json.loads(row["errors"]) == json.loads(message.value)["data"]["errors"]
    assert row["published"].encode() == message.value


def test_claims_are_stored_only_as_far_as_a_column_holds_them() -> None:
    hostile = Rejection(
        reason=Reason.invalid_data,
        errors=(),
        source="a\0b\ud800" + "c" * 300,
        id=None,
        evidence=None,
        redacted=False,
        size=0,
        sha256=None,
    )
    row = dict(zip(rows.REJECTION_COLUMNS, rows.rejection_row(submitted(b""), hostile, "{}", VERSION), strict=True))
    assert row["source"] == "a\ufffdb?" + "c" * 252
    assert row["id"] is None
    assert row["sender"] is None


def test_a_verdict_that_stands_is_published_where_it_belongs() -> None:
    recorded = rows.settled_message(Settled(Outcome.RECORDED, SUBJECT, "{}"))
    assert (recorded.topic, recorded.key, recorded.value) == (RECORDED, SUBJECT.encode(), b"{}")
    assert rows.settled_message(Settled(Outcome.REJECTED, "t/0/1", "{}")).topic == REJECTED


@pytest.mark.parametrize(
    ("key", "hashed"),  # the vectors of Kafka's own UtilsTest
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_keys_are_partitioned_as_every_other_client_does(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed & 0xFFFFFFFF
    assert partition_of(key, 12) == (hashed & 0x7FFFFFFF) % 12


def test_every_example_becomes_a_row() -> None:
    for value in VALID.values():
        (found,) = judged(value).events
        assert isinstance(found.event, Event)
        assert len(rows.event_row(found, "{}", VERSION)) == len(rows.EVENT_COLUMNS)
